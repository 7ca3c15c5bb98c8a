import { describe, expect, it } from "vitest";
import { createEjection, EJECTION } from "./ejection.ts";

/** The lengths of ejections that follow one another, each after this much time of being well. */
function lengths(count: number, random = 0, wellMs = 0): number[] {
  const ejection = createEjection(() => random);
  let now = 0;
  return Array.from({ length: count }, () => {
    const until = ejection.begin(now);
    const lasted = until - now;
    ejection.end(until);
    now = until + wellMs;
    return lasted;
  });
}

describe("ejection", () => {
  it("follows five faults in a row, not four", () => {
    const ejection = createEjection(() => 0);
    for (let count = 0; count < 100; count++) ejection.succeeded(0);
    const reasons = Array.from({ length: 5 }, () => ejection.failed(0));
    expect(reasons).toEqual([undefined, undefined, undefined, undefined, "5 faults in a row"]);
  });

  it("follows when less than four fifths of at least five answers within ten seconds are good", () => {
    const ejection = createEjection(() => 0);
    const bring = (good: number, now: number) => {
      for (let count = 0; count < good; count++) ejection.succeeded(now);
      return ejection.failed(now);
    };
    expect(bring(2, 0)).toBeUndefined();
    expect(bring(6, 1_000)).toBeUndefined();
    expect(bring(0, 2_000)).toBe("3 of 11 calls failed within 10 s");
  });

  it("forgets what is older than ten seconds", () => {
    const ejection = createEjection(() => 0);
    for (let second = 0; second < 100; second += 11) {
      ejection.succeeded(second * 1_000);
      expect(ejection.failed(second * 1_000)).toBeUndefined();
    }
  });

  it("does not hold old faults against an upstream that is well again", () => {
    const ejection = createEjection(() => 0);
    for (let count = 0; count < 5; count++) ejection.failed(0);
    ejection.end(ejection.begin(0));
    expect(ejection.failed(1_000)).toBeUndefined();
  });

  it("lasts twice as long each time, up to a minute, and up to half as long again", () => {
    expect(lengths(8)).toEqual([1, 2, 4, 8, 16, 32, 60, 60].map(seconds => seconds * 1_000));
    expect(lengths(1, 0.999)[0]).toBeCloseTo(1_500, -1);
    expect(Math.max(...lengths(10, 0.999))).toBeLessThanOrEqual(EJECTION.maxMs * 1.5);
  });

  it("takes one doubling back for each healthy minute", () => {
    expect(lengths(4, 0, 60_000)).toEqual([1_000, 1_000, 1_000, 1_000]);
    expect(lengths(4, 0, 59_000)).toEqual([1_000, 2_000, 4_000, 8_000]);
  });
});
