import { expect, it, vi } from "vitest";
import { createNeedles } from "./needles.ts";

const needlesOf = (...texts: string[]) => {
  const needles = createNeedles();
  for (const text of texts) needles.add(Buffer.from(text));
  return needles;
};

it("finds each at every offset from a word, and the longest of those that begin at one place", () => {
  const needles = needlesOf("abcabc", "abcabcx", "abcabcxyz12", "abcabcxyz", "bcabcx", "ffffff");
  for (let offset = 0; offset < 8; offset++) {
    const text = Buffer.from(`${"-".repeat(offset)}abcabcxyz1 abcabcxy abcabc`).subarray(offset % 4);
    const at = offset - (offset % 4);
    const spans = needles.spans(text).map(({ start, end }) => [start - at, end - at]);
    expect(spans.sort(([a = 0, b = 0], [c = 0, d = 0]) => a - c || b - d)).toEqual([
      [0, 9],
      [1, 7],
      [11, 17],
      [11, 18],
      [12, 18],
      [20, 26],
    ]);
  }
});

it("compares no text with each of many that are alike", () => {
  const needles = needlesOf(...Array.from({ length: 400 }, (_, number) => "a".repeat(24) + (1000 + number)));
  const text = Buffer.alloc(4_000, "a");
  expect(needles.has(text)).toBe(false);
  const compare = vi.spyOn(Buffer.prototype, "compare");
  expect(needles.spans(text)).toEqual([]);
  const { length } = compare.mock.calls;
  compare.mockRestore();
  expect(length).toBeLessThan(50_000);
});
