import { expect, it } from "vitest";
import { Running, type Stoppable, stopAll } from "./running.ts";

it("stops what is still there, in whatever order the rest has left", () => {
  const running = new Running<Stoppable>();
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
  stopAll(running);
  expect(stopped.sort()).toEqual([0, 2, 3]);
  stopAll(running);
  expect(stopped).toHaveLength(3);
});
