import { describe, expect, test } from "vitest";
import { asks, done } from "../../test/fixtures/front/fake-front.ts";
import { call, type Json, recorder, session, settled } from "../../test/fixtures/front/session.ts";
import { ROUNDS } from "./elicit.ts";
import { QUESTIONS } from "./questions.ts";

const form = (message: string) => ({ method: "elicitation/create", params: { message, requestedSchema: {} } });
const url = { method: "elicitation/create", params: { mode: "url", message: "Go", url: "https://a.example" } };
const roots = { method: "roots/list" };
const ALL = { elicitation: { form: {}, url: {} }, roots: {}, sampling: {} };
const accept = { action: "accept", content: { name: "Ada" } };

const asked = (told: readonly Json[]): Json[] => told.filter(({ method, id }) => method !== undefined && id);
const answerTo = (told: readonly Json[], id: unknown) =>
  told.find(one => one.id === id && ("result" in one || "error" in one));

describe("a call whose upstream asks", () => {
  test("asks each question at once, and goes on with the answers and the ticket", async () => {
    const agent = session({
      capabilities: ALL,
      handle: (_call, round) => (round === 1 ? asks({ a: form("Name?"), b: roots }, "t1") : done({ content: [] })),
    });
    const { told, exchange } = recorder();
    const running = agent.receive(call(1), exchange);
    await settled();
    const [first, second] = asked(told);
    expect([first?.method, second?.method]).toEqual(["elicitation/create", "roots/list"]);
    expect(new Set([first?.id, second?.id]).size).toBe(2);
    await agent.receive({ id: second?.id, result: { roots: [] } });
    expect(agent.front.calls).toHaveLength(1);
    await agent.receive({ id: first?.id, result: accept });
    await running;
    expect(agent.front.calls[1]?.params.value()).toEqual({
      name: "run",
      arguments: {},
      requestState: "t1",
      inputResponses: { a: accept, b: { roots: [] } },
    });
    expect(answerTo(told, 1)).toMatchObject({ result: { content: [] } });
  });

  test("gets each answer under the upstream's own key, whatever that is", async () => {
    const keys = ["__proto__", "constructor", "1"];
    const questions = Object.fromEntries(keys.map(key => [key, roots]));
    const agent = session({
      capabilities: ALL,
      handle: (_call, round) => (round === 1 ? asks(questions, "t1") : done({ content: [] })),
    });
    const { told, exchange } = recorder();
    const running = agent.receive(call(1), exchange);
    await settled();
    for (const { id } of asked(told)) await agent.receive({ id, result: { roots: [] } });
    await running;
    const given = agent.front.calls[1]?.params.object("inputResponses");
    expect([...(given?.keys() ?? [])].sort()).toEqual([...keys].sort());
  });

  test("that only wants to be called again is called again, in a walking pace, and not for ever", async () => {
    const agent = session({ handle: () => asks({}, "again") });
    const { told, exchange } = recorder();
    const running = agent.receive(call(1), exchange);
    for (let round = 1; round <= ROUNDS.max; round++) {
      await settled();
      expect(agent.front.calls).toHaveLength(round);
      agent.clock.advance(ROUNDS.paceMs - 1);
      await settled();
      expect(agent.front.calls).toHaveLength(round);
      agent.clock.advance(1);
    }
    await running;
    expect(answerTo(told, 1)).toMatchObject({ error: { code: -32603 } });
    // The last one tells the upstream that nobody comes back.
    expect(agent.front.calls).toHaveLength(ROUNDS.max + 2);
    expect(agent.front.calls.at(-1)?.signal.aborted).toBe(true);
  });

  test("ends with the agent's error when it gives one, and other questions are taken back", async () => {
    const agent = session({ capabilities: ALL, handle: () => asks({ a: form("A?"), b: form("B?") }) });
    const { told, exchange } = recorder();
    const running = agent.receive(call(1), exchange);
    await settled();
    const [first, second] = asked(told);
    await agent.receive({ id: first?.id, error: { code: -1, message: "User rejected" } });
    await running;
    expect(answerTo(told, 1)).toMatchObject({ error: { code: -1, message: "User rejected" } });
    expect(told).toContainEqual({
      jsonrpc: "2.0",
      method: "notifications/cancelled",
      params: { requestId: second?.id },
    });
    expect(agent.front.calls.at(-1)?.signal.aborted).toBe(true);
  });

  test("hands an error on where the call is still open, and waits for the other answers", async () => {
    const agent = session({
      capabilities: ALL,
      handle: (_call, round) => (round === 1 ? { ...asks({ a: form("A?"), b: roots }, "t"), open: true } : done({})),
    });
    const { told, exchange } = recorder();
    const running = agent.receive(call(1), exchange);
    await settled();
    const [first, second] = asked(told);
    await agent.receive({ id: first?.id, error: { code: -1, message: "User rejected" } });
    expect(agent.front.calls).toHaveLength(1);
    await agent.receive({ id: second?.id, result: { roots: [] } });
    await running;
    const [, again] = agent.front.calls;
    expect(again?.params.value()).toMatchObject({ requestState: "t", inputResponses: { b: { roots: [] } } });
    expect(again?.refusals?.value()).toEqual({ a: { code: -1, message: "User rejected" } });
    expect(again?.signal.aborted).toBe(false);
    expect(answerTo(told, 1)).toMatchObject({ result: {} });
  });

  test.each([
    ["tools/call", { result: { isError: true, content: [{ text: expect.stringContaining("sampling") }] } }],
    ["prompts/get", { error: { code: -32603, data: { requiredCapabilities: { sampling: {} } } } }],
  ])("for what the agent has not declared asks nothing (%s)", async (method, expected) => {
    const agent = session({
      capabilities: { elicitation: {} },
      handle: () => asks({ a: form("A?"), b: { method: "sampling/createMessage", params: {} } }),
    });
    const { told, exchange } = recorder();
    await agent.receive({ ...call(1), method }, exchange);
    expect(told).toMatchObject([{ id: 1, ...expected }]);
  });

  test("to open a URL is declined for an older agent, without asking it", async () => {
    const agent = session({
      ...{ version: "2025-06-18", capabilities: ALL },
      handle: (_call, round) => (round === 1 ? asks({ a: url }) : done({})),
    });
    await agent.receive(call(1));
    expect(agent.front.calls[1]?.params.value()).toMatchObject({ inputResponses: { a: { action: "decline" } } });
  });

  test("fails when the agent cannot be told anything before the answer", async () => {
    const agent = session({ capabilities: ALL, handle: () => asks({ a: roots }) });
    const { told, exchange } = recorder({ canTell: false });
    await agent.receive(call(1), exchange);
    expect(told).toMatchObject([{ id: 1, error: { code: -32603 } }]);
  });

  test("fails when nobody answers for too long", async () => {
    const agent = session({ capabilities: ALL, handle: () => asks({ a: roots }) });
    const { told, exchange } = recorder();
    const running = agent.receive(call(1), exchange);
    await settled();
    agent.clock.advance(QUESTIONS.patienceMs);
    await running;
    expect(answerTo(told, 1)).toMatchObject({ error: { code: -32603 } });
  });
});

describe("an open question", () => {
  test("is taken back when its call is cancelled, and the upstream learns it", async () => {
    const agent = session({ capabilities: ALL, handle: () => asks({ a: roots }) });
    const { told, exchange } = recorder();
    const running = agent.receive(call(7), exchange);
    await settled();
    await agent.receive({ method: "notifications/cancelled", params: { requestId: 7 } });
    await running;
    const [question] = asked(told);
    expect(told).toEqual([
      question,
      { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: question?.id } },
      { abandoned: true },
    ]);
    expect(agent.front.calls.at(-1)?.signal.aborted).toBe(true);
  });

  test("cannot be answered by another session, nor twice, nor under a name of its own", async () => {
    const options = {
      capabilities: ALL,
      handle: (_call: unknown, round: number) => (round === 1 ? asks({ a: roots }) : done({})),
    };
    const [mine, other] = [session({ ...options, id: "mine" }), session({ ...options, id: "other" })];
    const { told, exchange } = recorder();
    const running = mine.receive(call(1), exchange);
    await settled();
    const [question] = asked(told);
    await other.receive({ id: question?.id, result: { roots: ["forged"] } });
    await mine.receive({ id: 1, result: { roots: ["forged"] } });
    await mine.receive({ id: "no-such", result: { roots: ["forged"] } });
    expect(mine.front.calls).toHaveLength(1);
    await mine.receive({ id: question?.id, result: { roots: [] } });
    await mine.receive({ id: question?.id, result: { roots: ["late"] } });
    await running;
    expect(mine.front.calls[1]?.params.value()).toMatchObject({ inputResponses: { a: { roots: [] } } });
  });

  test("ends with its session", async () => {
    const agent = session({ capabilities: ALL, handle: () => asks({ a: roots }) });
    const { told, exchange } = recorder();
    const running = agent.receive(call(1), exchange);
    await settled();
    agent.session.close();
    await running;
    expect(told.at(-1)).toEqual({ abandoned: true });
    expect(agent.front.released).toEqual(["s"]);
    expect(agent.front.contacts.size).toBe(0);
  });
});
