import { expect, test } from "vitest";
import { manualClock } from "../../test/fixtures/manual-clock.ts";
import type { Caller } from "../core/call.ts";
import { source } from "../core/catalog.fixture.ts";
import { upstreamName } from "../core/names.ts";
import { createRepairs } from "../core/repairs.ts";
import { NO_COMPILERS } from "../core/schema-verdicts.ts";
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

test("every listener is told of a change after the turn that made it", async () => {
  const { catalogs } = silent();
  const heard: string[] = [];
  const receive = () => void heard.push("news");
  catalogs.onChange(receive);
  catalogs.onChange(() => receive());
  catalogs.varied(upstreamName("silent"), { kinds: ["tool"], owner: undefined });
  expect(heard).toEqual([]);
  await Promise.resolve();
  // Of all upstreams together, and of this one.
  expect(heard).toEqual(["news", "news", "news", "news"]);
  catalogs.stop();
});

test("a listener that has ended hears nothing, not even what is under way", async () => {
  const { catalogs } = silent();
  const heard: string[] = [];
  const end = catalogs.onChange(({ view }) => void heard.push(`one ${view.kind}`));
  catalogs.onChange(({ view }) => void heard.push(`two ${view.kind}`));
  catalogs.varied(upstreamName("silent"), { kinds: ["tool"], owner: undefined });
  end();
  end();
  await Promise.resolve();
  expect(heard).toEqual(["two all", "two upstream"]);
  catalogs.stop();
});

/** Catalogs of one upstream that offers more than is looked at in one piece. */
function large() {
  const clock = { ...manualClock(), now: () => performance.now() };
  const config = { name: "one", transport: "http", url: "http://127.0.0.1:1/mcp", priority: 1, timeout: 60 };
  const offerOf = (...tools: string[]) => {
    const others = Array.from({ length: 3_000 }, (_, at) => `other${at}`);
    return source("one", { tool: [...tools, ...others], template: [`x://${tools[0]}/{+a}`] }).offer;
  };
  const upstream = {
    ...{ name: "one", config: config as object, offer: offerOf("a"), tried: true, varies: false },
    ...{ hurry() {}, fresh: () => undefined, offerTo: () => upstream.offer },
  } as { offer: ReturnType<typeof offerOf>; config: object; name: string };
  const pool = { upstreams: [upstream], get: () => upstream } as unknown as Pool;
  const rules = { conflict_strategy: "auto_prefix", naming: "auto", max_name_length: 46 } as const;
  const catalogs = createCatalogs({
    ...{ pool, sources: createSources(createLoadedOffers({ folder: null, trouble() {}, now: clock.now })) },
    ...{ rules, clock, version: "0", repairs: createRepairs(NO_COMPILERS) },
  });
  const views = [catalogs.view({ kind: "all" })!, catalogs.view({ kind: "upstream", name: upstreamName("one") })!];
  const has = (tool: string) => views.map(view => view.catalog().resolve("tool", tool).kind);
  return { upstream, catalogs, rules, views, has, offerOf };
}

test("while a large catalog is built the one before stays, and nobody hears of a change that cannot be seen", async () => {
  const { upstream, catalogs, has, offerOf } = large();
  catalogs.rebuild();
  await catalogs.current();
  const heard: string[] = [];
  catalogs.onChange(({ view, kinds }) => void heard.push(`${view.kind} ${kinds.join()} ${has("b").join()}`));
  upstream.offer = offerOf("b");
  catalogs.rebuildSoon();
  let turns = 0;
  const counting = setInterval(() => turns++, 0);
  expect(has("a")).toEqual(["found", "found"]);
  expect(has("b")).toEqual(["unknown", "unknown"]);
  expect(heard).toEqual([]);
  await catalogs.current();
  clearInterval(counting);
  expect(turns).toBeGreaterThan(1);
  expect(has("b")).toEqual(["found", "found"]);
  expect(has("a")).toEqual(["unknown", "unknown"]);
  await new Promise(resolve => setImmediate(resolve));
  expect(heard).toEqual(["all tool,template found,found", "upstream tool,template found,found"]);
  catalogs.stop();
});

test("a list waits for what was offered when it was asked for, also when another one was being built", async () => {
  const { upstream, catalogs, views, has, offerOf } = large();
  const caller = {} as Caller;
  catalogs.rebuild();
  for (const tool of ["b", "c", "d"]) {
    upstream.offer = offerOf(tool);
    catalogs.rebuildSoon();
    has(tool);
  }
  await Promise.all(views.map(view => view.fresh("tool", caller)));
  expect(has("d")).toEqual(["found", "found"]);
  expect(catalogs.current()).toBeUndefined();
  catalogs.stop();
});

test("a catalog that was begun under another configuration is never seen", async () => {
  const { upstream, catalogs, rules, has, offerOf } = large();
  catalogs.rebuild(rules);
  await catalogs.current();
  upstream.offer = offerOf("secret");
  catalogs.rebuild();
  // Begun, and not over.
  upstream.config = { ...upstream.config, tools: ["other1"] };
  catalogs.rebuild({ ...rules });
  const seen: string[] = [];
  const looking = setInterval(() => seen.push(...has("secret")), 0);
  await catalogs.current();
  clearInterval(looking);
  expect(seen.length).toBeGreaterThan(2);
  expect(seen).not.toContain("found");
  expect(has("a")).toEqual(["unknown", "unknown"]);
  expect(has("other1")).toEqual(["found", "found"]);
  catalogs.stop();
});
