import { describe, expect, it } from "vitest";
import { type ManualClock, manualClock } from "../../test/fixtures/manual-clock.ts";
import { BALANCING } from "./balance.ts";
import { upstreamEntry } from "./extensions.ts";
import { upstreamName } from "./names.ts";
import { bringing, promised } from "./pass.fixture.ts";
import { Payload } from "./payload.ts";
import { createRetryBudget } from "./retry-budget.ts";
import { callOf, DONE, failed, holder, limits, owner } from "./route.fixture.ts";
import { type Attempt, type Instance, route } from "./route.ts";
import { Aborter } from "./signal.ts";

const world = () => ({ clock: impatient(), random: () => 0, policy: BALANCING.round_robin.policy });

/** A clock on which whatever somebody waits for comes at once. */
function impatient(): ManualClock {
  const clock = manualClock();
  const after: ManualClock["after"] = (delayMs, run) => {
    queueMicrotask(() => clock.advance(delayMs));
    return clock.after(delayMs, run);
  };
  return { ...clock, after };
}

/** A fleet in which each upstream answers in its own way and the order of the attempts is written down. */
function fleet(answers: Record<string, Attempt>, changes: Record<string, Partial<Instance>> = {}) {
  const tried: string[] = [];
  const budget = createRetryBudget();
  const handle = route({
    ...world(),
    instance: name => ({
      ...{ condition: "up", restarting: false, returnedAt: Number.NEGATIVE_INFINITY, inFlight: 0, budget },
      trust: { annotations: false, safeToRetry: new Set(), startsTasks: false },
      isFull: () => false,
      keeps: () => false,
      limits: () => limits,
      send: bringing(() => {
        tried.push(name);
        return answers[name] ?? DONE;
      }),
      ...changes[name],
    }),
  });
  return { handle: promised(handle), tried };
}

describe("route", () => {
  it("takes equals in turn", async () => {
    const { handle, tried } = fleet({});
    const call = callOf([holder("a"), holder("b")]);
    for (let count = 0; count < 4; count++) await handle(call);
    expect(tried).toEqual(["a", "b", "a", "b"]);
  });

  it("keeps an agent on the equal that holds its conversation", async () => {
    const { handle, tried } = fleet({}, { b: { keeps: id => id === owner } });
    const call = callOf([holder("a"), holder("b")]);
    for (let count = 0; count < 3; count++) await handle(call);
    expect(tried).toEqual(["b", "b", "b"]);
  });

  it("uses a lower priority only when the better one is down", async () => {
    const call = callOf([holder("best", 1), holder("backup", 2)]);
    const well = fleet({});
    await well.handle(call);
    expect(well.tried).toEqual(["best"]);
    const ill = fleet({}, { best: { condition: "down" } });
    await ill.handle(call);
    expect(ill.tried).toEqual(["backup"]);
  });

  it("tries a suspect before it gives up, and the dead last", async () => {
    const { handle, tried } = fleet(
      { down: failed("not_sent", "unreachable"), suspect: failed("not_sent", "unreachable") },
      { suspect: { condition: "suspect" }, down: { condition: "down" } },
    );
    const outcome = await handle(callOf([holder("down"), holder("suspect", 2)]));
    expect(tried).toEqual(["suspect", "down"]);
    expect(outcome).toMatchObject({ kind: "failed", failure: { kind: "upstream", delivery: "not_sent", attempts: 2 } });
  });

  it.each([
    ["not_sent", ["a", "b"]],
    ["refused", ["a", "b"]],
    ["sent_unknown", ["a"]],
    ["partial", ["a"]],
  ] as const)("after %s an unsafe call goes to %j", async (delivery, expected) => {
    const { handle, tried } = fleet({ a: failed(delivery) });
    await handle(callOf([holder("a"), holder("b")]));
    expect(tried).toEqual(expected);
  });

  it("repeats a call that may have run when the operator says that it is safe", async () => {
    const trust = { annotations: false, safeToRetry: new Set(["tool"]), startsTasks: false };
    const { handle, tried } = fleet({ a: failed("sent_unknown") }, { a: { trust } });
    expect(await handle(callOf([holder("a"), holder("b")]))).toMatchObject({ kind: "done" });
    expect(tried).toEqual(["a", "b"]);
  });

  it("believes annotations only of an upstream that is trusted", async () => {
    const readOnly = { readOnlyHint: true };
    const call = callOf([holder("a", 1, readOnly), holder("b", 1, readOnly)]);
    const untrusted = fleet({ a: failed("sent_unknown") });
    await untrusted.handle(call);
    expect(untrusted.tried).toEqual(["a"]);
    const trusted = fleet(
      { a: failed("sent_unknown") },
      { a: { trust: { annotations: true, safeToRetry: new Set(), startsTasks: false } } },
    );
    await trusted.handle(call);
    expect(trusted.tried).toEqual(["a", "b"]);
  });

  it("never repeats a continuation that may have run", async () => {
    const trust = { annotations: true, safeToRetry: new Set(["tool"]), startsTasks: false };
    const continues = { upstream: upstreamName("a"), ticket: "t", answers: Payload.of({}), refusals: Payload.of({}) };
    const { handle, tried } = fleet({ a: failed("sent_unknown") }, { a: { trust } });
    await handle(callOf([holder("a"), holder("b")], { continues }));
    expect(tried).toEqual(["a"]);
  });

  it("sends a continuation to the upstream that asked, and to no other", async () => {
    const continues = { upstream: upstreamName("b"), ticket: "t", answers: Payload.of({}), refusals: Payload.of({}) };
    const { handle, tried } = fleet({ b: failed("not_sent") });
    await handle(callOf([holder("a"), holder("b")], { continues }));
    expect(tried).toEqual(["b"]);
  });

  it("passes an upstream's own error on as it is", async () => {
    const error = Payload.of({ code: -32602, message: "no" });
    const { handle, tried } = fleet({ a: { kind: "answered", error } });
    const outcome = await handle(callOf([holder("a"), holder("b")]));
    expect(outcome).toMatchObject({ kind: "failed", failure: { kind: "answered", error } });
    expect(tried).toEqual(["a"]);
  });

  it("does not try again for an agent that has gone", async () => {
    const gone = new Aborter();
    gone.abort();
    const { handle, tried } = fleet({ a: failed("not_sent") });
    await handle(callOf([holder("a"), holder("b")], { signal: gone.signal }));
    expect(tried).toEqual(["a"]);
  });

  it("says whose upstream is gone when it is not configured any more", async () => {
    const gone = { kind: "upstream", fault: "unreachable", delivery: "not_sent", attempts: 0 };
    const handle = promised(route({ ...world(), instance: () => undefined }));
    expect(await handle(callOf([holder("a")]))).toMatchObject({ failure: { ...gone, upstream: "a" } });
    const continues = { upstream: upstreamName("b"), ticket: "t", answers: Payload.of({}), refusals: Payload.of({}) };
    const outcome = await handle(callOf([holder("a")], { continues }));
    expect(outcome).toMatchObject({ failure: { ...gone, upstream: "b" } });
  });

  it("looks at a task again on the only upstream that can tell, and does nothing else again", async () => {
    const owner = { kind: "found", entry: upstreamEntry(upstreamName("a")) } as const;
    for (const [method, tries] of [
      ["tasks/get", 2],
      ["com.example/run", 1],
    ] as const) {
      const { handle, tried } = fleet({ a: failed("sent_unknown") });
      await handle(callOf([holder("a")], { method, subject: owner }));
      expect(tried).toHaveLength(tries);
    }
  });

  it("does not repeat a call that carries answers", async () => {
    const { handle, tried } = fleet({ a: failed("sent_unknown") });
    const params = Payload.of({ name: "p", inputResponses: {} });
    await handle(callOf([holder("a"), holder("b")], { method: "prompts/get", params }));
    expect(tried).toEqual(["a"]);
  });

  it("knows no method that nobody is known for", async () => {
    const outcome = await fleet({}).handle({ ...callOf([holder("a")]), method: "com.example/run", subject: undefined });
    expect(outcome).toEqual({ kind: "failed", failure: { kind: "unknown_method", method: "com.example/run" } });
  });

  it("names the choices of an ambiguous name and what comes near an unknown one", async () => {
    const { handle } = fleet({});
    const ambiguous = await handle(
      callOf([holder("a")], { subject: { kind: "ambiguous", choices: ["a__tool", "b__tool"] } }),
    );
    expect(ambiguous).toMatchObject({ failure: { kind: "ambiguous_name", choices: ["a__tool", "b__tool"] } });
    const unknown = await handle(callOf([holder("a")], { subject: { kind: "unknown", nearest: ["tools"] } }));
    expect(unknown).toMatchObject({ failure: { kind: "unknown_name", name: "tool", nearest: ["tools"] } });
  });
});
