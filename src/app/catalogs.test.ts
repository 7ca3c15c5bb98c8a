import { expect, test } from "vitest";
import { manualClock } from "../../test/fixtures/manual-clock.ts";
import { memoryBus } from "../lib/memory-bus.ts";
import type { Pool } from "../upstream/pool.ts";
import { createCatalogs } from "./catalogs.ts";

/** Catalogs of one upstream that has never been seen and does not answer. */
function silent() {
  const clock = manualClock();
  const upstream = {
    name: "silent",
    config: { name: "silent", transport: "http", url: "http://127.0.0.1:1/mcp", priority: 1, timeout: 60 },
    offer: undefined,
    tried: false,
  };
  const pool = { upstreams: [upstream], get: () => undefined } as unknown as Pool;
  const rules = { conflict_strategy: "auto_prefix", naming: "auto", max_name_length: 46 } as const;
  const catalogs = createCatalogs({ pool, rules, clock, bus: memoryBus(), version: "0" });
  return { clock, upstream, catalogs, view: catalogs.view({ kind: "all" })! };
}

test("an upstream that was waited for in vain is not waited for again, but for longer", async () => {
  const { clock, view } = silent();
  const first = view.settled(1_000);
  expect(clock.pending).toBe(1);
  clock.advance(1_000);
  await first;
  await view.settled(1_000);
  expect(clock.pending).toBe(0);
  const longer = view.settled(5_000);
  expect(clock.pending).toBe(1);
  clock.advance(5_000);
  await longer;
});

test("whoever waits is told as soon as the upstream was tried", async () => {
  const { clock, view, upstream, catalogs } = silent();
  const waiting = view.settled(1_000);
  upstream.tried = true;
  catalogs.tried();
  await waiting;
  expect(clock.pending).toBe(0);
});
