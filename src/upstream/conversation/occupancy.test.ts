import { expect, it } from "vitest";
import { ownerId } from "../../core/names.ts";
import { createOccupancy } from "./occupancy.ts";

const [ann, bob] = [ownerId("ann"), ownerId("bob")];

it("admits one agent at a time, with as many calls as it likes", () => {
  const occupancy = createOccupancy();
  expect([occupancy.admits(ann), occupancy.admits(bob), occupancy.latest]).toEqual([true, true, undefined]);
  const [first, second] = [occupancy.enter(ann), occupancy.enter(ann)];
  expect([occupancy.admits(ann), occupancy.admits(bob), occupancy.latest]).toEqual([true, false, ann]);
  first();
  // A second time does no harm.
  first();
  expect(occupancy.admits(bob)).toBe(false);
  second();
  expect([occupancy.admits(bob), occupancy.latest]).toEqual([true, ann]);
});

it("says when it is vacant, once, to whoever still wants to know", () => {
  const occupancy = createOccupancy();
  const heard: string[] = [];
  const leave = occupancy.enter(ann);
  occupancy.whenVacant(() => heard.push("stays"));
  occupancy.whenVacant(() => heard.push("withdraws"))();
  expect(heard).toEqual([]);
  leave();
  occupancy.enter(bob)();
  expect(heard).toEqual(["stays"]);
  occupancy.whenVacant(() => heard.push("at once"));
  expect(heard).toEqual(["stays", "at once"]);
});
