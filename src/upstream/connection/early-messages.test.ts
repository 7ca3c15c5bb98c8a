import { expect, test } from "vitest";
import { manualClock } from "../../../test/fixtures/manual-clock.ts";
import { Payload } from "../../core/payload.ts";
import type { Message } from "../../wire/message.ts";
import { createEarlyMessages, EARLY } from "./early-messages.ts";

const request = (id: string, method: string): Message => ({
  ...{ kind: "request", method, params: undefined },
  id: Buffer.from(JSON.stringify(id)),
});
const notice = (data: string): Message => ({
  ...{ kind: "notification", method: "notifications/message" },
  params: Payload.of({ level: "info", data }),
});

function setUp() {
  const clock = manualClock();
  const answers: { id?: unknown; result?: unknown; error?: { code: number } }[] = [];
  const lost: string[] = [];
  const early = createEarlyMessages({
    clock,
    respond: text => void answers.push(JSON.parse(text.toString())),
    lost: what => lost.push(what),
  });
  const passed: Message[] = [];
  const pass = () => early.pass(message => passed.push(message));
  return { clock, answers, lost, early, passed, pass };
}

test("a ping is answered before there is a conversation", () => {
  const { early, answers } = setUp();
  early.take(request("p", "ping"));
  expect(answers).toEqual([{ jsonrpc: "2.0", id: "p", result: {} }]);
});

test("everything else waits for the conversation, in order", () => {
  const { clock, early, answers, passed, pass } = setUp();
  const messages = [notice("a"), request("r", "roots/list"), notice("b")];
  for (const message of messages) early.take(message);
  expect(answers).toEqual([]);
  pass();
  expect([passed, answers, clock.pending]).toEqual([messages, [], 0]);
});

test("a request that would keep its server from going on is refused after a while, once", () => {
  const { clock, early, answers, passed, pass } = setUp();
  early.take(request("r", "roots/list"));
  clock.advance(EARLY.patienceMs);
  expect(answers).toMatchObject([{ id: "r", error: { code: -32601 } }]);
  pass();
  expect(passed).toEqual([]);
});

test("more than is kept so early is told, and its requests are answered", () => {
  const { early, answers, lost, passed, pass, clock } = setUp();
  for (let count = 0; count < EARLY.max; count++) early.take(notice("x"));
  early.take(notice("one too many"));
  early.take(request("r", "roots/list"));
  expect(lost).toHaveLength(2);
  expect(answers).toMatchObject([{ id: "r", error: { code: -32601 } }]);
  pass();
  expect([passed.length, clock.pending]).toEqual([EARLY.max, 0]);
  early.take(notice("x".repeat(EARLY.bytes)));
  expect(lost).toHaveLength(3);
});
