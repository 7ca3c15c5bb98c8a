import { describe, expect, it } from "vitest";
import { createRecent } from "./recent.ts";

describe("recent", () => {
  it("counts what happened in the last ten seconds and forgets the rest", () => {
    const recent = createRecent();
    for (let second = 0; second < 30; second++) {
      recent.add(second * 1_000);
      recent.add(second * 1_000 + 500);
    }
    expect(recent.count(29_999)).toBe(20);
    expect(recent.count(34_000)).toBe(10);
    expect(recent.count(60_000)).toBe(0);
  });

  it("does not mix up seconds that share a bucket", () => {
    const recent = createRecent();
    recent.add(5_000);
    recent.add(15_000);
    expect(recent.count(15_000)).toBe(1);
  });
});
