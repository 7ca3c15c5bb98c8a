import { expect, it } from "vitest";
import { manualClock } from "../../../test/fixtures/manual-clock.ts";
import { createFloodGates, FLOOD, type FloodGate } from "./flood-gate.ts";

/** How much is read of one that never stops, until it is made to rest. */
function readOf(gate: FloodGate): number {
  let read = 1;
  while (gate.count(100) === undefined) read++;
  return read;
}

it("reads so much of one upstream at once, and goes on when the time is over", () => {
  const clock = manualClock();
  const gate = createFloodGates(clock).gate();
  expect(readOf(gate)).toBe(FLOOD.messages + 1);
  const rested: string[] = [];
  gate.count(100)?.caughtUp(() => rested.push("over"));
  clock.advance(FLOOD.windowMs - 1);
  expect(rested).toEqual([]);
  clock.advance(1);
  expect(rested).toEqual(["over"]);
  expect(readOf(gate)).toBe(FLOOD.messages + 1);
});

it("reads less of one whose messages are large", () => {
  const gate = createFloodGates(manualClock()).gate();
  let read = 0;
  while (gate.count(10 * FLOOD.bytes) === undefined) read++;
  expect(read).toBe(Math.floor(FLOOD.messages / 11));
});

it("shares what it has time for among all who talk, and leaves those who say little alone", () => {
  const clock = manualClock();
  const gates = createFloodGates(clock);
  const [talkers, quiet] = [Array.from({ length: 10 }, () => gates.gate()), gates.gate()];
  for (let window = 0; window < 5; window++) {
    const read = talkers.map(readOf);
    const all = read.reduce((sum, each) => sum + each, 0);
    // The first window does not know yet how many there will be.
    if (window > 0) {
      expect(all).toBeLessThanOrEqual(FLOOD.ofAll + talkers.length);
      expect(new Set(read).size).toBe(1);
    }
    for (let said = 0; said < FLOOD.little; said++) expect(quiet.count(100)).toBeUndefined();
    clock.advance(FLOOD.windowMs);
  }
});

it("gives the whole share back when the others have become quiet", () => {
  const clock = manualClock();
  const gates = createFloodGates(clock);
  const [first, ...others] = Array.from({ length: 8 }, () => gates.gate());
  for (const gate of [first!, ...others]) readOf(gate);
  clock.advance(FLOOD.windowMs);
  expect(readOf(first!)).toBeLessThan(FLOOD.messages);
  clock.advance(FLOOD.windowMs);
  expect(readOf(first!)).toBe(FLOOD.messages + 1);
});

it("never makes anybody wait who says little, however many there are", () => {
  const clock = manualClock();
  const gates = createFloodGates(clock);
  const many = Array.from({ length: 200 }, () => gates.gate());
  for (let window = 0; window < 3; window++) {
    for (const gate of many) for (let said = 0; said < FLOOD.little; said++) expect(gate.count(100)).toBeUndefined();
    clock.advance(FLOOD.windowMs);
  }
});
