import { expect, test } from "vitest";
import { manualClock } from "../../../test/fixtures/manual-clock.ts";
import { createThrottle } from "./throttle.ts";

test("a stream that overspends rests until its window ends", () => {
  const clock = manualClock();
  const calls: string[] = [];
  const stream = { pause: () => calls.push("pause"), resume: () => calls.push("resume") };
  const throttle = createThrottle({ clock, stream, budget: 10, windowMs: 100 });
  throttle.spend(10);
  clock.advance(60);
  expect(calls).toEqual([]);
  throttle.spend(1);
  throttle.spend(50);
  expect(calls).toEqual(["pause"]);
  clock.advance(39);
  expect(calls).toEqual(["pause"]);
  clock.advance(1);
  expect(calls).toEqual(["pause", "resume"]);
  throttle.spend(10);
  expect(calls).toEqual(["pause", "resume"]);
});
