import { expect, it } from "vitest";
import { type ManualClock, manualClock } from "../../../test/fixtures/manual-clock.ts";
import { upstreamName } from "../../core/names.ts";
import { Payload } from "../../core/payload.ts";
import type { Link } from "../conversation/link.ts";
import { createOfferKeeper } from "./offer-keeper.ts";
import { createPace, type Pace, RELISTS } from "./relists.ts";

/** An upstream that offers nothing, and answers at once. */
const LINK = {
  capabilities: Payload.of({ tools: {} }),
  ask: async () => ({ kind: "result", result: Payload.of({ tools: [] }) }),
} as unknown as Link;

const flush = () => new Promise(resolve => setImmediate(resolve));

/** An upstream that says every 5 ms that its lists have changed, for so long; when it was read. */
async function flooded(keepers: readonly ReturnType<typeof createOfferKeeper>[], clock: ManualClock, forMs: number) {
  for (let at = 0; at < forMs; at += 5, clock.advance(5)) {
    for (const keeper of keepers) void keeper.refresh(LINK);
    await flush();
  }
}

function counting(clock: ManualClock, pace?: Pace) {
  const readAt: number[] = [];
  const keeper = createOfferKeeper({
    ...{ upstream: upstreamName("u"), clock, known: undefined, ...(pace && { pace }) },
    inspect: async () => {
      readAt.push(clock.now());
      return false;
    },
    // Each reading brings something new.
    ...{ changed: () => {}, trouble: () => {}, shared: offer => ({ ...offer, instructions: String(readAt.length) }) },
  });
  return { keeper, readAt };
}

it("reads three times in ten seconds, whatever is said, and once more when it has become quiet", async () => {
  const clock = manualClock();
  const { keeper, readAt } = counting(clock);
  await flooded([keeper], clock, 25_000);
  for (const from of readAt) {
    expect(readAt.filter(at => at >= from && at < from + RELISTS.windowMs).length).toBeLessThanOrEqual(RELISTS.each);
  }
  expect(readAt.length).toBeGreaterThanOrEqual(7);
  const before = readAt.length;
  clock.advance(RELISTS.windowMs);
  await flush();
  expect(readAt.length).toBe(before + 1);
  expect(readAt.at(-1)).toBeGreaterThanOrEqual(25_000);
  clock.advance(60_000);
  await flush();
  expect([readAt.length, clock.pending]).toEqual([before + 1, 0]);
});

it("reads at once for an agent that asks, and for a new conversation, however much was said before", async () => {
  const clock = manualClock();
  const { keeper, readAt } = counting(clock);
  await flooded([keeper], clock, 3_000);
  expect(readAt).toHaveLength(3);
  await keeper.reread(LINK);
  await keeper.introduce(LINK);
  expect(readAt).toHaveLength(5);
  keeper.stop();
});

it("reads the lists of many agents one after the other, when an upstream says so of all of them", async () => {
  const clock = manualClock();
  const all = createPace(clock, RELISTS.ofAgents);
  const many = Array.from({ length: 100 }, () => counting(clock, createPace(clock, RELISTS.each, all)));
  await flooded(
    many.map(({ keeper }) => keeper),
    clock,
    50,
  );
  const count = () => many.reduce((sum, { readAt }) => sum + readAt.length, 0);
  expect(count()).toBe(RELISTS.ofAgents);
  for (let window = 1; count() < 100; window++) {
    clock.advance(RELISTS.windowMs);
    await flush();
    expect(count()).toBeLessThanOrEqual((window + 1) * RELISTS.ofAgents);
    expect(window).toBeLessThan(50);
  }
  for (const { readAt, keeper } of many) {
    expect(readAt.length).toBeGreaterThan(0);
    keeper.stop();
  }
});

it("knows that it is behind when an agent has called something meanwhile, and not of a flood alone", async () => {
  const clock = manualClock();
  const { keeper, readAt } = counting(clock);
  await flooded([keeper], clock, 3_000);
  expect([readAt.length, keeper.isBehind]).toEqual([RELISTS.each, false]);
  keeper.called();
  expect(keeper.isBehind).toBe(true);
  await keeper.reread(LINK);
  expect(keeper.isBehind).toBe(false);
  keeper.stop();
});
