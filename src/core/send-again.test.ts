import { describe, expect, it } from "vitest";
import { manualClock } from "../../test/fixtures/manual-clock.ts";
import { BALANCING } from "./balance.ts";
import type { Holder } from "./catalog.ts";
import type { Limits } from "./limits.ts";
import { bringing, promised } from "./pass.fixture.ts";
import { createRetryBudget } from "./retry-budget.ts";
import { callOf, DONE, failed, holder, limits } from "./route.fixture.ts";
import { type Attempt, route } from "./route.ts";
import { Aborter } from "./signal.ts";

describe("a call that is sent again", () => {
  const trust = { annotations: false, startsTasks: false };

  /** What each attempt was given, and what it takes. */
  function timed(takes: number, answers: readonly Attempt[], names: readonly string[], random = 0) {
    const clock = manualClock();
    const sent: { name: string; at: number; limits: Limits }[] = [];
    const budget = createRetryBudget();
    const handle = route({
      ...{ clock, random: () => random, policy: BALANCING.round_robin.policy },
      instance: name => ({
        ...{ condition: "up", restarting: false, returnedAt: Number.NEGATIVE_INFINITY, inFlight: 0, budget },
        trust: { ...trust, safeToRetry: new Set(name === "wary" ? [] : ["tool"]) },
        isFull: () => false,
        keeps: () => false,
        limits: () => limits,
        send: bringing(sending => {
          const answer = answers[sent.length] ?? DONE;
          sent.push({ name, at: clock.now(), limits: sending.limits });
          clock.advance(takes);
          return answer;
        }),
      }),
    });
    const agent = new Aborter();
    const call = callOf(names.map(name => holder(name)) as [Holder, ...Holder[]], { signal: agent.signal });
    return { clock, sent, budget, handle: () => promised(handle)(call), agent };
  }
  const turns = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  };

  it("gets what is left of its time at somebody else", async () => {
    const { sent, handle } = timed(4_000, [failed("sent_unknown", "timeout")], ["a", "b"]);
    expect(await handle()).toMatchObject({ kind: "done" });
    expect(sent.map(({ limits: { timeoutMs } }) => timeoutMs)).toEqual([10_000, 6_000]);
  });

  it("is not sent again when its time is over", async () => {
    const { sent, handle } = timed(10_000, [failed("refused", "rate_limited")], ["wary", "b"]);
    expect(await handle()).toMatchObject({ failure: { fault: "rate_limited", attempts: 1 } });
    expect(sent).toHaveLength(1);
  });

  it("waits for its turn for as long as its agent does at the only upstream there is", async () => {
    const { sent, handle } = timed(10, [DONE], ["a"]);
    await handle();
    expect(sent[0]?.limits).toEqual({ ...limits, queueMs: Number.POSITIVE_INFINITY });
  });

  it("waits for its turn a while at each but the last", async () => {
    const { sent, handle } = timed(10, [failed("not_sent", "overloaded"), DONE], ["a", "b"]);
    await handle();
    expect(sent.map(({ limits: { queueMs } }) => queueMs)).toEqual([limits.queueMs, Number.POSITIVE_INFINITY]);
  });

  it("goes to somebody else at once", async () => {
    const { sent, handle } = timed(10, [failed("not_sent", "unreachable")], ["a", "b"]);
    await handle();
    expect(sent.map(({ name, at }) => [name, at])).toEqual([
      ["a", 0],
      ["b", 10],
    ]);
  });

  it.each([
    [0, 25],
    [0.999, 249],
  ])("goes to the same upstream once more after a pause (random %d: %d ms)", async (random, pauseMs) => {
    const answers = [failed("sent_unknown"), failed("sent_unknown")];
    const { clock, sent, handle } = timed(10, answers, ["a"], random);
    const outcome = handle();
    await turns();
    clock.advance(pauseMs - 1);
    await turns();
    expect(sent).toHaveLength(1);
    clock.advance(2);
    expect(await outcome).toMatchObject({ kind: "failed", failure: { attempts: 2 } });
    expect(sent.map(({ name }) => name)).toEqual(["a", "a"]);
  });

  it.each(["unreachable", "timeout", "rate_limited", "auth_required", "overloaded", "protocol_error"] as const)(
    "does not go to the same upstream again after %s",
    async fault => {
      const { sent, handle } = timed(10, [failed("refused", fault)], ["a"]);
      await handle();
      expect(sent).toHaveLength(1);
    },
  );

  it("is not sent again for an agent that leaves during the pause", async () => {
    const { clock, sent, handle, agent } = timed(10, [failed("sent_unknown")], ["a"]);
    const outcome = handle();
    await turns();
    agent.abort();
    expect(await outcome).toMatchObject({ kind: "failed" });
    expect([sent.length, clock.pending]).toEqual([1, 0]);
  });

  it("is sent three times at most", async () => {
    const answers = Array.from({ length: 5 }, () => failed("not_sent", "unreachable"));
    const { sent, handle } = timed(1, answers, ["a", "b", "c", "d"]);
    expect(await handle()).toMatchObject({ failure: { attempts: 3 } });
    expect(sent.map(({ name }) => name)).toEqual(["a", "b", "c"]);
  });

  it("fails as its first attempt did when the budget is used up", async () => {
    const { budget, sent, handle } = timed(1, [failed("refused", "rate_limited")], ["a", "b"]);
    while (budget.take(0));
    expect(await handle()).toMatchObject({ failure: { fault: "rate_limited", upstream: "a", attempts: 1 } });
    expect(sent).toHaveLength(1);
  });

  it("costs no budget where no upstream has noticed anything", async () => {
    const { budget, handle } = timed(1, [failed("not_sent", "overloaded")], ["a", "b"]);
    while (budget.take(0));
    expect(await handle()).toMatchObject({ kind: "done", route: { upstream: "b", attempts: 2 } });
  });

  it("is reported by the attempt that may have had an effect", async () => {
    const answers = [failed("sent_unknown"), failed("not_sent", "unreachable")];
    const { handle } = timed(1, answers, ["a", "b"]);
    expect(await handle()).toMatchObject({ failure: { delivery: "sent_unknown", upstream: "a", attempts: 2 } });
  });

  it("is reported as safe to repeat only if it is with everybody who had it", async () => {
    const answers = [failed("not_sent", "unreachable"), failed("sent_unknown", "timeout")];
    const { handle } = timed(1, answers, ["a", "wary"]);
    expect(await handle()).toMatchObject({ failure: { fault: "timeout", upstream: "wary", replaySafe: false } });
  });

  it("says that an upstream limits the rate rather than that another cannot be reached", async () => {
    const limited = { ...failed("refused", "rate_limited"), retryAfterMs: 7_000 };
    const { handle } = timed(1, [failed("not_sent", "unreachable"), limited], ["a", "b"]);
    expect(await handle()).toMatchObject({ failure: { fault: "rate_limited", upstream: "b", retryAfterMs: 7_000 } });
  });
});
