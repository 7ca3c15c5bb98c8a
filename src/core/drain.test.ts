import { expect, test } from "vitest";
import { manualClock } from "../../test/fixtures/manual-clock.ts";
import { createDrain } from "./drain.ts";

function begin(count: number) {
  const clock = manualClock();
  const drain = createDrain(clock);
  for (let at = 0; at < count; at++) drain.began();
  const over: string[] = [];
  const wait = (name: string, graceMs: number) => void drain.over(graceMs).then(() => over.push(name));
  const turn = () => new Promise(resolve => setImmediate(resolve));
  return { clock, drain, over, wait, turn };
}

test("nothing that runs is waited for not at all", async () => {
  const { over, wait, turn } = begin(0);
  wait("first", 1000);
  await turn();
  expect(over).toEqual(["first"]);
});

test("the last one that ends ends the wait", async () => {
  const { drain, over, wait, turn } = begin(2);
  wait("first", 1000);
  drain.ended();
  await turn();
  expect(over).toEqual([]);
  drain.ended();
  await turn();
  expect(over).toEqual(["first"]);
  expect(drain.running).toBe(0);
});

test("a second wait with less patience shortens the first, one with more changes nothing", async () => {
  const { clock, over, wait, turn } = begin(1);
  wait("first", 1000);
  wait("later", 5000);
  wait("sooner", 100);
  clock.advance(100);
  await turn();
  expect(over.toSorted()).toEqual(["first", "later", "sooner"]);
  wait("again", 50);
  clock.advance(50);
  await turn();
  expect(over).toContain("again");
});
