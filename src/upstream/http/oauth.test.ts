import { inspect } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import {
  type Answer,
  json,
  outbound,
  type Peer,
  plain,
  resultText,
  startPeer,
} from "../../../test/fixtures/http-peer.ts";
import { manualClock } from "../../../test/fixtures/manual-clock.ts";
import { Secret } from "../../lib/secret.ts";
import { requestOn } from "../channel/channel.ts";
import { CredentialError } from "./credentials.ts";
import { clientCredentials } from "./oauth.ts";
import { openHttpChannel } from "./streamable.ts";

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function peerWith(answer: Answer): Promise<Peer> {
  const peer = await startPeer(answer);
  cleanups.push(() => peer.close());
  return peer;
}
function sourceAt(tokenUrl: string) {
  return clientCredentials({
    ...{ tokenUrl, clientId: "me", clientSecret: new Secret("canary/secret"), scope: "a b", audience: "https://x" },
    clock: manualClock(),
    userAgent: "us/1",
  });
}
/** Issues `t1`, `t2`, … */
function issuer(): Promise<Peer> {
  let issued = 0;
  return peerWith(seen =>
    json(seen, 200, JSON.stringify({ access_token: `t${++issued}`, token_type: "bearer", expires_in: 60 })),
  );
}
const rejection = async (tokenUrl: string): Promise<CredentialError> => {
  const error: unknown = await Promise.resolve(sourceAt(tokenUrl).token()).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(CredentialError);
  expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/canary|Y2FuYXJ5/);
  return error as CredentialError;
};

describe("client credentials", () => {
  it("ask for a token as the grant demands", async () => {
    const server = await issuer();
    expect(await sourceAt(server.url).token()).toBe("t1");
    const [request] = server.seen;
    expect(Object.fromEntries(new URLSearchParams(request!.text))).toEqual({
      ...{ grant_type: "client_credentials", scope: "a b", audience: "https://x" },
    });
    const basic = Buffer.from("me:canary%2Fsecret").toString("base64");
    expect([request!.method, request!.headers.authorization]).toEqual(["POST", `Basic ${basic}`]);
  });

  it("are never sent unencrypted to another machine", async () => {
    const { failure } = await rejection("http://auth.example.test/token");
    expect(failure).toMatchObject({ fault: "auth_required", delivery: "not_sent" });
    expect(failure.detail).toContain("https");
  });

  it("that are refused say so by the registered code only", async () => {
    const body = { error: "invalid_client", error_description: "canary" };
    const { failure } = await rejection((await peerWith(seen => json(seen, 401, JSON.stringify(body)))).url);
    expect(failure).toMatchObject({ fault: "auth_required", delivery: "not_sent" });
    expect(failure.detail).toContain("invalid_client");
  });

  it("follow the token endpoint within its origin, and say who asks", async () => {
    const server = await peerWith(seen => {
      if (seen.url === "/mcp") seen.response.writeHead(308, { location: "/mcp/" }).end();
      else json(seen, 200, JSON.stringify({ access_token: "t", token_type: "bearer" }));
    });
    expect(await sourceAt(server.url).token()).toBe("t");
    expect(server.seen.map(({ method, url }) => `${method} ${url}`)).toEqual(["POST /mcp", "POST /mcp/"]);
    const [first, second] = server.seen;
    expect(second!.text).toBe(first!.text);
    expect(second!.headers).toMatchObject({ authorization: first!.headers.authorization, "user-agent": "us/1" });
  });

  it("do not follow the token endpoint for ever", async () => {
    const server = await peerWith(seen => void seen.response.writeHead(307, { location: "/mcp" }).end());
    const { failure } = await rejection(server.url);
    expect(failure).toMatchObject({ fault: "unreachable", delivery: "not_sent" });
    expect(failure.detail).toContain("circle");
    expect(server.seen.length).toBeLessThan(20);
  });

  it.each<[string, Answer]>([
    ["fails", seen => void seen.response.writeHead(503).end("canary")],
    ["gives no token", seen => json(seen, 200, "{}")],
    ["redirects elsewhere", seen => void seen.response.writeHead(307, { location: "https://e.test/t?canary" }).end()],
    ["redirects with a GET", seen => void seen.response.writeHead(302, { location: "/elsewhere" }).end()],
    ["breaks off", seen => void seen.response.destroy()],
  ])("leave the upstream unreachable while the token endpoint %s", async (_, answer) => {
    const server = await peerWith(answer);
    expect((await rejection(server.url)).failure).toMatchObject({ fault: "unreachable", delivery: "not_sent" });
    expect(server.seen).toHaveLength(1);
  });
});

describe("an upstream that refuses a token", () => {
  /** Refuses the tokens given. */
  const guarded =
    (refused: readonly string[]): Answer =>
    seen => {
      if (refused.includes(seen.headers.authorization ?? "")) json(seen, 401, "{}");
      else json(seen, 200, resultText(seen.id));
    };
  function channelWith(url: string, credentials: ReturnType<typeof sourceAt>) {
    const options = { url, headers: { authorization: "Bearer static" }, credentials, clock: manualClock() };
    const channel = openHttpChannel(options, { message: () => {}, closed: () => {} });
    cleanups.push(() => channel.close());
    return channel;
  }

  it("costs exactly one token request and one replay each, for 100 calls at once", async () => {
    const server = await issuer();
    const upstream = await peerWith(guarded(["Bearer t1"]));
    const channel = channelWith(upstream.url, sourceAt(server.url));
    await channel.notify(Buffer.from("{}"), {});
    expect([server.seen.length, upstream.seen.length]).toEqual([2, 2]);
    const stale = await issuer();
    const second = channelWith(upstream.url, sourceAt(stale.url));
    const before = upstream.seen.length;
    const replies = await Promise.all(Array.from({ length: 100 }, () => requestOn(second, outbound())));
    expect(replies.every(reply => reply.kind === "result")).toBe(true);
    expect(stale.seen).toHaveLength(2);
    expect(upstream.seen.length - before).toBe(200);
  });

  it("again is reported, not asked a third time", async () => {
    const server = await issuer();
    const upstream = await peerWith(guarded(["Bearer t1", "Bearer t2"]));
    const reply = await requestOn(channelWith(upstream.url, sourceAt(server.url)), outbound());
    expect(plain(reply)).toMatchObject({ fault: "auth_required", delivery: "refused", status: 401 });
    expect([server.seen.length, upstream.seen.length]).toEqual([2, 2]);
  });

  it("is not called at all without a token", async () => {
    const upstream = await peerWith(guarded([]));
    const channel = channelWith(upstream.url, sourceAt("http://auth.example.test/token"));
    expect(plain(await requestOn(channel, outbound()))).toMatchObject({ fault: "auth_required", delivery: "not_sent" });
    expect(upstream.seen).toEqual([]);
  });
});
