import type { Caller, View } from "../core/call.ts";
import { type Catalog, KINDS, type Kind, type Source } from "../core/catalog.ts";
import { methodOwner, upstreamEntry } from "../core/extensions.ts";
import type { Front, ListChange, Profile, ViewQueries } from "../core/front.ts";
import type { UpstreamName } from "../core/names.ts";
import type { Clock } from "../core/ports.ts";
import type { Repairs } from "../core/repairs.ts";
import { waitFor } from "../core/wait.ts";
import type { Pool } from "../upstream/pool.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { listHint } from "./freshness.ts";
import { type Described, mergedProfile, singleProfile } from "./profiles.ts";
import { type CatalogRules, createSnapshots, offerTo } from "./snapshots.ts";
import { filtersOf, type Sources } from "./sources.ts";
import { createWorkbench } from "./workbench.ts";

/** At most one notification per view, and agent, in this time, whatever upstreams say. */
const SPACING_MS = 1_000;
/** So long it may take to read the lists of which an upstream says that they have changed. */
const SAID_MS = 2_000;

/** The snapshots that agents see: of everything, and of each upstream alone; one for all who are offered the same. */
export interface Catalogs {
  view(view: View): ViewQueries | undefined;
  readonly all: Catalog;
  /**
   * Rebuilds everything from what the upstreams offer now: at once, or, when that is much, in slices, and what there
   * was stays until then.
   */
  rebuild(rules?: CatalogRules): void;
  /** Resolves when what is seen is of what upstreams offered when this was asked; `undefined`: it is. */
  current(): Promise<void> | undefined;
  /** The same, once, soon: many upstreams may change at the same time. */
  rebuildSoon(): void;
  /** An upstream was tried, with or without success. */
  tried(): void;
  /** An upstream said that lists have changed; whether they have is seen when they are read. */
  noticed(upstream: UpstreamName, change: Pick<ListChange, "kinds" | "owner">): void;
  /** That agent, or any of several, may be offered something else by an upstream. */
  varied(upstream: UpstreamName, change: Pick<ListChange, "kinds" | "owner">): void;
  onChange: Front["onChange"];
  stop(): void;
}

export function createCatalogs(options: {
  pool: Pool;
  rules: CatalogRules;
  clock: Clock;
  version: string;
  repairs: Repairs;
  sources: Sources;
}): Catalogs {
  const { pool, clock, version } = options;
  let rules = options.rules;
  const snapshots = createSnapshots({
    ...{ pool, sources: options.sources, repairs: options.repairs, rules: () => rules },
    work: createWorkbench(clock.now),
  });
  let all = snapshots.all(undefined);
  let singles = new Map<UpstreamName, Catalog>();
  let soon: NodeJS.Immediate | undefined;
  let building: Promise<void> | undefined;
  /** Something has changed since it began. */
  let isOutdated = false;
  let isStopped = false;
  const listeners = new Set<(change: ListChange) => void>();
  const waiting = new Set<() => void>();
  const waited = new WeakMap<Upstream, number>();
  const due = new Map<string, Due>();
  /** When an upstream last said that lists of it have changed: what is then seen to be different has been told. */
  const said = new Map<UpstreamName, Map<Kind, number>>();

  function rebuild(next?: CatalogRules): void {
    rules = next ?? rules;
    if (next) snapshots.forget();
    if (building) {
      isOutdated = true;
      return;
    }
    building = snapshots.remake()?.then(isShown => {
      building = undefined;
      if (isStopped) return;
      if (isShown) show();
      if (!isOutdated) return;
      isOutdated = false;
      rebuild();
    });
    if (!building) show();
  }

  /** No agent is told of a change before it can be seen. */
  function show(): void {
    const before = { all, singles };
    all = snapshots.all(undefined);
    singles = new Map(pool.upstreams.map(upstream => [upstream.name, snapshots.single(upstream, undefined)]));
    announceDifference({ kind: "all" }, before.all, all);
    for (const [name, single] of singles) {
      announceDifference({ kind: "upstream", name }, before.singles.get(name), single);
    }
    settle();
  }

  function current(): Promise<void> | undefined {
    upToDate();
    // Of two, the second one began after this was asked.
    return building?.then(() => building);
  }

  /** What is due is done before anybody looks: a list that was read for an agent is to be the one that it gets. */
  function upToDate(): void {
    if (soon === undefined) return;
    clearImmediate(soon);
    soon = undefined;
    rebuild();
  }

  function announceDifference(view: View, before: Catalog | undefined, after: Catalog): void {
    const kinds = before ? KINDS.filter(kind => before.digests[kind] !== after.digests[kind]) : [];
    announce({ view, kinds: kinds.filter(kind => !hasSaid(view, kind)), owner: undefined });
  }

  function hasSaid(view: View, kind: Kind): boolean {
    const at = view.kind === "upstream" ? said.get(view.name)?.get(kind) : undefined;
    return at !== undefined && clock.now() - at < SAID_MS;
  }

  /** Says it at once, and what comes soon after that once more, together. */
  function announce(change: ListChange): void {
    if (change.kinds.length === 0) return;
    const { view, owner } = change;
    const key = JSON.stringify([view, owner]);
    const pending = due.get(key);
    if (pending) {
      for (const kind of change.kinds) pending.kinds.add(kind);
      return;
    }
    publish(change);
    rest(key, change);
  }

  /** What comes before the time is over is said at its end, and then the time begins again. */
  function rest(key: string, { view, owner }: ListChange): void {
    const kinds = new Set<Kind>();
    const cancel = clock.after(SPACING_MS, () => {
      due.delete(key);
      if (kinds.size > 0) announce({ view, owner, kinds: [...kinds] });
    });
    due.set(key, { kinds, cancel });
  }

  /** After this turn, so that who changes something has finished before others look at it. */
  function publish(change: ListChange): void {
    queueMicrotask(() => {
      if (!isStopped) for (const listener of listeners) listener(change);
    });
  }

  function settle(): void {
    for (const check of [...waiting]) check();
  }

  /** Who was waited for in vain is not waited for again, or every list would take as long as the first. */
  function settled(upstreams: readonly Upstream[], waitMs: number): Promise<void> {
    const missing = (): Upstream[] =>
      upstreams.filter(upstream => !upstream.offer && !upstream.tried && (waited.get(upstream) ?? 0) < waitMs);
    const done = (): boolean => missing().length === 0;
    if (done()) return Promise.resolve();
    const giveUp = (): void => {
      for (const upstream of missing()) waited.set(upstream, waitMs);
    };
    return waitFor<void>({ late: { clock, afterMs: waitMs, gives: giveUp } }, end => {
      const check = (): void => {
        if (done()) end();
      };
      waiting.add(check);
      return () => waiting.delete(check);
    });
  }

  function single(name: UpstreamName): ViewQueries | undefined {
    const upstream = pool.get(name);
    if (!upstream) return undefined;
    upstream.hurry();
    return {
      catalog: caller => snapshots.single(upstream, caller),
      profile: (caller): Profile => singleProfile(describedTo(upstream, caller), version),
      page: (kind, caller) => offerTo(upstream, caller)?.pages[kind],
      fresh: (kind, caller) => andThen(upstream.fresh(caller, kind), () => snapshots.madeSingle(upstream, caller)),
      hint: (kind, caller) => listHint([describedTo(upstream, caller)], kind),
      owner: () => ({ kind: "found", entry: upstreamEntry(name) }),
      settled: async waitMs => {
        await settled([upstream], waitMs);
        await snapshots.madeSingle(upstream, undefined);
      },
    };
  }

  const described = (caller: Caller | undefined): Described[] =>
    pool.upstreams.map(upstream => describedTo(upstream, caller));

  const everything: ViewQueries = {
    catalog(caller) {
      upToDate();
      return caller ? snapshots.all(caller) : all;
    },
    profile: caller => mergedProfile(described(caller), version),
    page: () => undefined,
    fresh(kind, caller) {
      const readings = pool.upstreams.flatMap(upstream => upstream.fresh(caller, kind) ?? []);
      const read = readings.length === 0 ? undefined : Promise.all(readings);
      return andThen(read, () => andThen(current(), () => snapshots.madeAll(caller)));
    },
    hint: (kind, caller) => listHint(described(caller), kind),
    owner(method, caller) {
      const name = methodOwner(
        described(caller).flatMap(({ offer }) => offer ?? []),
        method,
      );
      return name === undefined ? { kind: "unknown", nearest: [] } : { kind: "found", entry: upstreamEntry(name) };
    },
    settled: waitMs => settled(pool.upstreams, waitMs).then(current),
  };

  return {
    view: view => (view.kind === "all" ? everything : single(view.name)),
    get all() {
      return all;
    },
    rebuild,
    current,
    rebuildSoon() {
      soon ??= setImmediate(upToDate);
    },
    tried() {
      // A rebuild that is due tells those who wait, once what they wait for can be seen.
      if (soon === undefined && !building) settle();
    },
    noticed(name, change) {
      if (change.owner === undefined) {
        const kinds = said.get(name) ?? new Map<Kind, number>();
        said.set(name, kinds);
        for (const kind of change.kinds) kinds.set(kind, clock.now());
      }
      announce({ view: { kind: "upstream", name }, ...change });
    },
    varied(name, change) {
      snapshots.renew();
      announce({ view: { kind: "all" }, ...change });
      announce({ view: { kind: "upstream", name }, ...change });
    },
    onChange(receive) {
      listeners.add(receive);
      return () => listeners.delete(receive);
    },
    stop() {
      isStopped = true;
      clearImmediate(soon);
      for (const { cancel } of due.values()) cancel();
    },
  };
}

/** Those that can be asked for resources, the best priority first. */
export const servingResources = (upstreams: readonly Upstream[]): Pick<Source, "name" | "priority" | "filters">[] =>
  upstreams
    .filter(({ offer }) => offer?.capabilities.has("resources"))
    .map(({ name, config }) => ({ name, priority: config.priority, filters: filtersOf(config) }))
    .toSorted((a, b) => a.priority - b.priority);

const describedTo = (upstream: Upstream, caller: Caller | undefined): Described => ({
  name: upstream.name,
  condition: upstream.condition,
  offer: offerTo(upstream, caller),
});

/** What is to be waited for only when the first has been done; `undefined` where there is nothing to wait for. */
function andThen(
  first: Promise<unknown> | undefined,
  second: () => Promise<unknown> | undefined,
): Promise<void> | undefined {
  return (first ? first.then(second) : second())?.then(() => {});
}

interface Due {
  readonly kinds: Set<Kind>;
  readonly cancel: () => void;
}
