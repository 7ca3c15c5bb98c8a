import { expect, test } from "vitest";
import { manualClock } from "../../test/fixtures/manual-clock.ts";
import { atMostEvery } from "./throttle.ts";

test("runs at once, and what is asked for in the pause once after it", () => {
  const clock = manualClock();
  let runs = 0;
  const { ask, stop } = atMostEvery(1_000, clock, () => runs++);
  ask();
  expect(runs).toBe(1);
  for (let at = 0; at < 5; at++) ask();
  clock.advance(999);
  expect(runs).toBe(1);
  clock.advance(1);
  expect(runs).toBe(2);
  clock.advance(1_000);
  expect(runs).toBe(2);
  ask();
  ask();
  stop();
  clock.advance(5_000);
  ask();
  expect(runs).toBe(3);
});
