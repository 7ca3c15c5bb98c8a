import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, it } from "vitest";
import { perTurn } from "./per-turn.ts";

it("hands on in their order what came within one turn, and what comes meanwhile in the next", async () => {
  const taken: string[] = [];
  const add = perTurn<string>(item => {
    taken.push(item);
    if (item === "a") add("c");
  });
  add("a");
  await Promise.resolve();
  add("b");
  expect(taken).toEqual([]);
  await nextTurn();
  expect(taken).toEqual(["a", "b"]);
  await nextTurn();
  expect(taken).toEqual(["a", "b", "c"]);
});
