import { brotliCompressSync, createGzip, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import {
  type Answer,
  errorText,
  events,
  eventText,
  json,
  linesOf,
  noticeText,
  outbound,
  plain,
  redirect,
  result,
  resultText,
  type Seen,
} from "../../../test/fixtures/http-peer.ts";
import { TRANSPORTS, useTransports } from "../../../test/fixtures/transports.ts";
import { requestOn } from "../channel/channel.ts";

const over = useTransports();
const { start } = over;
/** `/mcp` leads to where the answer is. */
const moved =
  (status: number, location: string): Answer =>
  seen =>
    seen.url === "/mcp" ? redirect(seen, status, location) : result(seen);
const ok = { kind: "result", result: { ok: true } };
const initialize = () => outbound({ method: "initialize", params: {} });

describe.each(TRANSPORTS)("over %s", (_, open) => {
  over.use(open);

  describe("a redirect", () => {
    it.each<[string, number, string]>([
      ["to a path with a slash", 307, "/mcp/"],
      ["for good", 308, "/v2/mcp?x=1"],
      ["that only adds a slash", 301, "/mcp/"],
    ])("%s is followed with the whole request, and remembered", async (_name, status, location) => {
      const { peer, channel } = await start(moved(status, location));
      expect(plain(await requestOn(channel, outbound()))).toEqual(ok);
      expect(plain(await requestOn(channel, outbound()))).toEqual(ok);
      expect(linesOf(peer)).toEqual(["POST /mcp", `POST ${location}`, `POST ${location}`]);
      expect(peer.seen[1]!.text).toBe(peer.seen[0]!.text);
      const { accept, "content-type": type } = peer.seen[0]!.headers;
      expect(peer.seen[1]!.headers).toMatchObject({ accept, "content-type": type });
    });

    it("of a stream and of the end of a session is followed too", async () => {
      const { peer, channel } = await start(seen => {
        if (seen.text.includes('"initialize"')) json(seen, 200, resultText(seen.id), { "mcp-session-id": "s" });
        else if (seen.url === "/mcp") redirect(seen, 307, seen.method === "GET" ? "/stream" : "/end");
        else if (seen.method === "GET") events(seen);
        else seen.response.writeHead(204).end();
      });
      await requestOn(channel, initialize());
      const opened = new Promise<void>(resolve => {
        channel.openStream({}, { opened: () => resolve(), refused: () => {} });
      });
      await opened;
      await channel.endSession();
      expect(linesOf(peer)).toEqual(["POST /mcp", "GET /mcp", "GET /stream", "DELETE /mcp", "DELETE /end"]);
      expect(peer.seen.slice(1).map(({ headers }) => headers["mcp-session-id"])).toEqual(["s", "s", "s", "s"]);
    });

    it("to another origin reaches nobody there and says where it leads", async () => {
      const far = await start(result);
      const { channel } = await start(seen => redirect(seen, 307, far.peer.url));
      const reply = plain(await requestOn(channel, outbound())) as { detail: string };
      expect(reply).toMatchObject({ kind: "failed", fault: "protocol_error", delivery: "refused", status: 307 });
      expect(reply.detail).toContain(far.peer.url);
      expect(far.peer.seen).toEqual([]);
    });

    it("after which a call may have run does not run it again", async () => {
      const { peer, channel } = await start(moved(303, "/result"));
      const reply = plain(await requestOn(channel, outbound()));
      expect(reply).toMatchObject({ kind: "failed", delivery: "sent_unknown", status: 303 });
      expect(peer.seen).toHaveLength(1);
    });

    it("in a circle ends, with the way that it goes", async () => {
      const { peer, channel } = await start(seen => redirect(seen, 307, seen.url === "/a" ? "/mcp" : "/a"));
      const reply = plain(await requestOn(channel, outbound())) as { detail: string };
      expect(reply).toMatchObject({ kind: "failed", fault: "protocol_error", delivery: "refused" });
      expect(reply.detail).toContain("/mcp → /a → /mcp");
      expect(peer.seen).toHaveLength(2);
    });

    it("that never ends is given up", async () => {
      const { peer, channel } = await start(seen => redirect(seen, 307, `/${peer.seen.length}`));
      expect(plain(await requestOn(channel, outbound()))).toMatchObject({ kind: "failed", delivery: "refused" });
      expect(peer.seen).toHaveLength(11);
    });

    it("to the same place is followed when it comes with a cookie", async () => {
      const { peer, channel } = await start(seen =>
        seen.headers.cookie === "gate=1" ? result(seen) : redirect(seen, 307, "/mcp", { "set-cookie": "gate=1" }),
      );
      expect(plain(await requestOn(channel, initialize()))).toEqual(ok);
      expect(peer.seen).toHaveLength(2);
    });

    it("to an address that does not answer is not remembered", async () => {
      const { peer, channel } = await start(seen =>
        seen.url === "/mcp" ? redirect(seen, 307, "/gone") : json(seen, 404, "{}"),
      );
      await requestOn(channel, outbound());
      await requestOn(channel, outbound());
      expect(linesOf(peer)).toEqual(["POST /mcp", "POST /gone", "POST /mcp", "POST /gone"]);
    });
  });

  describe("a cookie", () => {
    const setting =
      (when: (seen: Seen) => boolean, cookie = "lb=node-1; Path=/; HttpOnly"): Answer =>
      seen => {
        const headers = when(seen) ? { "set-cookie": cookie } : {};
        json(seen, 200, resultText(seen.id), headers);
      };
    const opens = ({ text }: Seen) => /"initialize"|"server\/discover"/.test(text);

    it.each(["initialize", "server/discover"])(
      "that the opening brought goes back with all that follows: %s",
      async method => {
        const { peer, channel } = await start(setting(opens));
        await requestOn(channel, outbound({ method, params: {} }));
        await requestOn(channel, outbound());
        await channel.notify(Buffer.from("{}"), {});
        channel.openStream({});
        await peer.request(3);
        expect(peer.seen.map(({ headers }) => headers.cookie)).toEqual([undefined, ...Array(3).fill("lb=node-1")]);
        expect(channel.holdsState).toBe(true);
      },
    );

    it("stays within its conversation", async () => {
      const { peer, channel } = await start(setting(opens));
      await requestOn(channel, initialize());
      const other = over.channelTo(peer.url);
      await requestOn(other, outbound());
      expect(peer.seen[1]!.headers.cookie).toBeUndefined();
      expect(other.holdsState).toBe(false);
    });

    it("that a call brought is not sent with others' calls, and says that agents need conversations of their own", async () => {
      const { peer, channel } = await start(setting(({ text }) => text.includes("tools/call")));
      await requestOn(channel, initialize());
      expect(channel.holdsState).toBe(false);
      await requestOn(channel, outbound());
      await requestOn(channel, outbound());
      expect(peer.seen.map(({ headers }) => headers.cookie)).toEqual([undefined, undefined, undefined]);
      expect(channel.holdsState).toBe(true);
    });
  });

  describe("a compressed answer", () => {
    const RESULT = { text: "x".repeat(200_000) };
    const packed =
      (encoding: string, pack: (text: string) => Buffer, status = 200): Answer =>
      seen => {
        const text = status === 200 ? resultText(seen.id, RESULT) : errorText(seen.id, -32000);
        const headers = { "content-type": "application/json", "content-encoding": encoding };
        seen.response.writeHead(status, headers).end(pack(text));
      };

    it.each<[string, (text: string) => Buffer]>([
      ["gzip", gzipSync],
      ["x-gzip", gzipSync],
      ["GZIP", gzipSync],
      ["deflate", deflateSync],
      ["deflate", deflateRawSync],
      ["br", brotliCompressSync],
      ["identity", Buffer.from],
    ])("is read although none was asked for: %s", async (encoding, pack) => {
      const { peer, channel } = await start(packed(encoding, pack));
      expect(plain(await requestOn(channel, outbound()))).toEqual({ kind: "result", result: RESULT });
      expect(peer.seen[0]!.headers["accept-encoding"]).toBe("identity");
      expect(plain(await requestOn(channel, outbound()))).toEqual({ kind: "result", result: RESULT });
    });

    it("may be an error", async () => {
      const { channel } = await start(packed("gzip", gzipSync, 400));
      expect(plain(await requestOn(channel, outbound()))).toMatchObject({ kind: "error", status: 400 });
    });

    it("may be a stream, whose events come as they are sent", async () => {
      const { peer, channel } = await start(({ response }) => {
        const gzip = createGzip();
        response.writeHead(200, { "content-type": "text/event-stream", "content-encoding": "gzip" });
        gzip.pipe(response);
        gzip.write(eventText(noticeText("notifications/message", { data: 1 })));
        gzip.flush();
        finish = () => gzip.end(eventText(resultText(peer.seen[0]!.id)));
      });
      let finish = (): void => {};
      const reply = requestOn(channel, outbound({ onMessage: () => void finish() }));
      expect(plain(await reply)).toEqual(ok);
    });

    it("that grows beyond the limit is given up before it fills the memory", async () => {
      const bomb = gzipSync(Buffer.alloc(200 * 1024 * 1024, 0x20));
      const { channel } = await start(({ response }) => {
        response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" }).end(bomb);
      });
      const before = process.memoryUsage.rss();
      expect(plain(await requestOn(channel, outbound()))).toMatchObject({ kind: "failed", fault: "too_large" });
      expect(process.memoryUsage.rss() - before).toBeLessThan(32 * 1024 * 1024);
    });

    it("is taken as text compresses, and refused when no text could have been compressed so far", async () => {
      const rows = Array.from({ length: 60_000 }, (_, at) => ({ id: at, name: `row ${at}`, state: "open" }));
      const { channel } = await start(({ id, response }) => {
        response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" });
        response.end(gzipSync(resultText(id, { rows })));
      });
      expect(plain(await requestOn(channel, outbound()))).toMatchObject({ kind: "result" });
      const blown = await start(({ id, response }) => {
        response.writeHead(200, { "content-type": "application/json", "content-encoding": "br" });
        response.end(brotliCompressSync(resultText(id, { text: "x".repeat(2 * 1024 * 1024) })));
      });
      const reply = plain(await requestOn(blown.channel, outbound()));
      expect(reply).toMatchObject({ fault: "too_large", delivery: "answered" });
    });

    it("that is cut short counts as lost", async () => {
      const whole = gzipSync(resultText(1, { text: "hello" }));
      const { channel } = await start(({ response }) => {
        response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" });
        response.end(whole.subarray(0, whole.length - 9));
      });
      const reply = plain(await requestOn(channel, outbound()));
      expect(reply).toMatchObject({ kind: "failed", fault: "connection_lost", delivery: "sent_unknown" });
    });

    it("whose connection breaks counts as lost", async () => {
      const { channel } = await start(seen => {
        const { response } = seen;
        response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" });
        response.write(gzipSync(resultText(seen.id, RESULT)).subarray(0, 50), () => response.destroy());
      });
      const reply = plain(await requestOn(channel, outbound()));
      expect(reply).toMatchObject({ kind: "failed", fault: "connection_lost", delivery: "sent_unknown" });
    });
  });

  it("an answer that is announced again and again and never comes is none", async () => {
    const peer = await over.peerWith(({ response }) => {
      for (let time = 0; time < 5_000; time++) response.writeProcessing();
    });
    const channel = over.channelTo(peer.url);
    expect(plain(await requestOn(channel, outbound()))).toMatchObject({ kind: "failed", fault: "protocol_error" });
  });

  it("a configured host is sent instead of the URL's, once", async () => {
    const peer = await over.peerWith(result);
    const channel = over.channelTo(peer.url, { headers: { Host: "inner.example:8080" } });
    expect(plain(await requestOn(channel, outbound()))).toEqual(ok);
    const { response } = peer.seen[0]!;
    const hosts = response.req.rawHeaders.filter((name, at) => at % 2 === 0 && name.toLowerCase() === "host");
    expect([hosts.length, response.req.headers.host]).toEqual([1, "inner.example:8080"]);
  });
});
