import { describe, expect, it } from "vitest";
import {
  type Answer,
  errorText,
  events,
  eventText,
  json,
  noticeText,
  outbound,
  plain,
  resultText,
  type Seen,
} from "../../../test/fixtures/http-peer.ts";
import { TRANSPORTS, useTransports } from "../../../test/fixtures/transports.ts";
import { requestOn } from "../channel/channel.ts";

const over = useTransports();
const { peerWith, channelTo } = over;

async function replyTo(answer: Answer, request = outbound()): Promise<object> {
  return plain(await requestOn(channelTo((await peerWith(answer)).url), request));
}
const html =
  (status: number): Answer =>
  ({ response }) =>
    void response.writeHead(status, { "content-type": "text/html" }).end("<h1>hello</h1>");
const failed = (fault: string, delivery = "sent_unknown") =>
  expect.objectContaining({ kind: "failed", fault, delivery });
const answers =
  (status: number, text: (seen: Seen) => string, headers = {}): Answer =>
  seen =>
    json(seen, status, text(seen), headers);

describe.each(TRANSPORTS)("over %s", (_, open) => {
  over.use(open);

  describe("a JSON answer", () => {
    it("becomes the result, byte for byte", async () => {
      const peer = await peerWith(seen => json(seen, 200, `{"id":${seen.id},"result":{"n": 1.0e2},"jsonrpc":"2.0"}`));
      const reply = await requestOn(channelTo(peer.url), outbound());
      expect(reply.kind === "result" && reply.result.bytes.toString()).toBe('{"n": 1.0e2}');
      const { method, headers, text } = peer.seen[0]!;
      expect({
        method,
        type: headers["content-type"],
        accept: headers.accept,
        encoding: headers["accept-encoding"],
      }).toEqual({
        ...{
          method: "POST",
          type: "application/json",
          accept: "application/json, text/event-stream",
          encoding: "identity",
        },
      });
      expect(headers["content-length"]).toBe(String(text.length));
    });

    it.each<[string, Answer, unknown]>([
      [
        "an error",
        answers(200, ({ id }) => errorText(id, -32602)),
        { kind: "error", error: { code: -32602, message: "no" } },
      ],
      ["a wrong id", answers(200, () => resultText(999_999)), failed("protocol_error")],
      [
        "our id as text",
        answers(200, ({ id }) => resultText(String(id) as never)),
        { kind: "result", result: { ok: true } },
      ],
      [
        "an error without id",
        answers(200, () => errorText(null, -32603)),
        { kind: "error", error: { code: -32603, message: "no" } },
      ],
      ["truncated JSON", answers(200, ({ id }) => resultText(id).slice(0, -4)), failed("protocol_error")],
      ["an empty body", answers(200, () => ""), failed("protocol_error")],
      ["a notification", answers(200, () => noticeText("x")), failed("protocol_error")],
      ["202 without a body", seen => void seen.response.writeHead(202).end(), failed("protocol_error")],
      [
        "HTML",
        html(200),
        { ...failed("protocol_error").sample, detail: expect.stringContaining("text/html"), status: 200 },
      ],
    ])("with %s ends the request at once", async (_, answer, expected) => {
      expect(await replyTo(answer)).toEqual(expected);
    });

    it("is refused when it is compressed in an unknown way, or not as it says", async () => {
      const packed =
        (encoding: string): Answer =>
        seen =>
          seen.response
            .writeHead(200, { "content-type": "application/json", "content-encoding": encoding })
            .end(resultText(seen.id));
      for (const encoding of ["compress", "gzip, br", "gzip", "br", "deflate"]) {
        expect(await replyTo(packed(encoding))).toEqual(failed("protocol_error"));
      }
    });

    it("may begin with a byte order mark", async () => {
      const text = (seen: Seen) => `\ufeff${resultText(seen.id)}`;
      expect(await replyTo(answers(200, text))).toEqual({ kind: "result", result: { ok: true } });
    });

    it.each<[string, (seen: Seen) => string]>([
      ["an object", ({ id }) => `\r\n ${resultText(id)}`],
      ["an event stream", ({ id }) => eventText(resultText(id), "event: message\n")],
      ["an event stream that begins with a comment", ({ id }) => `: hello\n\n${eventText(resultText(id))}`],
    ])("without a content type is known by how it begins: %s", async (_, text) => {
      const reply = await replyTo(seen => void seen.response.writeHead(200).end(text(seen)));
      expect(reply).toEqual({ kind: "result", result: { ok: true } });
    });

    it.each(["", "<h1>hello</h1>", "[]", "hello"])("without a content type is none: %j", async text => {
      const reply = await replyTo(({ response }) => void response.writeHead(200).end(text));
      expect(reply).toEqual(failed("protocol_error"));
    });

    it("is refused when it is not UTF-8", async () => {
      const invalid = Buffer.concat([Buffer.alloc(60, 0x61), Buffer.from([0xff, 0xfe])]);
      const binary: Answer = seen => {
        const [head, tail] = resultText(seen.id, { text: "@" }).split("@");
        seen.response.writeHead(200, { "content-type": "application/json" }).write(head);
        seen.response.write(invalid);
        seen.response.end(tail);
      };
      expect(await replyTo(binary)).toEqual(failed("protocol_error"));
    });

    it.each([
      ["announced", true],
      ["not announced", false],
    ])("that is too large, %s, closes the connection", async (_, announced) => {
      const size = 65 * 1024 * 1024;
      let closed: Promise<void> | undefined;
      const reply = await replyTo(seen => {
        closed = seen.closed;
        const length = announced ? { "content-length": String(size) } : {};
        seen.response.writeHead(200, { "content-type": "application/json", ...length });
        const chunk = Buffer.alloc(64 * 1024, 0x20);
        const more = (): void => {
          while (!seen.response.destroyed && seen.response.write(chunk));
        };
        seen.response.on("drain", more);
        more();
      });
      expect(reply).toEqual(failed("too_large", "answered"));
      await closed;
    });
  });

  describe("an event stream", () => {
    it("passes on notifications and requests in order before the result", async () => {
      const request = outbound();
      const ask = JSON.stringify({ jsonrpc: "2.0", id: "q", method: "elicitation/create", params: {} });
      const reply = await replyTo(seen => {
        const texts = [noticeText("notifications/progress", { progress: 1 }), noticeText("notifications/message"), ask];
        events(seen, ...texts.map(text => eventText(text)), ": still there\n\n", eventText(resultText(seen.id))).end();
      }, request);
      expect(reply).toEqual({ kind: "result", result: { ok: true } });
      expect(request.told.map(message => "method" in message && message.method)).toEqual([
        ...["notifications/progress", "notifications/message", "elicitation/create"],
      ]);
    });

    it("drops and counts what comes after the result, and keeps the connection", async () => {
      const peer = await peerWith(seen => {
        const twice = [resultText(seen.id, { turn: 1 }), resultText(seen.id, { turn: 2 })];
        events(seen, ...twice.map(text => eventText(text))).end();
      });
      const channel = channelTo(peer.url);
      expect(plain(await requestOn(channel, outbound()))).toEqual({ kind: "result", result: { turn: 1 } });
      await requestOn(channel, outbound());
      expect(channel.dropped).toBeGreaterThanOrEqual(1);
    });

    it("that ends without the result loses the request, partially once something was passed on", async () => {
      expect(await replyTo(seen => void events(seen, ": hi\n\n").end())).toEqual(failed("connection_lost"));
      const notice = eventText(noticeText("notifications/message"));
      expect(await replyTo(seen => void events(seen, notice).end())).toEqual(failed("connection_lost", "partial"));
    });

    it.each<[string, string, unknown]>([
      ["a wrong id", resultText(999_999), failed("protocol_error")],
      ["no JSON", "<b>", failed("protocol_error")],
      ["too much data", "x".repeat(64 * 1024 * 1024 + 1), failed("too_large", "answered")],
    ])("with %s ends the request and the connection", async (_, data, expected) => {
      let closed: Promise<void> | undefined;
      const reply = await replyTo(seen => {
        closed = seen.closed;
        events(seen, eventText(data));
      });
      expect(reply).toEqual(expected);
      await closed;
    });
  });

  describe("an error status", () => {
    const wait = { "retry-after": "7" };
    const rpc = (code: number): unknown => expect.objectContaining({ kind: "error", error: { code, message: "no" } });
    it.each<[string, Answer, unknown]>([
      ["400 with a JSON-RPC error", answers(400, ({ id }) => errorText(id, -32020)), rpc(-32020)],
      ["400 with an error without id", answers(400, () => errorText(null, -32000)), rpc(-32000)],
      ["404 with -32601", answers(404, ({ id }) => errorText(id, -32601)), rpc(-32601)],
      ["500 with a JSON-RPC error", answers(500, ({ id }) => errorText(id, -32603)), rpc(-32603)],
      ["400 with somebody else's error", answers(400, () => errorText(999_999, -1)), rpc(-1)],
      ["400 with other JSON", answers(400, () => "{}"), failed("rejected", "refused")],
      ["404 in HTML", html(404), failed("rejected", "refused")],
      ["405", html(405), failed("rejected", "refused")],
      ["500", html(500), failed("bad_response")],
      ["502", html(502), failed("bad_response")],
      ["503", html(503), failed("bad_response")],
      ["401 with a JSON-RPC error", answers(401, ({ id }) => errorText(id, -1)), failed("auth_required", "refused")],
      ["403", html(403), failed("auth_required", "refused")],
      [
        "429",
        answers(429, () => "", wait),
        { ...failed("rate_limited", "refused").sample, status: 429, retryAfterMs: 7000, detail: expect.any(String) },
      ],
      [
        "503 with a time",
        answers(503, () => "", wait),
        { ...failed("overloaded", "refused").sample, status: 503, retryAfterMs: 7000, detail: expect.any(String) },
      ],
    ])("%s", async (_, answer, expected) => {
      expect(await replyTo(answer)).toEqual(expected);
    });

    it.each([
      [301, "sent_unknown"],
      [302, "sent_unknown"],
      [303, "sent_unknown"],
      [307, "refused"],
      [308, "refused"],
    ] as const)("%i is never followed, and means: %s", async (status, delivery) => {
      const canary = await peerWith(html(200));
      const reply = await replyTo(seen => void seen.response.writeHead(status, { location: canary.url }).end());
      expect(reply).toEqual(failed("protocol_error", delivery));
      expect(canary.seen).toEqual([]);
    });
  });
});
