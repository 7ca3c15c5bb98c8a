import { expect, it } from "vitest";
import { manualClock } from "../../../test/fixtures/manual-clock.ts";
import { Deadlines, type Timed } from "./deadlines.ts";

function setup() {
  const clock = manualClock();
  const deadlines = new Deadlines(clock);
  const late: string[] = [];
  const add = (name: string, inMs: number): Timed => {
    const member: Timed = {
      place: -1,
      dueAt: clock.now() + inMs,
      expire: () => {
        late.push(name);
        deadlines.remove(member);
      },
    };
    deadlines.add(member);
    return member;
  };
  return { clock, deadlines, late, add };
}

it("ends each in its time, whatever order they came in", () => {
  const { clock, late, add } = setup();
  add("c", 300);
  add("a", 100);
  add("b", 200);
  clock.advance(100);
  expect(late).toEqual(["a"]);
  clock.advance(100);
  expect(late).toEqual(["a", "b"]);
  clock.advance(100);
  expect(late).toEqual(["a", "b", "c"]);
  expect(clock.pending).toBe(0);
});

it("sets one timer for all and none for nothing", () => {
  const { clock, deadlines, add } = setup();
  const members = [add("a", 100), add("b", 100), add("c", 200)];
  expect(clock.pending).toBe(1);
  for (const member of members) deadlines.remove(member);
  expect(clock.pending).toBe(0);
});

it("looks again when a time was put off", () => {
  const { clock, late, add } = setup();
  const member = add("a", 100);
  member.dueAt += 50;
  clock.advance(100);
  expect(late).toEqual([]);
  clock.advance(50);
  expect(late).toEqual(["a"]);
});

it("waits for what is further away than a timer can be", () => {
  const { clock, late, add } = setup();
  add("a", 2_147_483_647 + 10);
  clock.advance(2_147_483_647);
  expect(late).toEqual([]);
  clock.advance(10);
  expect(late).toEqual(["a"]);
});
