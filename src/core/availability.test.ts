import { describe, expect, it } from "vitest";
import { byAvailability, type Condition, holdsBack } from "./availability.ts";

const tiers = (...conditions: Condition[]) =>
  byAvailability(conditions.map((condition, place) => ({ condition, place }))).map(tier =>
    tier.map(({ place }) => place),
  );

describe("availability", () => {
  it("prefers the healthy, and refuses nobody", () => {
    expect(tiers("down", "suspect", "up", "limited", "up", "warming")).toEqual([[2, 4], [5], [1], [3], [0]]);
  });

  it("takes one on trial for an equal of the healthy", () => {
    expect(tiers("trial", "up")).toEqual([[0, 1]]);
  });

  it("avoids nobody for failed calls while less than half are healthy", () => {
    expect(tiers("suspect", "up")).toEqual([[1], [0]]);
    expect(tiers("suspect", "up", "suspect")).toEqual([[0, 1, 2]]);
  });

  it("keeps out who is not there at all, and who wants to be left alone, however few are left", () => {
    expect(tiers("down", "suspect", "limited")).toEqual([[1], [2], [0]]);
  });

  it("counts one on trial as not yet healthy", () => {
    expect(tiers("trial", "suspect", "up")).toEqual([[0, 1, 2]]);
  });
});

describe("slow start", () => {
  const share = (agoMs: number, callsPerSecond = 100): number => {
    let taken = 0;
    for (let draw = 0; draw < 1_000; draw++) if (!holdsBack(agoMs, callsPerSecond, () => draw / 1_000)) taken++;
    return taken / 1_000;
  };

  it("lets the share grow from a tenth to the whole in thirty seconds", () => {
    expect([0, 3_000, 15_000, 29_700, 30_000].map(agoMs => share(agoMs))).toEqual([0.1, 0.1, 0.5, 0.99, 1]);
  });

  it("does nothing where few calls come", () => {
    expect(share(0, 10)).toBe(1);
  });
});
