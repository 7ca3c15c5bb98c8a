import { expect, it, vi } from "vitest";
import { manualClock } from "../../test/fixtures/manual-clock.ts";
import { Deadlines, type Timed } from "./deadlines.ts";

function setup() {
  const clock = manualClock();
  const deadlines = new Deadlines(clock);
  const late: string[] = [];
  const stopped: string[] = [];
  const add = (name: string, inMs: number): Timed => {
    const member: Timed = {
      place: -1,
      dueAt: clock.now() + inMs,
      expire: () => {
        late.push(name);
        deadlines.remove(member);
      },
      stop: () => {
        stopped.push(name);
        deadlines.remove(member);
      },
    };
    deadlines.add(member);
    return member;
  };
  return { clock, deadlines, late, stopped, add };
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

it("sets one timer for all, which is not set again when there is nothing left", () => {
  const { clock, deadlines, add } = setup();
  const members = [add("a", 100), add("b", 100), add("c", 200)];
  expect(clock.pending).toBe(1);
  for (const member of members) deadlines.remove(member);
  clock.advance(100);
  expect(clock.pending).toBe(0);
});

it("sets no timer anew for those that come one after the other", () => {
  const { clock, deadlines, late, add } = setup();
  deadlines.remove(add("a", 100));
  const after = vi.spyOn(clock, "after");
  clock.advance(10);
  deadlines.remove(add("b", 100));
  clock.advance(10);
  add("c", 100);
  expect(after).not.toHaveBeenCalled();
  clock.advance(99);
  expect(late).toEqual([]);
  clock.advance(1);
  expect(late).toEqual(["c"]);
});

it("does not end what has left because of one that is late with it", () => {
  const { clock, deadlines, late, stopped, add } = setup();
  const [first, second] = [add("a", 100), add("b", 100)];
  const { expire, stop } = first;
  first.expire = () => {
    expire();
    deadlines.remove(second);
  };
  clock.advance(100);
  expect(late).toEqual(["a"]);
  deadlines.add(first);
  deadlines.add(second);
  first.stop = () => {
    stop();
    deadlines.remove(second);
  };
  deadlines.stopAll();
  expect(stopped).toEqual(["a"]);
});

it("ends one sooner that is due earlier than before", () => {
  const { clock, deadlines, late, add } = setup();
  const member = add("a", 100);
  member.dueAt = clock.now() + 10;
  deadlines.hasten(member);
  clock.advance(10);
  expect(late).toEqual(["a"]);
});

it("leaves no timer behind when nothing new is expected and the last one ends", () => {
  const { clock, deadlines, add } = setup();
  const members = [add("a", 100), add("b", 200)];
  deadlines.finish();
  expect(clock.pending).toBe(1);
  for (const member of members) deadlines.remove(member);
  expect(clock.pending).toBe(0);
});

it("stops all that run, and its timer", () => {
  const { clock, deadlines, late, stopped, add } = setup();
  add("a", 100);
  add("b", 200);
  deadlines.stopAll();
  expect(stopped).toEqual(["a", "b"]);
  expect([deadlines.size, clock.pending]).toEqual([0, 0]);
  expect(late).toEqual([]);
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
