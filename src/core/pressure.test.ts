import { describe, expect, test } from "vitest";
import { manualClock } from "../../test/fixtures/manual-clock.ts";
import { createPressure, type Load, PRESSURE, SHED_ORDER } from "./pressure.ts";

const CALM: Load = { heap: 0.5, delayMs: 1 };
const LATE: Load = { heap: 0.5, delayMs: 400 };

function watched() {
  const clock = manualClock();
  let load = CALM;
  const pressure = createPressure({ clock, look: () => load });
  const sample = (next: Load, times = 1): void => {
    load = next;
    clock.advance(PRESSURE.everyMs * times);
  };
  const shed = (): string[] => SHED_ORDER.filter(pressure.sheds);
  return { clock, pressure, sample, shed };
}

describe("pressure", () => {
  test("is none while the heap has room and the loop is in time", () => {
    const { pressure, sample, shed } = watched();
    sample(CALM, 10);
    expect([pressure.level, pressure.closing, shed()]).toEqual([0, false, []]);
  });

  test("by a full heap closes connections first, then refuses everything, and ends with it", () => {
    const { pressure, sample, shed } = watched();
    sample({ heap: 0.92, delayMs: 1 });
    expect([pressure.closing, shed()]).toEqual([true, ["refreshes", "sessions"]]);
    sample({ heap: 0.95, delayMs: 1 });
    expect([pressure.closing, shed()]).toEqual([true, [...SHED_ORDER]]);
    sample(CALM);
    expect([pressure.closing, shed()]).toEqual([false, []]);
  });

  test("by a late event loop begins with the third late sample in a row and gives up one thing more with each", () => {
    const { sample, shed } = watched();
    sample(LATE, 2);
    sample(CALM);
    sample(LATE, 2);
    expect(shed()).toEqual([]);
    sample(LATE);
    expect(shed()).toEqual(["refreshes"]);
    sample(LATE);
    expect(shed()).toEqual(["refreshes", "sessions"]);
    sample(LATE, 20);
    expect(shed()).toEqual([...SHED_ORDER]);
  });

  test("lets go step by step once the loop is in time again", () => {
    const { sample, shed } = watched();
    sample(LATE, 20);
    sample(CALM);
    expect(shed()).toEqual(["refreshes", "sessions", "lists", "reads"]);
    sample(CALM, 4);
    expect(shed()).toEqual([]);
  });

  test("puts refreshes off until it is over, the last of each kind once", () => {
    const { pressure, sample } = watched();
    const runs: string[] = [];
    const key = {};
    pressure.whenCalm(key, () => runs.push("at once"));
    sample({ heap: 0.99, delayMs: 1 });
    pressure.whenCalm(key, () => runs.push("early"));
    pressure.whenCalm(key, () => runs.push("late"));
    pressure.whenCalm({}, () => runs.push("other"));
    expect(runs).toEqual(["at once"]);
    sample(CALM, 2);
    expect(runs).toEqual(["at once", "late", "other"]);
  });

  test("leaves no timer behind", () => {
    const { clock, pressure, sample } = watched();
    sample(LATE, 3);
    pressure.stop();
    expect(clock.pending).toBe(0);
  });
});
