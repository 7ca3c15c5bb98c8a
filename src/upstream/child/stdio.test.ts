import { describe, expect, test } from "vitest";
import { watchedChildren } from "../../../test/fixtures/children.ts";
import { peer, stdioChannels } from "../../../test/fixtures/stdio-channel.ts";
import { Aborter, aborted } from "../../core/signal.ts";
import type { Reply } from "../channel/channel.ts";
import { requestOn } from "../channel/channel.ts";

const { env } = watchedChildren();
const openChannel = stdioChannels();
const open = (onMessage: string, options = {}) => openChannel({ ...peer(onMessage), env }, options);
const value = (reply: Reply): unknown => (reply.kind === "result" ? reply.result.value() : reply);

describe("requests over one child", () => {
  test("are answered in any order, a hundred at once", async () => {
    const { call } = open(
      "(globalThis.all ??= []).unshift([id, params]).toString(); if (all.length === 100) all.forEach(([i, p]) => reply(i, p))",
    );
    const replies = await Promise.all(Array.from({ length: 100 }, (_, n) => call({ n })));
    expect(replies.map(value)).toEqual(Array.from({ length: 100 }, (_, n) => ({ n })));
  });

  test("arrive on one line, whatever white space the agent used", async () => {
    const { channel } = open("reply(id, params)");
    const request = {
      ...{ id: 1, method: "x", headers: {}, timeoutMs: 9_000, maxTimeoutMs: 9_000, onMessage() {} },
      parts: ['{"jsonrpc":"2.0","id":1,\r\n"method":"x","params":{\n"a":', '"b\\n"\n}}'].map(part => Buffer.from(part)),
      signal: new Aborter().signal,
    };
    expect(value(await requestOn(channel, request))).toEqual({ a: "b\n" });
  });

  test("of several megabytes go both ways", async () => {
    const { call } = open("reply(id, params)");
    const text = "é".repeat(2_000_000);
    expect(value(await call({ text }))).toEqual({ text });
  });

  test("pass an error of the child on as it is", async () => {
    const { call } = open(
      "print(JSON.stringify({ jsonrpc: '2.0', id, error: { code: -5, message: 'no', data: [1] } }))",
    );
    const reply = await call({});
    expect(reply.kind === "error" && reply.error.bytes.toString()).toBe('{"code":-5,"message":"no","data":[1]}');
  });

  test("end at once when the child answers with something that is no result", async () => {
    const { call } = open("print(JSON.stringify({ jsonrpc: '2.0', id, result: [] }))");
    expect(await call({})).toMatchObject({ kind: "failed", fault: "protocol_error", delivery: "answered" });
  });
});

describe("messages of the child", () => {
  test("that belong to no request go to the owner, whose answer goes back", async () => {
    const { channel, call, firstMessage } = open(
      "if (method === undefined) return reply(1, { heard: true }); print(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' }))",
    );
    const answer = call({});
    expect(await firstMessage).toMatchObject({ kind: "request", method: "ping" });
    await channel.notify(Buffer.from('{"jsonrpc":"2.0",\n"id":1,"result":{}}'), {});
    expect(value(await answer)).toEqual({ heard: true });
  });

  test("about progress go to their request", async () => {
    const { call, messages } = open(
      "print(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: id, progress: 1 } })); reply(id, {})",
    );
    const told: string[] = [];
    await call({}, { onMessage: message => void told.push(message.kind) });
    expect([told, messages]).toEqual([["notification"], []]);
  });

  test("that nobody waits for any more are dropped and counted", async () => {
    const { channel, call, messages } = open("if (id === 2) { reply(1, { again: true }); reply(9, {}) } reply(id, {})");
    await call({});
    await call({});
    expect([channel.counts().dropped, messages]).toEqual([2, []]);
  });
});

describe("a request that is no longer wanted", () => {
  test("is cancelled at the child with our id, and its late answer is dropped", async () => {
    const { channel, call } = open(
      "if (method === 'notifications/cancelled') { reply(params.requestId, {}); reply(2, params) }",
    );
    const controller = new Aborter();
    const first = call({}, { signal: controller.signal });
    const second = call({});
    setImmediate(() => setImmediate(() => controller.abort()));
    expect(await first).toMatchObject({ fault: "cancelled", delivery: "sent_unknown" });
    expect(value(await second)).toEqual({ requestId: 1 });
    expect(channel.counts().dropped).toBe(1);
  });

  test("is never sent if it was still waiting", async () => {
    const { call } = open("reply(id, { method, seen: globalThis.seen = (globalThis.seen ?? 0) + 1 })");
    const controller = new Aborter();
    const first = call({}, { signal: controller.signal });
    controller.abort();
    expect(await first).toMatchObject({ fault: "cancelled", delivery: "not_sent" });
    expect(await call({}, { signal: aborted() })).toMatchObject({ delivery: "not_sent" });
    expect(value(await call({}))).toEqual({ method: "tools/call", seen: 1 });
  });

  test("times out as unknown while the child goes on", async () => {
    const { call } = open("if (params.answer) reply(id, {})");
    expect(await call({}, { timeoutMs: 50 })).toMatchObject({ fault: "timeout", delivery: "sent_unknown" });
    expect(value(await call({ answer: true }))).toEqual({});
  });
});

test("closing ends what is in flight and says so once", async () => {
  const { channel, call, closed, endings } = open("if (params.first) reply(id, {})");
  await call({ first: true });
  const waiting = call({});
  await new Promise<void>(resolve => setImmediate(() => setImmediate(resolve)));
  const unsent = call({});
  await Promise.all([channel.close(), channel.close()]);
  expect(await waiting).toMatchObject({ fault: "connection_lost", delivery: "sent_unknown" });
  expect(await unsent).toMatchObject({ fault: "connection_lost", delivery: "not_sent" });
  expect(await closed).toBe("stopped");
  expect(await call({})).toMatchObject({ fault: "unreachable", delivery: "not_sent" });
  await channel.notify(Buffer.from("{}"), {});
  expect(endings).toHaveLength(1);
});
