import * as fc from "fast-check";
import { expect, it } from "vitest";
import { manualClock } from "../../test/fixtures/manual-clock.ts";
import type { Store, Taken } from "../core/ports.ts";
import { memoryStore } from "./memory-store.ts";

const take = (store: Store, key: string, perMinute: number): Taken => {
  const taken = store.take(key, { capacity: perMinute, perMinute });
  if (taken instanceof Promise) throw new Error("the embedded store answers at once");
  return taken;
};

it("lets a full bucket go at once and then one token per interval", () => {
  const clock = manualClock();
  const store = memoryStore({ clock, maxBuckets: 10 });
  for (let count = 0; count < 60; count++) expect(take(store, "a", 60).ok).toBe(true);
  expect(take(store, "a", 60)).toEqual({ ok: false, retryAfterMs: 1000 });
  clock.advance(400);
  expect(take(store, "a", 60)).toEqual({ ok: false, retryAfterMs: 600 });
  expect(take(store, "b", 60).ok).toBe(true);
});

it("says exactly when the next call passes", () => {
  void fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1000 }),
      fc.array(fc.double({ min: 0, max: 5000, noNaN: true }), { minLength: 1, maxLength: 50 }),
      (perMinute, pausesMs) => {
        const clock = manualClock();
        clock.advance(123456.789);
        const store = memoryStore({ clock, maxBuckets: 10 });
        for (const pauseMs of pausesMs) {
          clock.advance(pauseMs);
          let taken = take(store, "a", perMinute);
          for (let count = 0; taken.ok && count <= perMinute; count++) taken = take(store, "a", perMinute);
          if (taken.ok) throw new Error("never limited");
          clock.advance(taken.retryAfterMs - 1);
          expect(take(store, "a", perMinute).ok).toBe(false);
          clock.advance(1);
          expect(take(store, "a", perMinute).ok).toBe(true);
        }
      },
    ),
    { numRuns: 50 },
  );
});

it("allows what the rule says over ten minutes", () => {
  const clock = manualClock();
  const store = memoryStore({ clock, maxBuckets: 10 });
  let allowed = 0;
  for (let ms = 0; ms < 600_000; ms += 50) {
    if (take(store, "a", 60).ok) allowed++;
    clock.advance(50);
  }
  expect(allowed).toBeGreaterThanOrEqual(60 + 599);
  expect(allowed).toBeLessThanOrEqual(60 + 600);
});

it("keeps no more buckets than it may and forgets the one unused for longest", () => {
  const store = memoryStore({ clock: manualClock(), maxBuckets: 2 });
  take(store, "a", 1);
  take(store, "b", 1);
  take(store, "a", 1);
  take(store, "c", 1);
  expect(take(store, "a", 1).ok).toBe(false);
  expect(take(store, "b", 1).ok).toBe(true);
});
