import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { outbound, plain, resultText, startRawPeer } from "../../../test/fixtures/http-peer.ts";
import { TRANSPORTS, useTransports } from "../../../test/fixtures/transports.ts";
import { requestOn } from "../channel/channel.ts";

const over = useTransports();
const { channelTo } = over;

const failed = (fault: string, delivery = "sent_unknown") =>
  expect.objectContaining({ kind: "failed", fault, delivery });

describe.each(TRANSPORTS)("over %s", (_, open) => {
  over.use(open);

  describe("a broken connection", () => {
    it("that was never accepted is unreachable", async () => {
      const peer = await over.peerWith(() => {});
      await peer.close();
      expect(plain(await requestOn(channelTo(peer.url), outbound()))).toEqual(failed("unreachable", "not_sent"));
    });

    const head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    it.each<[string, string | undefined, string]>([
      ["is reset after the request", undefined, "connection_lost"],
      ["ends without a reply", "", "connection_lost"],
      ["ends in the middle of the body", `${head}content-length: 500\r\n\r\n{"jsonrpc"`, "connection_lost"],
      ["ends in the middle of a chunk", `${head}transfer-encoding: chunked\r\n\r\nff\r\n{"json`, "connection_lost"],
      ["speaks no HTTP", "SSH-2.0-OpenSSH_9.6\r\n", "protocol_error"],
    ])("that %s leaves it unknown whether it ran", async (_, text, fault) => {
      const peer = over.keep(
        await startRawPeer(socket =>
          socket.once("data", () => (text === undefined ? socket.resetAndDestroy() : socket.end(text))),
        ),
      );
      expect(plain(await requestOn(channelTo(peer.url), outbound()))).toEqual(failed(fault));
    });

    it("is not what interim replies mean", async () => {
      const peer = over.keep(
        await startRawPeer(socket =>
          socket.once("data", data => {
            const text = resultText(Number(/"id":(\d+)/.exec(data.toString())?.[1]));
            const interim = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n";
            socket.write(`${interim}${head}content-length: ${text.length}\r\n\r\n${text}`);
          }),
        ),
      );
      expect(plain(await requestOn(channelTo(peer.url), outbound()))).toEqual({ kind: "result", result: { ok: true } });
    });

    it("is what headers without an end lead to", async () => {
      let onClose = (): void => {};
      const closed = new Promise<void>(resolve => {
        onClose = resolve;
      });
      const peer = over.keep(
        await startRawPeer(socket => {
          socket.once("data", () => socket.write(`${head}a: ${"b".repeat(80_000)}`));
          socket.once("close", onClose);
        }),
      );
      expect(plain(await requestOn(channelTo(peer.url), outbound()))).toEqual(failed("protocol_error"));
      await closed;
    });

    it("is not left behind by an answer that comes before all of the request was sent", async () => {
      const sockets = new Set<unknown>();
      const peer = over.keep(
        await startRawPeer(socket => {
          sockets.add(socket);
          socket.once("data", () => {
            socket.pause();
            socket.write("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
          });
        }),
      );
      const channel = channelTo(peer.url);
      const large = outbound({ params: { text: "x".repeat(9_000_000) } });
      expect(plain(await requestOn(channel, large))).toEqual(failed("rejected", "refused"));
      await nextTurn();
      expect(plain(await requestOn(channel, outbound()))).toEqual(failed("rejected", "refused"));
      expect(sockets.size).toBe(2);
    });

    it("never takes an answer that was sent before its request", async () => {
      const whole = (text: string) => `${head}content-length: ${text.length}\r\n\r\n${text}`;
      const peer = over.keep(
        await startRawPeer(socket =>
          socket.on("data", data => {
            const id = Number(/"id":(\d+)/.exec(data.toString())?.[1]);
            socket.write(whole(resultText(id)));
            setImmediate(() => socket.write(whole(resultText(id + 1, { poisoned: true }))));
          }),
        ),
      );
      const channel = channelTo(peer.url);
      for (let turn = 0; turn < 20; turn++) {
        const reply = await requestOn(channel, outbound());
        expect(JSON.stringify(plain(reply))).not.toContain("poisoned");
      }
    });
  });
});
