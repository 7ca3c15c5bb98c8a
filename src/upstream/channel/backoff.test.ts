import { expect, it } from "vitest";
import { reconnectMs } from "./backoff.ts";

it("draws the pause from all of a range that doubles up to half a minute", () => {
  const longest = Array.from({ length: 8 }, (_, failures) => reconnectMs(undefined, failures, () => 1));
  expect(longest).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  expect(reconnectMs(undefined, 4, () => 0.25)).toBe(4_000);
  expect(reconnectMs(undefined, 1_000_000, () => 0.5)).toBe(15_000);
});

it("never comes back at once, nor before the peer asked it to, nor later than a timer can hold", () => {
  expect(reconnectMs(undefined, 5, () => 0)).toBe(50);
  expect(reconnectMs(0, 0, () => 1)).toBe(50);
  expect(reconnectMs(3_000, 0, () => 1)).toBe(3_000);
  expect(reconnectMs(3_000, 5, () => 0)).toBe(3_000);
  expect(reconnectMs(1e15, 0, () => 0)).toBe(2_147_483_647);
});
