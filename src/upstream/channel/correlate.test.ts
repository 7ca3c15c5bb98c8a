import { describe, expect, test } from "vitest";
import { manualClock } from "../../../test/fixtures/manual-clock.ts";
import { UPSTREAM_TEXT } from "../../core/scan-limits.ts";
import { Aborter, aborted } from "../../core/signal.ts";
import { type Message, readMessage } from "../../wire/message.ts";
import type { OutboundRequest, Reply } from "./channel.ts";
import { cancelledText, createCorrelator } from "./correlate.ts";

function message(value: object): Message {
  const read = readMessage(Buffer.from(JSON.stringify({ jsonrpc: "2.0", ...value })), UPSTREAM_TEXT);
  if (read.kind === "invalid") throw new Error(read.message);
  return read;
}

const progress = (progressToken: unknown): Message =>
  message({ method: "notifications/progress", params: { progressToken, progress: 1 } });

function setUp() {
  const clock = manualClock();
  const unmatched: Message[] = [];
  const cancelled: number[] = [];
  const told: Message[] = [];
  const strays: string[] = [];
  const correlator = createCorrelator({
    clock,
    onUnmatched: each => unmatched.push(each),
    onCancel: id => cancelled.push(id),
    onStray: what => strays.push(what),
  });
  const open = (id: number, changes: Partial<OutboundRequest> = {}): { reply: Promise<Reply>; abort(): void } => {
    const controller = new Aborter();
    const fixed = { method: "tools/call", parts: [], headers: {}, timeoutMs: 1_000, maxTimeoutMs: 2_500 };
    const onMessage = (each: Message): void => void told.push(each);
    const request = { id, ...fixed, signal: controller.signal, onMessage, ...changes };
    const reply = new Promise<Reply>((resolve, reject) => {
      try {
        correlator.open(request, resolve);
      } catch (error) {
        reject(error);
      }
    });
    return { reply, abort: () => controller.abort() };
  };
  return { clock, unmatched, cancelled, told, strays, correlator, open };
}

const text = async (reply: Promise<Reply>): Promise<string> => {
  const settled = await reply;
  if (settled.kind === "failed") return `${settled.fault} ${settled.delivery}`;
  return `${settled.kind} ${settled.kind === "result" ? settled.result.bytes : settled.error.bytes}`;
};

test("a request that ends because of how another one ended has ended once", () => {
  const { correlator } = setUp();
  const second = new Aborter();
  const ends: string[] = [];
  const fixed = { method: "tools/call", parts: [], headers: {}, timeoutMs: 1_000, maxTimeoutMs: 2_500 };
  const ending =
    (name: string, then = (): void => {}) =>
    (reply: Reply): void => {
      ends.push(`${name} ${reply.kind === "failed" ? reply.fault : reply.kind}`);
      then();
    };
  const onMessage = (): void => {};
  correlator.open(
    { id: 1, ...fixed, signal: new Aborter(), onMessage },
    ending("first", () => second.abort()),
  );
  correlator.open({ id: 2, ...fixed, signal: second, onMessage }, ending("second"));
  correlator.failAll({ fault: "connection_lost", delivery: "sent_unknown", detail: "gone" });
  expect(ends).toEqual(["first connection_lost", "second cancelled"]);
});

describe("a reply", () => {
  test("finds its request by our id, in any order", async () => {
    const { correlator, open, clock, cancelled } = setUp();
    const [first, second] = [open(1), open(2)];
    correlator.receive(message({ id: 2, error: { code: 1, message: "no" } }));
    correlator.receive(message({ id: 1, result: { n: 1 } }));
    expect(await text(first.reply)).toBe('result {"n":1}');
    expect(await text(second.reply)).toBe('error {"code":1,"message":"no"}');
    clock.advance(2_500);
    expect([correlator.size, correlator.dropped, clock.pending, cancelled]).toEqual([0, 0, 0, []]);
  });

  test("with another id or a second time is dropped and counted, and one that was never asked is told", async () => {
    const { correlator, open, unmatched, strays } = setUp();
    const { reply } = open(1);
    for (const id of ["one", 7, "01", "1.5"]) correlator.receive(message({ id, result: {} }));
    correlator.receive(message({ id: 1, result: { first: true } }));
    correlator.receive(message({ id: 1, result: { first: false } }));
    expect(await text(reply)).toBe('result {"first":true}');
    expect([correlator.dropped, unmatched]).toEqual([5, []]);
    const ids = ['"one"', "7", '"01"', '"1.5"'];
    expect(strays.map(stray => /the id (\S+), which was never asked/.exec(stray)?.[1])).toEqual(ids);
  });

  test.each(['"7"', "7.0", '"7.0"'])(
    "finds its request by our id as a peer spells it that keeps ids otherwise: %s",
    async id => {
      const { correlator, open, strays } = setUp();
      const { reply } = open(7);
      const answer = Buffer.from(`{"jsonrpc":"2.0","id":${id},"result":{"ok":true}}`);
      correlator.receive(readMessage(answer, UPSTREAM_TEXT));
      expect([await text(reply), strays]).toEqual(['result {"ok":true}', []]);
    },
  );

  test("without an id is taken for the answer to what opens the conversation, and for nothing else's", async () => {
    const { correlator, open, strays } = setUp();
    const opening = open(1, { method: "server/discover" });
    correlator.receive(message({ error: { code: -32700, message: "what?" } }));
    expect(await text(opening.reply)).toBe('error {"code":-32700,"message":"what?"}');
    open(2);
    correlator.receive(message({ error: { code: -32700, message: "what now?" } }));
    expect([correlator.size, strays]).toEqual([1, ["an error without an id: what now?"]]);
  });
});

describe("giving up", () => {
  test("tells the upstream at once and drops what comes late", async () => {
    const { correlator, open, cancelled, clock } = setUp();
    const { reply, abort } = open(1);
    abort();
    expect(cancelled).toEqual([1]);
    expect(await text(reply)).toBe("cancelled sent_unknown");
    correlator.receive(message({ id: 1, result: {} }));
    correlator.receive(progress(1));
    clock.advance(2_500);
    expect([correlator.dropped, clock.pending, cancelled]).toEqual([2, 0, [1]]);
  });

  test("before anything was sent needs no word to the upstream", async () => {
    const { open, cancelled } = setUp();
    expect(await text(open(1, { signal: aborted() }).reply)).toBe("cancelled not_sent");
    expect(cancelled).toEqual([]);
  });

  test("after the timeout says that the outcome is unknown", async () => {
    const { open, cancelled, clock } = setUp();
    const { reply } = open(1);
    clock.advance(999);
    expect(cancelled).toEqual([]);
    clock.advance(1);
    expect(await text(reply)).toBe("timeout sent_unknown");
    expect(cancelled).toEqual([1]);
  });

  test("never cancels the first request of a session, which the specification forbids", async () => {
    const { open, cancelled, clock } = setUp();
    const { reply } = open(1, { method: "initialize" });
    clock.advance(1_000);
    expect(await text(reply)).toBe("timeout sent_unknown");
    expect(cancelled).toEqual([]);
  });

  test("names the request by our id", () => {
    expect(cancelledText(5).toString()).toBe(
      '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":5}}',
    );
  });
});

describe("progress", () => {
  test("goes to its request and starts the time anew, up to the longest", async () => {
    const { correlator, open, told, clock, unmatched } = setUp();
    const { reply } = open(1);
    open(2, { timeoutMs: 9_000, maxTimeoutMs: 9_000 });
    for (const waitMs of [900, 900]) {
      clock.advance(waitMs);
      correlator.receive(progress(1));
    }
    expect([told.length, unmatched.length]).toEqual([2, 0]);
    clock.advance(699);
    expect(correlator.size).toBe(2);
    clock.advance(1);
    expect(await text(reply)).toBe("timeout partial");
    expect(correlator.size).toBe(1);
  });

  test("with a token that is not ours is dropped", () => {
    const { correlator, open, told } = setUp();
    open(1);
    for (const token of ["one", 2, null]) correlator.receive(progress(token));
    expect([told, correlator.dropped]).toEqual([[], 3]);
  });
});

test("what belongs to no single request goes to the owner", () => {
  const { correlator, open, unmatched } = setUp();
  open(1);
  const messages = [
    message({ id: 1, method: "ping" }),
    message({ method: "notifications/message", params: { level: "info" } }),
  ];
  for (const each of messages) correlator.receive(each);
  expect(unmatched).toEqual(messages);
});

test("a lost connection ends everything, and what had been told stays told", async () => {
  const { correlator, open, cancelled, clock } = setUp();
  const [first, second, third] = [open(1), open(2), open(3)];
  correlator.receive(progress(2));
  correlator.fail(3, { fault: "overloaded", delivery: "not_sent", detail: "" });
  correlator.failAll({ fault: "connection_lost", delivery: "sent_unknown", detail: "" });
  expect(await Promise.all([first, second, third].map(({ reply }) => text(reply)))).toEqual([
    "connection_lost sent_unknown",
    "connection_lost partial",
    "overloaded not_sent",
  ]);
  expect([cancelled, clock.pending, correlator.size]).toEqual([[], 0, 0]);
});
