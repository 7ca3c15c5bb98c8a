import { expect, it } from "vitest";
import type { Entry } from "../core/catalog.ts";
import type { Subscription } from "../core/front.ts";
import { ANONYMOUS } from "../core/names.fixture.ts";
import { nativeName, ownerId, publicName, upstreamName } from "../core/names.ts";
import { Payload } from "../core/payload.ts";
import { references } from "../guard/references.ts";
import { systemClock } from "../lib/clock.ts";
import { createSealer } from "../lib/seal.ts";
import type { Pool } from "../upstream/pool.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { Catalogs } from "./catalogs.ts";
import { watching } from "./watching.ts";

const name = upstreamName("a");
const sealer = createSealer(Buffer.alloc(32, 1), { clock: systemClock });
const UNKNOWN = { kind: "unknown", nearest: [] } as const;
const NO_REFERENCES = references({ serving: () => [] });
const EMPTY = Payload.of({});
const holder = { upstream: name, native: nativeName("x://1"), priority: 1, definition: EMPTY };
const entry: Entry = { kind: "resource", name: publicName("x://1"), holders: [holder], definition: EMPTY };

/** An upstream that counts who watches there. */
function upstream() {
  let watchers = 0;
  const subscribe: Upstream["subscribe"] = async (_caller, { topic, told, missed }): Promise<Subscription> => {
    watchers++;
    if (missed) setImmediate(() => told(Payload.of({ uri: topic.name })));
    return { kind: "open", close: () => void watchers-- };
  };
  const part: Partial<Upstream> = { name, condition: "up", subscribe };
  return { upstream: part as Upstream, watchers: () => watchers };
}

it("goes on at the upstream that took the place of a changed one, and says so once", async () => {
  const [before, after] = [upstream(), upstream()];
  let current = before.upstream;
  const pool = { get: () => current } as Partial<Pool> as Pool;
  const view = () => ({ catalog: () => ({ resolve: () => ({ kind: "found", entry }) }) });
  const watches = watching({
    pool,
    sealer,
    catalogs: { view, current() {} } as unknown as Catalogs,
    references: NO_REFERENCES,
  });
  const caller = { principal: ANONYMOUS, agent: "test", owner: ownerId("o"), capabilities: EMPTY, converses: false };
  const told: unknown[] = [];
  let heard = (): void => {};
  const moved = new Promise<void>(resolve => {
    heard = resolve;
  });
  const updated = (params: Payload): void => {
    told.push(params.value());
    heard();
  };
  const subscription = await watches.subscribe({ view: { kind: "all" }, caller, uri: "x://1", updated });
  watches.renew();
  expect([before.watchers(), told]).toEqual([1, []]);

  current = after.upstream;
  watches.renew();
  await moved;
  expect([before.watchers(), after.watchers(), told]).toEqual([0, 1, [{ uri: "x://1" }]]);
  if (subscription.kind === "open") subscription.close();
  expect(after.watchers()).toBe(0);
});

it("remembers what news of a resource names, which may be a part of it", async () => {
  let tell = (_params: Payload): void => {};
  const subscribe: Upstream["subscribe"] = async (_caller, { told }) => {
    tell = told;
    return { kind: "open", close() {} };
  };
  const only = { name, condition: "up", subscribe } as Partial<Upstream> as Upstream;
  const view = () => ({ catalog: () => ({ resolve: () => ({ kind: "found", entry }) }) });
  const remembered = references({ serving: () => [{ name, priority: 1, filters: {} }] });
  const pool = { get: () => only } as Partial<Pool> as Pool;
  const watches = watching({
    pool,
    sealer,
    catalogs: { view, current() {} } as unknown as Catalogs,
    references: remembered,
  });
  const caller = { principal: ANONYMOUS, agent: "test", owner: ownerId("o"), capabilities: EMPTY, converses: false };
  const who = { view: { kind: "all" }, caller } as const;
  await watches.subscribe({ ...who, uri: "x://1", updated() {} });
  tell(Payload.of({ uri: "x://1/part" }));
  expect(remembered.resolve(who, "x://1/part", UNKNOWN)).toMatchObject({
    kind: "found",
    entry: { holders: [{ upstream: "a" }] },
  });
  expect(remembered.resolve(who, "x://1/other", UNKNOWN)).toBe(UNKNOWN);
});
