import { expect, it } from "vitest";
import { Running, type Stoppable } from "./running.ts";

it("stops what is still there, in whatever order the rest has left", () => {
  const running = new Running();
  const stopped: number[] = [];
  const members = [0, 1, 2, 3, 4].map((number): Stoppable => {
    const member: Stoppable = {
      place: -1,
      stop: () => {
        stopped.push(number);
        running.remove(member);
      },
    };
    return member;
  });
  for (const member of members) running.add(member);
  for (const index of [1, 4, 1]) running.remove(members[index]!);
  running.stopAll();
  expect(stopped.sort()).toEqual([0, 2, 3]);
  running.stopAll();
  expect(stopped).toHaveLength(3);
});
