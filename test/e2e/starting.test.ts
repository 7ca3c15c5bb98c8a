import type { ServerResponse } from "node:http";
import { describe, expect, test } from "vitest";
import { modernAgent } from "../fixtures/agents/http.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { events, eventText, type Peer, type Seen, startPeer } from "../fixtures/http-peer.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { type OddChild, oddChild } from "../fixtures/odd-child.ts";
import type { Json } from "../fixtures/upstream/contract.ts";

/** Whatever starts, connects: servers that are reached directly by one client or another, and how each of them is odd. */
const CHILDREN: Readonly<Record<string, OddChild>> = {
  "ends-on-first": {
    on: `if (seen.length === 1 && message.method !== "initialize") process.exit(1); legacy(message);`,
  },
  "refuses-then-ends": {
    on: `if (message.method === "server/discover") { refuse(message); process.exitCode = 3; process.stdin.destroy(); } else legacy(message);`,
  },
  "refuses-after-wrong-start": {
    on: `if (seen[0] !== "initialize") { if (message.id !== undefined) refuse(message, -32600, "initialize comes first"); } else legacy(message);`,
  },
  "silent-on-unknown": { on: `if (message.method !== "server/discover") legacy(message);` },
  "silent-after-a-word": {
    start: `process.stderr.write("server is starting\\n");`,
    on: `if (message.method !== "server/discover") legacy(message);`,
  },
  "answers-late": {
    start: "let first;",
    on: `if (!first) first = message; else { if (first !== true) { modern(first); first = true; } modern(message); }`,
  },
  "answers-late-and-refuses-first": {
    start: "let first;",
    on: `if (!first) first = message; else { modern(message); if (first !== true) { modern(first); first = true; } }`,
  },
  "ends-on-initialize": { on: `if (message.method === "initialize") process.exit(1); modern(message);` },
  "prints-a-banner": {
    start: `console.log("Server listening on stdio"); console.log("{ready}"); console.error("hello");`,
    on: "legacy(message);",
  },
  "answers-nonsense": {
    on: `if (message.method === "server/discover") reply(message, { ok: true }); else legacy(message);`,
  },
  "answers-null": { on: `if (message.method === "server/discover") reply(message, null); else legacy(message);` },
  "answers-without-id": {
    on: `if (message.method === "server/discover") refuse({ id: null }, -32700, "Parse error"); else legacy(message);`,
  },
  "names-legacy-revisions": {
    on: `if (message.method === "server/discover") reply(message, discovered(["2025-11-25"])); else legacy(message);`,
  },
  "speaks-the-first-draft": {
    on: `if (message.method === "initialize")
           reply(message, { protocolVersion: "2024-10-07", capabilities: { tools: {} }, serverInfo: { name: "old", version: "1" } });
         else legacy(message);`,
  },
  "ids-as-text": {
    start: "const number = answer => ({ ...answer, id: String(answer.id) });",
    on: "legacy(message.id === undefined ? message : number(message));",
  },
  "pings-before-it-answers": {
    start: `say({ id: "early", method: "ping" }); let waiting = []; let pongs = 0;`,
    on: `if (message.method === undefined) { pongs++; for (const one of waiting.splice(0)) legacy(one); }
         else if (message.method !== "initialize") legacy(message);
         else if (pongs === 1) { waiting.push(message); say({ id: "late", method: "ping" }); }
         else waiting.push(message);`,
  },
  "talks-before-it-answers": {
    on: `if (message.method === "initialize") {
           say({ method: "notifications/message", params: { level: "info", data: "loading" } });
           say({ method: "notifications/tools/list_changed" });
           say({ id: "roots", method: "roots/list" });
           this.held = message;
         } else if (message.method === undefined && this.held) { legacy(this.held); this.held = undefined; }
         else legacy(message);`,
  },
};

/** How a remote server is odd about one message; `false` where it is as plain as any. */
type OddRemote = (seen: Seen, method: string, count: (method: string) => number) => boolean;

const html = ({ response }: Seen, status: number): true => {
  response.writeHead(status, { "content-type": "text/html" }).end("<h1>no</h1>");
  return true;
};
const json = ({ response }: Seen, message: Json, status = 200): true => {
  response
    .writeHead(status, { "content-type": "application/json" })
    .end(JSON.stringify({ jsonrpc: "2.0", ...message }));
  return true;
};
const isDiscover = (method: string): boolean => method === "server/discover";
const ODD_ID = "server-error";
const MODERN: Json = {
  ...{ resultType: "complete", ttlMs: 0, cacheScope: "private" },
  ...{ supportedVersions: ["2026-07-28"], capabilities: { tools: {} } },
};

const REMOTES: Readonly<Record<string, OddRemote>> = {
  ...Object.fromEntries(
    [400, 401, 403, 404, 405, 410, 500, 501, 502].map(status => [
      `answers-${status}`,
      ((seen, method) => isDiscover(method) && html(seen, status)) satisfies OddRemote,
    ]),
  ),
  "answers-html": (seen, method) => isDiscover(method) && html(seen, 200),
  "answers-nothing": (seen, method) => isDiscover(method) && Boolean(seen.response.writeHead(202).end()),
  "hangs-up": (seen, method) => isDiscover(method) && Boolean(seen.response.destroy()),
  hangs: (_seen, method) => isDiscover(method),
  "has-an-id-of-its-own": (seen, method) =>
    isDiscover(method) && json(seen, { id: ODD_ID, error: { code: -32600, message: "no session" } }, 400),
  "has-no-id": (seen, method) =>
    isDiscover(method) && json(seen, { id: null, error: { code: -32700, message: "what?" } }),
  "ids-as-text": (seen, method) =>
    method === "initialize" && json(seen, { id: String(seen.id), result: PLAIN.initialize }),
  "wakes-up-first": (seen, method, count) => {
    if (method === "initialize")
      return json(seen, { id: seen.id, error: { code: -32600, message: "2026-07-28 only" } }, 400);
    if (!isDiscover(method)) return false;
    return count(method) === 1 ? html(seen, 500) : json(seen, { id: seen.id, result: MODERN });
  },
};

const PLAIN: Readonly<Record<string, Json>> = {
  initialize: {
    ...{ protocolVersion: "2025-06-18", capabilities: { tools: {} } },
    serverInfo: { name: "remote", version: "1" },
  },
  ping: {},
  "tools/list": {
    ...{ resultType: "complete", ttlMs: 0, cacheScope: "private" },
    tools: [{ name: "speaks", inputSchema: { type: "object" } }],
  },
  "tools/call": { resultType: "complete", content: [{ type: "text", text: "yes" }] },
};

function startOdd(odd: OddRemote): Promise<Peer> {
  const counts = new Map<string, number>();
  return startPeer(seen => {
    const { response, text, id } = seen;
    if (seen.method !== "POST") return void response.writeHead(405).end();
    const { method = "" } = JSON.parse(text) as { method?: string };
    counts.set(method, (counts.get(method) ?? 0) + 1);
    if (odd(seen, method, one => counts.get(one) ?? 0)) return;
    if (Number.isNaN(id)) return void response.writeHead(202).end();
    const result = PLAIN[method];
    json(seen, result ? { id, result } : { id, error: { code: -32601, message: "no" } });
  });
}

const security = { rate_limit_per_minute: 0 };
const keep = useCleanup();

async function expectAllToServe(gateway: GatewayRun, upstreams: readonly Json[]): Promise<Map<string, string | null>> {
  const status = await gateway.until(all => all.upstreams.every(({ state }) => state === "ready"));
  for (const { name } of upstreams) {
    const agent = modernAgent(gateway.of(String(name)));
    const { message } = await agent.request("tools/call", { name: "speaks", arguments: {} });
    expect([name, message?.result]).toMatchObject([name, { content: [{ type: "text" }] }]);
  }
  return new Map(status.upstreams.map(({ name, protocolVersion }) => [name, protocolVersion]));
}

describe("a server that is reached", () => {
  test("as a child connects and answers, however odd it is about the first messages", async () => {
    const upstreams = Object.entries(CHILDREN).map(([name, child]) => oddChild(name, child));
    const gateway = keep(await startGateway({ toml: configToml(upstreams, { security }) }));
    const revisions = await expectAllToServe(gateway, upstreams);
    for (const name of ["answers-late", "answers-late-and-refuses-first", "ends-on-initialize"]) {
      expect([name, revisions.get(name)]).toEqual([name, "2026-07-28"]);
    }
  });

  test("over HTTP connects and answers, however odd it is about the first messages", async () => {
    const peers = await Promise.all(
      Object.entries(REMOTES).map(async ([name, odd]) => ({ name, peer: keep(await startOdd(odd)) })),
    );
    const upstreams = peers.map(({ name, peer }) => ({
      name,
      transport: "http",
      url: peer.url,
      health_check_interval: 600,
    }));
    const gateway = keep(await startGateway({ toml: configToml(upstreams, { security }) }));
    const revisions = await expectAllToServe(gateway, upstreams);
    expect(revisions.get("wakes-up-first")).toBe("2026-07-28");
    expect(revisions.get("hangs")).toBe("2025-06-18");
  });

  test("over HTTP+SSE connects, if it pings before it answers and names its address late", async () => {
    let stream: ServerResponse | undefined;
    let asked: number | undefined;
    const peer = keep(
      await startPeer(seen => {
        if (seen.method === "GET") {
          stream = events(seen, ": not ready\n\n");
          setImmediate(() => stream?.write(eventText("/messages", "event: endpoint\n")));
          return;
        }
        const { method = "" } = JSON.parse(seen.text) as { method?: string };
        seen.response.writeHead(202).end();
        const answer = (id: number, result: Json | undefined): void =>
          void stream?.write(eventText(JSON.stringify({ jsonrpc: "2.0", id, result })));
        if (method === "initialize") {
          asked = seen.id;
          stream?.write(eventText('{"jsonrpc":"2.0","id":"p","method":"ping"}'));
        } else if (method === "" && asked !== undefined) answer(asked, PLAIN.initialize);
        else if (!Number.isNaN(seen.id)) answer(seen.id, PLAIN[method]);
      }),
    );
    const upstreams = [{ name: "old", transport: "sse", url: peer.url }];
    const gateway = keep(await startGateway({ toml: configToml(upstreams) }));
    await expectAllToServe(gateway, upstreams);
  });

  test("is answered when it pings on the stream of its handshake", async () => {
    const pongs: string[] = [];
    const peer = keep(
      await startOdd((seen, method) => {
        const { response, id, text } = seen;
        if (text.includes('"id":"ping-')) {
          pongs.push(text);
          response.writeHead(202).end();
          waiting?.();
          return true;
        }
        if (method !== "initialize") return false;
        events(seen, eventText('{"jsonrpc":"2.0","id":"ping-1","method":"ping"}'));
        waiting = () => response.end(eventText(JSON.stringify({ jsonrpc: "2.0", id, result: PLAIN.initialize })));
        return true;
      }),
    );
    let waiting: (() => void) | undefined;
    const upstreams = [{ name: "pinging", transport: "http", url: peer.url }];
    const gateway = keep(await startGateway({ toml: configToml(upstreams) }));
    await expectAllToServe(gateway, upstreams);
    expect(pongs.map(text => JSON.parse(text))).toEqual([{ jsonrpc: "2.0", id: "ping-1", result: {} }]);
  });
});
