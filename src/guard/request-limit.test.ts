import { expect, test } from "vitest";
import { keeper } from "../../test/fixtures/ledger.ts";
import { manualClock } from "../../test/fixtures/manual-clock.ts";
import { memoryStore } from "../lib/memory-store.ts";
import { createRequestLimit } from "./request-limit.ts";

function limit(perMinute: number) {
  const clock = manualClock();
  return { clock, ...createRequestLimit({ store: memoryStore({ clock, maxBuckets: 1_000 }), perMinute }) };
}

test("so many requests of one agent may come at once, and as many within each minute after that", async () => {
  const { clock, request } = limit(60);
  for (let at = 0; at < 60; at++) expect(await request(keeper("one"))).toBeUndefined();
  expect(await request(keeper("one"))).toEqual({
    ...{ kind: "too_many_requests", retryAfterMs: 1_000, limit: 60, of: "agent" },
  });
  expect(await request(keeper("another"))).toBeUndefined();
  clock.advance(1_000);
  expect(await request(keeper("one"))).toBeUndefined();
  expect(await request(keeper("one"))).toBeDefined();
});

test("T-63 sessions are counted by address, whatever their agents call themselves, and beside the requests", async () => {
  const { request, session } = limit(10);
  for (let at = 0; at < 10; at++) expect(await session(keeper(`name ${at}`))).toBeUndefined();
  expect(await session(keeper("yet another"))).toMatchObject({ of: "address" });
  expect(await session(keeper("name 1", "10.0.0.1"))).toBeUndefined();
  expect(await request(keeper("name 1"))).toBeUndefined();
});

test("0 is no limit", async () => {
  const { request, session } = limit(0);
  for (let at = 0; at < 1_000; at++)
    expect([await request(keeper()), await session(keeper())]).toEqual([undefined, undefined]);
});
