import { describe, expect, it } from "vitest";
import { manualClock } from "../../test/fixtures/manual-clock.ts";
import { BALANCING } from "./balance.ts";
import type { Call } from "./call.ts";
import type { Holder } from "./catalog.ts";
import { OVERTAKEN } from "./overtake.ts";
import { promised } from "./pass.fixture.ts";
import { Payload } from "./payload.ts";
import { createRetryBudget } from "./retry-budget.ts";
import { callOf, DONE, failed, holder } from "./route.fixture.ts";
import { type Attempt, route } from "./route.ts";
import { Aborter } from "./signal.ts";

const UNLIMITED = { timeoutMs: Infinity, maxTimeoutMs: Infinity, attemptMs: 30_000, queueMs: 3_000 };
const NOTICE = { method: "notifications/progress", params: Payload.of({}) };
const HOUR_MS = 3_600_000;

/** Upstreams that answer when they are told to. */
function setUp(names: readonly string[], { safe = true, limits = UNLIMITED } = {}) {
  const clock = manualClock();
  const budget = createRetryBudget();
  const down = new Set<string>();
  const sent: { name: string; at: number; call: Call; answer(attempt: Attempt): void }[] = [];
  const handle = route({
    ...{ clock, random: () => 0, policy: BALANCING.round_robin.policy },
    instance: name => ({
      ...{ restarting: false, returnedAt: Number.NEGATIVE_INFINITY, inFlight: 0, budget },
      condition: down.has(name) ? "down" : "up",
      trust: { annotations: false, startsTasks: false, safeToRetry: new Set(safe ? ["tool"] : []) },
      isFull: () => false,
      keeps: () => false,
      limits: () => limits,
      send({ call }, done) {
        let isOver = false;
        const answer = (attempt: Attempt): void => {
          if (!isOver) done(attempt);
          isOver = true;
        };
        call.signal.onAbort(() => answer(failed("sent_unknown", "cancelled")));
        sent.push({ name, at: clock.now(), call, answer });
      },
    }),
  });
  const agent = new Aborter();
  const told: unknown[] = [];
  const holders = names.map(name => holder(name)) as [Holder, ...Holder[]];
  const call = callOf(holders, { signal: agent.signal, notify: notice => void told.push(notice) });
  const turns = async () => {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  };
  return { clock, budget, down, sent, agent, told, turns, outcome: () => promised(handle)(call) };
}

const where = (sent: ReturnType<typeof setUp>["sent"]) => sent.map(({ name, at }) => [name, at]);

describe("a call that may run twice and is not answered", () => {
  it("goes to somebody else too, and is answered by the first all the same", async () => {
    const { clock, sent, outcome } = setUp(["a", "b"]);
    const answered = outcome();
    clock.advance(30_000);
    expect(where(sent)).toEqual([
      ["a", 0],
      ["b", 30_000],
    ]);
    clock.advance(HOUR_MS);
    sent[0]?.answer(DONE);
    expect(await answered).toMatchObject({ kind: "done", route: { upstream: "a", attempts: 2 } });
    expect(sent.map(({ call }) => call.signal.aborted)).toEqual([false, true]);
    expect(clock.pending).toBe(0);
  });

  it("is given up where somebody else was quicker, for that reason", async () => {
    const { clock, sent, outcome } = setUp(["a", "b"]);
    const answered = outcome();
    clock.advance(30_000);
    sent[1]?.answer(DONE);
    expect(await answered).toMatchObject({ kind: "done", route: { upstream: "b", attempts: 2 } });
    expect(sent[0]?.call.signal.reason).toBe(OVERTAKEN);
  });

  it("goes on where it is while somebody else fails", async () => {
    const { clock, sent, turns, outcome } = setUp(["a", "b"]);
    const answered = outcome();
    clock.advance(30_000);
    sent[1]?.answer(failed("not_sent", "unreachable"));
    await turns();
    clock.advance(HOUR_MS);
    sent[0]?.answer(DONE);
    expect(await answered).toMatchObject({ kind: "done", route: { upstream: "a" } });
  });

  it("goes on where it is while nobody else is there, and to whoever comes back", async () => {
    const { clock, down, sent, outcome } = setUp(["a", "b"]);
    const answered = outcome();
    down.add("b");
    clock.advance(10 * 30_000);
    expect(sent).toHaveLength(1);
    down.delete("b");
    clock.advance(30_000);
    expect(sent.map(({ name }) => name)).toEqual(["a", "b"]);
    sent[0]?.answer(DONE);
    expect(await answered).toMatchObject({ kind: "done" });
  });

  it("stays with whoever shows that it works on it, and the others are given up", async () => {
    const { clock, sent, told, outcome } = setUp(["a", "b", "c"]);
    const answered = outcome();
    clock.advance(30_000);
    sent[1]?.call.notify(NOTICE);
    expect(sent.map(({ call }) => call.signal.aborted)).toEqual([true, false]);
    sent[0]?.call.notify(NOTICE);
    expect(told).toEqual([NOTICE]);
    clock.advance(HOUR_MS);
    expect(sent).toHaveLength(2);
    sent[1]?.answer(DONE);
    expect(await answered).toMatchObject({ kind: "done", route: { upstream: "b" } });
  });

  it("is not sent again when whoever the agent has heard of is lost", async () => {
    const { clock, sent, outcome } = setUp(["a", "b", "c"]);
    const answered = outcome();
    clock.advance(30_000);
    sent[1]?.call.notify(NOTICE);
    sent[1]?.answer(failed("partial"));
    expect(await answered).toMatchObject({ failure: { delivery: "partial", upstream: "b" } });
    expect(sent).toHaveLength(2);
  });

  it("is given up everywhere when its agent leaves", async () => {
    const { clock, sent, agent, outcome } = setUp(["a", "b"]);
    const answered = outcome();
    clock.advance(30_000);
    agent.abort();
    expect(await answered).toMatchObject({ failure: { kind: "cancelled" } });
    expect(sent.map(({ call }) => call.signal.aborted)).toEqual([true, true]);
    expect(clock.pending).toBe(0);
  });

  it("goes to somebody else while there is time left for an answer", async () => {
    const { clock, sent, outcome } = setUp(["a", "b"], { limits: { ...UNLIMITED, timeoutMs: 10_000 } });
    void outcome();
    clock.advance(5_000);
    expect(where(sent)).toEqual([
      ["a", 0],
      ["b", 5_000],
    ]);
  });

  it("goes nowhere else when the budget for further attempts is used up", async () => {
    const { clock, budget, sent, outcome } = setUp(["a", "b"]);
    void outcome();
    while (budget.take(30_000));
    clock.advance(30_000);
    expect(sent).toHaveLength(1);
  });
});

it("waits where it is, however long, when it may not run twice", async () => {
  const { clock, sent, outcome } = setUp(["a", "b"], { safe: false });
  const answered = outcome();
  clock.advance(24 * HOUR_MS);
  expect(sent).toHaveLength(1);
  sent[0]?.answer(DONE);
  expect(await answered).toMatchObject({ kind: "done", route: { upstream: "a", attempts: 1 } });
});
