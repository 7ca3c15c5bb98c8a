import { describe, expect, it } from "vitest";
import { manualClock } from "../../../test/fixtures/manual-clock.ts";
import { ownerId, principal } from "../../core/names.ts";
import { createParking, PARKING } from "./suspended-calls.ts";
import { readTicket } from "./tickets.ts";

const parkable = (name?: string) => {
  const call = {
    principal: name === undefined ? undefined : principal(name),
    abandoned: 0,
    resume: () => Promise.reject(new Error("unused")),
    abandon: () => void call.abandoned++,
  };
  return call;
};
const idOf = (ticket = ""): string => {
  const point = readTicket(ticket);
  return point?.kind === "parked" ? point.id : "";
};

describe("parking", () => {
  it("has places for so many, and for so many of one owner", () => {
    const parking = createParking(manualClock());
    const first = Array.from({ length: PARKING.maxPerOwner }, () => parking.park(ownerId("a"), parkable()));
    expect(first.every(Boolean)).toBe(true);
    expect(parking.park(ownerId("a"), parkable())).toBeUndefined();
    for (let more = parking.size; more < PARKING.max; more++) parking.park(ownerId(`o${more}`), parkable(`o${more}`));
    expect(parking.park(ownerId("z"), parkable())).toBeUndefined();
    first[0]?.leave();
    first[0]?.leave();
    expect(parking.park(ownerId("a"), parkable())).toBeDefined();
    expect(parking.size).toBe(PARKING.max);
  });

  it("leaves places for others, however many sessions one principal has", () => {
    const parking = createParking(manualClock());
    const park = (name: string, whose: string) => parking.park(ownerId(name), parkable(whose));
    for (let at = 0; at < 2 * PARKING.max; at++) park(`greedy ${at}`, "greedy");
    expect(parking.size).toBe(PARKING.max * PARKING.scarcePart);
    expect(park("good", "good")).toBeDefined();
  });

  it("gives a call back once, and to its owner only", () => {
    const clock = manualClock();
    const parking = createParking(clock);
    const call = parkable();
    const id = idOf(parking.park(ownerId("a"), call)?.ticket);
    expect(parking.take(id, ownerId("b"))).toBeUndefined();
    expect(parking.take(id, ownerId("a"))).toBe(call);
    expect(parking.take(id, ownerId("a"))).toBeUndefined();
    clock.advance(PARKING.expiryMs);
    expect(call.abandoned).toBe(0);
  });

  it("gives up what nobody came back for, and everything at the end", () => {
    const clock = manualClock();
    const parking = createParking(clock);
    const [early, late] = [parkable(), parkable()];
    parking.park(ownerId("a"), early);
    clock.advance(PARKING.expiryMs - 1);
    parking.park(ownerId("a"), late);
    clock.advance(1);
    expect([early.abandoned, late.abandoned]).toEqual([1, 0]);
    parking.stop();
    expect([early.abandoned, late.abandoned]).toEqual([1, 1]);
    expect(clock.pending).toBe(0);
  });
});

describe("a ticket", () => {
  it.each(["", "{}", "[]", "null", '{"kind":"parked"}', '{"kind":"parked","id":7}', '{"kind":"other"}'])(
    "that was not made here leads nowhere: %s",
    ticket => {
      expect(readTicket(ticket)).toBeUndefined();
    },
  );

  it("gives a place that was kept for a while to another call of the same owner, or of anybody", () => {
    const clock = manualClock();
    const parking = createParking(clock);
    const [oldest, second] = [parkable(), parkable()];
    const mine = parking.park(ownerId("a"), oldest);
    parking.park(ownerId("b"), second);
    for (let more = 1; more < PARKING.maxPerOwner; more++) parking.park(ownerId("a"), parkable());
    clock.advance(PARKING.keptMs - 1);
    expect(parking.park(ownerId("a"), parkable())).toBeUndefined();
    clock.advance(1);
    expect(parking.park(ownerId("a"), parkable())).toBeDefined();
    expect([oldest.abandoned, second.abandoned]).toEqual([1, 0]);
    expect(parking.take(idOf(mine?.ticket), ownerId("a"))).toBeUndefined();
    for (let more = parking.size; more < PARKING.max; more++) parking.park(ownerId(`o${more}`), parkable(`o${more}`));
    expect(parking.park(ownerId("z"), parkable("z"))).toBeDefined();
    expect([second.abandoned, parking.size]).toEqual([1, PARKING.max]);
  });
});
