import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRetryBudget } from "./retry-budget.ts";

/** What is done to a budget one after the other: time passes, calls come, attempts are wanted. */
const steps = fc.array(
  fc.record({
    afterMs: fc.integer({ min: 0, max: 3_000 }),
    calls: fc.integer({ min: 0, max: 40 }),
    wants: fc.integer({ min: 0, max: 200 }),
  }),
  { minLength: 2, maxLength: 60 },
);

describe("the retry budget", () => {
  it("allows ten attempts a second beside a fifth of the calls, however many fail", () => {
    const budget = createRetryBudget();
    const seconds = 60;
    let retries = 0;
    for (let ms = 0; ms < seconds * 1_000; ms += 2) {
      budget.called(ms);
      if (budget.take(ms)) retries++;
      if (budget.take(ms)) retries++;
    }
    const calls = seconds * 500;
    expect(retries).toBeLessThanOrEqual(0.2 * calls + 10 * seconds);
    expect(retries).toBeGreaterThan(0.19 * calls);
  });

  it("never gives more, over any ten seconds or longer, whenever they begin", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10_000_000 }), steps, fc.boolean(), (start, all, callsFirst) => {
        const budget = createRetryBudget();
        let now = start;
        // The balance before and after each step: attempts beyond what calls and time have brought.
        let taken = 0;
        const seen: { at: number; before: number; after: number }[] = [];
        for (const { afterMs, calls, wants } of all) {
          now += afterMs;
          const before = taken;
          const call = (): void => {
            for (let left = calls; left > 0; left--) budget.called(now);
            taken -= 0.2 * calls;
          };
          if (callsFirst) call();
          for (let left = wants; left > 0; left--) if (budget.take(now)) taken++;
          if (!callsFirst) call();
          seen.push({ at: now, before, after: taken });
        }
        for (const [index, from] of seen.entries()) {
          for (const to of seen.slice(index)) {
            if (to.at - from.at < 10_000) continue;
            expect(to.after - from.before).toBeLessThanOrEqual(((to.at - from.at) / 1_000) * 10 + 1e-6);
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  it("has enough saved, after ten seconds of peace, for a hundred calls that lose their upstream together", () => {
    for (const start of [0, 50, 12_345]) {
      const budget = createRetryBudget();
      let taken = 0;
      for (let ms = 0; ms < 100; ms++) budget.called(start + ms);
      while (budget.take(start + 100)) taken++;
      expect(taken).toBeGreaterThanOrEqual(100);
      const again = start + 30_100;
      for (taken = 0; budget.take(again); ) taken++;
      expect(taken).toBeGreaterThanOrEqual(98);
    }
  });

  it("has some for an upstream with few calls", () => {
    const budget = createRetryBudget();
    budget.called(0);
    expect(budget.take(0)).toBe(true);
  });

  it("recovers when the attempts are ten seconds old", () => {
    const budget = createRetryBudget();
    while (budget.take(0));
    expect(budget.take(5_000)).toBe(false);
    expect(budget.take(11_000)).toBe(true);
  });

  it("tells how many calls come", () => {
    const budget = createRetryBudget();
    for (let ms = 0; ms < 10_000; ms += 50) budget.called(ms);
    expect(budget.callsPerSecond(9_999)).toBe(20);
    expect(budget.callsPerSecond(30_000)).toBe(0);
  });
});
