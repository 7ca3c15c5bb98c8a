import { describe, expect, it } from "vitest";
import { manualClock } from "../../../test/fixtures/manual-clock.ts";
import { createReplyRooms, type Holding, REPLIES, type ReplyRoom } from "./inbound-memory.ts";

const MIB = 1024 * 1024;

function rooms(limits: { totalBytes?: number; upstreamBytes?: number } = {}) {
  const clock = manualClock();
  const all = createReplyRooms({ clock, totalBytes: 4 * MIB, upstreamBytes: 2 * MIB, ...limits });
  return { clock, all };
}

/** Holds so much, and waits where it has to; tells what became of the wait. */
function fill(room: ReplyRoom, bytes: number): { holding: Holding; said: string[] } {
  const said: string[] = [];
  const holding = room.open(() => {
    said.push("refused");
    holding.hold(0);
  });
  if (!holding.hold(bytes)) holding.caughtUp(() => said.push("goes on"));
  return { holding, said };
}

describe("the room for messages that are not complete", () => {
  it("has its limits", () => {
    expect(REPLIES).toMatchObject({ totalBytes: 256 * MIB, upstreamBytes: 128 * MIB, waitMs: 3_000 });
  });

  it("lets everybody read on while there is some", () => {
    const { all } = rooms();
    const room = all.room();
    const some = Array.from({ length: 8 }, () => fill(room, 250_000));
    expect(some.some(({ holding }) => holding.waits)).toBe(false);
    expect(all.bytes).toBe(2_000_000);
    for (const { holding } of some) holding.hold(0);
    expect(all.bytes).toBe(0);
  });

  it("makes later messages of an upstream wait for its earlier ones, and never the oldest", () => {
    const { all } = rooms();
    const room = all.room();
    const [first, second, third] = [fill(room, MIB), fill(room, MIB), fill(room, MIB)];
    expect([first, second, third].map(({ holding }) => holding.waits)).toEqual([false, false, true]);
    expect(first.holding.hold(10 * MIB)).toBe(true);
    expect(second.holding.hold(MIB + 1)).toBe(false);
    first.holding.hold(0);
    expect(third.said).toEqual([]);
    second.holding.hold(0);
    expect([third.said, third.holding.waits]).toEqual([["goes on"], false]);
  });

  it("has enough left for other upstreams, whatever one does", () => {
    const { all } = rooms();
    const [greedy, modest] = [all.room(), all.room()];
    for (let message = 0; message < 50; message++) fill(greedy, 40_000);
    expect([fill(greedy, 97_000), fill(greedy, 70_000)].map(({ holding }) => holding.waits)).toEqual([false, true]);
    const some = [fill(modest, MIB), fill(modest, 300_000)];
    expect(some.map(({ holding }) => holding.waits)).toEqual([false, false]);
  });

  it("refuses what has waited in vain, and gives its room to the others", () => {
    const { clock, all } = rooms();
    const room = all.room();
    fill(room, 2 * MIB);
    const late = fill(room, MIB);
    clock.advance(2_999);
    expect(late.said).toEqual([]);
    clock.advance(1);
    expect([late.said, all.bytes, clock.pending]).toEqual([["refused"], 2 * MIB, 0]);
  });

  it("wakes only as many as there is room for", () => {
    const { all } = rooms({ upstreamBytes: 4 * MIB });
    const room = all.room();
    const [, large] = [fill(room, 1), fill(room, 4 * MIB)];
    const small = Array.from({ length: 100 }, () => fill(room, 30_000));
    expect(small.every(({ holding }) => holding.waits)).toBe(true);
    large.holding.hold(0);
    const woken = small.filter(({ said }) => said.length > 0).length;
    expect(woken).toBeGreaterThan(0);
    expect(woken).toBeLessThan(20);
  });

  it("waits for ever where nobody can be refused", () => {
    const { clock, all } = rooms();
    const room = all.room();
    const first = fill(room, 2 * MIB);
    const other = room.open();
    let woken = false;
    expect(other.hold(MIB)).toBe(false);
    other.caughtUp(() => {
      woken = true;
    });
    clock.advance(1_000_000);
    expect(woken).toBe(false);
    first.holding.hold(0);
    expect(woken).toBe(true);
  });
});

it("lets a reader go on whose message was completed by what had been read before it waited", () => {
  const { room } = createReplyRooms({ clock: manualClock(), upstreamBytes: 100 });
  const upstream = room();
  const [first, second] = [upstream.open(), upstream.open()];
  let runs = 0;
  expect([first.hold(80), second.hold(80)]).toEqual([true, false]);
  second.caughtUp(() => runs++);
  second.hold(0);
  expect([runs, second.waits]).toEqual([1, false]);
  first.hold(0);
  expect(runs).toBe(1);
});
