import { expect, test } from "vitest";
import { manualClock } from "../../test/fixtures/manual-clock.ts";
import { source } from "../core/catalog.fixture.ts";
import { createRepairs } from "../core/repairs.ts";
import { NO_COMPILERS } from "../core/schema-verdicts.ts";
import { memoryBus } from "../lib/memory-bus.ts";
import type { Pool } from "../upstream/pool.ts";
import { createCatalogs } from "./catalogs.ts";
import { createLoadedOffers } from "./loaded-offers.ts";
import { createSources } from "./sources.ts";

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
  const catalogs = createCatalogs({
    ...{ pool, sources: createSources(createLoadedOffers({ folder: null, trouble() {}, now: clock.now })) },
    rules,
    clock,
    bus: memoryBus(),
    version: "0",
    repairs: createRepairs(NO_COMPILERS),
  });
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

test("what an upstream has just been found to offer is in the catalog that is asked for next", async () => {
  const { upstream, catalogs, view } = silent();
  catalogs.rebuild();
  for (const tool of ["a", "b"]) {
    Object.assign(upstream, { offer: source("silent", { tool: [tool] }).offer, tried: true });
    catalogs.rebuildSoon();
    expect(view.catalog().resolve("tool", tool).kind).toBe("found");
  }
  catalogs.stop();
});

test("a catalog that takes long to build is not built again at once, whatever upstreams say", () => {
  const { clock, upstream, catalogs, view } = silent();
  let tool = "a";
  Object.defineProperty(upstream, "offer", {
    get() {
      clock.advance(200);
      return source("silent", { tool: [tool] }).offer;
    },
  });
  const has = (name: string): boolean => view.catalog().resolve("tool", name).kind === "found";
  catalogs.rebuild();
  tool = "b";
  catalogs.rebuildSoon();
  expect(has("a")).toBe(true);
  clock.advance(5_000);
  expect(has("b")).toBe(true);
  catalogs.rebuildSoon();
  tool = "c";
  catalogs.rebuild();
  expect(has("c")).toBe(true);
  catalogs.stop();
  expect(clock.pending).toBe(0);
});

test("agents hear of lists that are really different, at once, and then at most once a second", async () => {
  const clock = manualClock();
  const config = { transport: "http", url: "http://127.0.0.1:1/mcp", priority: 1, timeout: 60 };
  const upstream = {
    name: "one",
    config: { ...config, name: "one" },
    offer: source("one", { tool: ["a"] }).offer,
    tried: true,
  };
  const pool = { upstreams: [upstream], get: () => upstream } as unknown as Pool;
  const rules = { conflict_strategy: "auto_prefix", naming: "auto", max_name_length: 46 } as const;
  const catalogs = createCatalogs({
    ...{ pool, sources: createSources(createLoadedOffers({ folder: null, trouble() {}, now: clock.now })) },
    rules,
    clock,
    bus: memoryBus(),
    version: "0",
    repairs: createRepairs(NO_COMPILERS),
  });
  const heard: string[] = [];
  catalogs.rebuild();
  catalogs.onChange(({ view, kinds }) => void heard.push(`${view.kind} ${kinds.join()}`));
  const news = () => new Promise(resolve => setImmediate(resolve));
  const offers = (...tools: string[]) => {
    upstream.offer = source("one", { tool: tools }).offer;
    catalogs.rebuild();
  };
  offers("a");
  await news();
  expect(heard).toEqual([]);
  offers("a", "b");
  await news();
  expect(heard).toEqual(["all tool", "upstream tool"]);
  for (const name of ["c", "d", "e"]) offers("a", name);
  clock.advance(999);
  await news();
  expect(heard).toHaveLength(2);
  clock.advance(1);
  await news();
  expect(heard).toEqual(["all tool", "upstream tool", "all tool", "upstream tool"]);
  // What comes right after news that were late waits as long as after those that were not.
  offers("f");
  clock.advance(999);
  await news();
  expect(heard).toHaveLength(4);
  clock.advance(1);
  await news();
  expect(heard).toHaveLength(6);
  clock.advance(10_000);
  await news();
  expect(heard).toHaveLength(6);
  catalogs.stop();
});
