import { describe, expect, it } from "vitest";
import { createRetryBudget } from "./retry-budget.ts";

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
    expect(retries).toBeLessThanOrEqual(0.2 * calls + 10 * (seconds + 10));
    expect(retries).toBeGreaterThan(0.19 * calls);
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
