import { expect, test } from "vitest";
import { Unfinished } from "./unfinished.ts";

test("whoever ends waits for what is under way, and nothing is kept of what is done", async () => {
  const unfinished = new Unfinished();
  const ends: (() => void)[] = [];
  for (let work = 0; work < 3; work++) unfinished.add(new Promise<void>(resolve => void ends.push(resolve)));
  const order: string[] = [];
  const done = unfinished.done().then(() => order.push("all"));
  for (const [at, end] of ends.entries()) {
    end();
    await new Promise(setImmediate);
    order.push(`${at}: ${unfinished.size} left`);
  }
  await done;
  expect(order).toEqual(["0: 2 left", "1: 1 left", "all", "2: 0 left"]);
  await unfinished.done();
});
