import { randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import {
  type Answer,
  events,
  eventText,
  linesOf,
  noticeText,
  outbound,
  type Peer,
  plain,
  redirect,
  result,
  resultText,
  type WatchedClock,
  watchedClock,
} from "../../../test/fixtures/http-peer.ts";
import { manualClock } from "../../../test/fixtures/manual-clock.ts";
import { TRANSPORTS, useTransports } from "../../../test/fixtures/transports.ts";
import { Aborter } from "../../core/signal.ts";
import { requestOn } from "../channel/channel.ts";
import { type HttpChannel, openHttpChannel } from "./streamable.ts";

const over = useTransports();
const { start } = over;
async function startWithClock(answer: Answer): Promise<{ peer: Peer; channel: HttpChannel; clock: WatchedClock }> {
  const clock = watchedClock();
  return { ...(await start(answer, { clock })), clock };
}
const ok = { kind: "result", result: { ok: true } };

describe.each(TRANSPORTS)("over %s", (_, open) => {
  over.use(open);

  describe("a connection", () => {
    it("whose reader was behind when the reply ended serves the next one", async () => {
      let answered = 0;
      const { peer, channel } = await start(seen => {
        const text = `${eventText(noticeText("notifications/message"))}${eventText(resultText(seen.id))}`;
        answered++;
        seen.response.writeHead(200, { "content-type": "text/event-stream" }).end(text);
      });
      const never = { caughtUp: () => {} };
      for (let turn = 0; turn < 3; turn++) {
        expect(plain(await requestOn(channel, outbound({ onMessage: () => never })))).toEqual(ok);
      }
      expect([answered, peer.seen.length]).toEqual([3, 3]);
    });

    it("brings what comes in many pieces as it was sent, though it reads them all into one place", async () => {
      const text = Array.from({ length: 400 }, (_, at) => `${at}:${"äx".repeat(at)}`).join("");
      const { channel } = await start(seen => {
        const whole = Buffer.from(JSON.stringify({ jsonrpc: "2.0", id: seen.id, result: { text } }));
        seen.response.writeHead(200, { "content-type": "application/json", "content-length": whole.length });
        for (let at = 0; at < whole.length; at += 10_007) seen.response.write(whole.subarray(at, at + 10_007));
        seen.response.end();
      });
      expect(plain(await requestOn(channel, outbound()))).toEqual({ kind: "result", result: { text } });
    });
  });

  describe("a reply", () => {
    it("is given once, at once where the channel is closed", async () => {
      const { channel } = await start(result);
      const replies: string[] = [];
      await new Promise<void>(resolve => {
        channel.request(outbound(), reply => {
          replies.push(reply.kind);
          resolve();
        });
      });
      await channel.close();
      channel.request(outbound(), reply => replies.push(reply.kind));
      expect(replies).toEqual(["result", "failed"]);
    });

    it("that says nothing after its answer is waited for a second, then its connection is closed", async () => {
      const { peer, channel, clock } = await startWithClock(seen => void events(seen, eventText(resultText(seen.id))));
      expect(plain(await requestOn(channel, outbound()))).toEqual(ok);
      const { closed } = await peer.request(0);
      clock.advance(1_000);
      await closed;
    });

    it("that brings too much after its answer loses its connection at once", async () => {
      const { peer, channel } = await start(seen => {
        const { response } = seen;
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.write(eventText(resultText(seen.id)));
        for (let at = 0; at < 20; at++) response.write(`:${"x".repeat(10_000)}\n`);
      });
      expect(plain(await requestOn(channel, outbound()))).toEqual(ok);
      await (await peer.request(0)).closed;
    });

    it("that is cut short is none, though what came of it can be decompressed", async () => {
      const { channel } = await start(seen => {
        const whole = gzipSync(resultText(seen.id));
        const headers = { "content-type": "application/json", "content-encoding": "gzip" };
        seen.response.writeHead(200, { ...headers, "content-length": whole.length + 5 });
        seen.response.write(whole, () => seen.response.destroy());
      });
      expect(plain(await requestOn(channel, outbound()))).toMatchObject({ kind: "failed", fault: "connection_lost" });
    });

    it("that redirects and does not end is not waited for", async () => {
      const { peer, channel } = await start(seen => {
        if (seen.url !== "/mcp") return result(seen);
        seen.response.writeHead(307, { location: "/elsewhere" });
        for (let at = 0; at < 20; at++) seen.response.write("x".repeat(10_000));
      });
      expect(plain(await requestOn(channel, outbound()))).toEqual(ok);
      expect(linesOf(peer)).toEqual(["POST /mcp", "POST /elsewhere"]);
      await (await peer.request(0)).closed;
    });

    it("has its whole time after a redirect, and is asked for once", async () => {
      const { peer, channel, clock } = await startWithClock(seen => {
        if (seen.url === "/mcp") redirect(seen, 307, "/elsewhere");
      });
      const reply = requestOn(channel, outbound({ timeoutMs: 10_000, maxTimeoutMs: 10_000 }));
      const asked = await peer.request(1);
      clock.advance(9_000);
      result(asked);
      expect(plain(await reply)).toEqual(ok);
      expect(linesOf(peer)).toEqual(["POST /mcp", "POST /elsewhere"]);
    });

    it("does not come later than its time, though a redirect is in between", async () => {
      const { peer, channel, clock } = await startWithClock(seen => {
        if (seen.url === "/mcp") redirect(seen, 307, "/elsewhere");
      });
      const reply = requestOn(channel, outbound({ timeoutMs: 10_000, maxTimeoutMs: 10_000 }));
      await peer.request(1);
      clock.advance(10_000);
      expect(plain(await reply)).toMatchObject({ kind: "failed", fault: "timeout", delivery: "sent_unknown" });
    });

    it("that redirects and then says nothing is waited for a second", async () => {
      const { peer, channel, clock } = await startWithClock(seen => {
        if (seen.url !== "/mcp") return result(seen);
        seen.response.writeHead(307, { location: "/elsewhere" }).write("x");
      });
      const refused = clock.timer(1_000);
      const reply = requestOn(channel, outbound({ timeoutMs: 60_000, maxTimeoutMs: 60_000 }));
      const { closed } = await peer.request(0);
      await refused;
      clock.advance(999);
      expect(linesOf(peer)).toEqual(["POST /mcp"]);
      clock.advance(1);
      expect(plain(await reply)).toEqual(ok);
      await closed;
    });
  });
});

describe.each(TRANSPORTS)("over %s", (_, open) => {
  over.use(open);

  it("a large compressed reply is decompressed as it came", async () => {
    const text = randomBytes(450_000).toString("base64");
    const { channel } = await start(seen => {
      const whole = gzipSync(JSON.stringify({ jsonrpc: "2.0", id: seen.id, result: { text } }));
      seen.response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" }).end(whole);
    });
    expect(plain(await requestOn(channel, outbound()))).toEqual({ kind: "result", result: { text } });
  });

  it("a stream of a call that is given up is not asked for any more", async () => {
    const { peer, channel, clock } = await startWithClock(seen => {
      events(seen, "id: 1\nretry: 700\ndata:\n\n").end();
    });
    const resumed = clock.timer(700);
    const controller = new Aborter();
    const reply = requestOn(channel, outbound({ signal: controller.signal }));
    await resumed;
    const { pending } = clock;
    controller.abort();
    expect(plain(await reply)).toMatchObject({ fault: "cancelled", delivery: "sent_unknown" });
    expect(clock.pending).toBe(pending - 1);
    clock.advance(700);
    expect(linesOf(peer)).toEqual(["POST /mcp"]);
  });
});

it("a request that is given up while its token is fetched is not sent, and takes no place", async () => {
  const clock = manualClock();
  const started: unknown[] = [];
  const dispatcher = {
    start: (exchange: unknown) => void started.push(exchange),
    leave: () => {},
    close: async () => {},
  };
  let give = (_token: string): void => {};
  const token = new Promise<string>(resolve => {
    give = resolve;
  });
  const credentials = { token: () => token, invalidate: () => {} };
  const channel = openHttpChannel(
    { url: "http://h.test/mcp", headers: {}, clock, dispatcher, credentials },
    { message: () => {}, closed: () => {} },
  );
  const controller = new Aborter();
  const reply = requestOn(channel, outbound({ signal: controller.signal }));
  controller.abort();
  expect(plain(await reply)).toMatchObject({ fault: "cancelled", delivery: "not_sent" });
  give("t");
  await token;
  await channel.close();
  expect(started).toEqual([]);
});
