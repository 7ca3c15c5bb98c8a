import type { Config, UpstreamConfig } from "../config/schema.ts";
import { buildCatalog, singleCatalog } from "../core/build-catalog.ts";
import type { View } from "../core/call.ts";
import { type Catalog, KINDS, type Kind, type Source } from "../core/catalog.ts";
import { methodOwner, upstreamEntry } from "../core/extensions.ts";
import type { Profile, ViewQueries } from "../core/front.ts";
import type { UpstreamName } from "../core/names.ts";
import type { Bus, Clock } from "../core/ports.ts";
import type { Repairs } from "../core/repairs.ts";
import type { Pool } from "../upstream/pool.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { listHint } from "./freshness.ts";
import { mergedProfile, singleProfile } from "./profiles.ts";

export type CatalogRules = Pick<Config, "conflict_strategy" | "naming" | "max_name_length">;
type ChangeListener = (view: View, kinds: readonly Kind[]) => void;

/** At most one notification per view in this time. */
const NOTIFY_SPACING_MS = 1_000;
const TOPIC = "catalog";

/** The snapshots that agents see: one of everything, one of each upstream alone. */
export interface Catalogs {
  view(view: View): ViewQueries | undefined;
  readonly all: Catalog;
  /** Builds everything anew from what the upstreams offer now. */
  rebuild(rules?: CatalogRules): void;
  /** The same, once, soon: many upstreams may change at the same time. */
  rebuildSoon(): void;
  /** An upstream was tried, with or without success. */
  tried(): void;
  onChange(receive: ChangeListener): () => void;
  stop(): void;
}

export function createCatalogs(options: {
  pool: Pool;
  rules: CatalogRules;
  clock: Clock;
  bus: Bus;
  version: string;
  repairs: Repairs;
}): Catalogs {
  const { pool, clock, bus, version } = options;
  let rules = options.rules;
  let all = build();
  let singles = new Map<UpstreamName, Catalog>();
  let soon: NodeJS.Immediate | undefined;
  const listeners = new Set<ChangeListener>();
  const waiting = new Set<() => void>();
  const waited = new WeakMap<Upstream, number>();
  const due = new Map<string, { view: View; kinds: Set<Kind>; cancel: () => void }>();
  const unsubscribe = bus.subscribe(TOPIC, message => {
    const { view, kinds } = JSON.parse(message) as { view: View; kinds: Kind[] };
    for (const listener of listeners) listener(view, kinds);
  });

  function build(): Catalog {
    return buildCatalog({
      sources: pool.upstreams.map(sourceOf),
      strategy: rules.conflict_strategy,
      naming: rules.naming,
      maxNameLength: rules.max_name_length,
      repairs: options.repairs,
    });
  }

  function rebuild(next?: CatalogRules): void {
    rules = next ?? rules;
    const before = { all, singles };
    all = build();
    singles = new Map(pool.upstreams.map(upstream => [upstream.name, singleCatalog(sourceOf(upstream))]));
    announce({ kind: "all" }, before.all, all);
    for (const [name, catalog] of singles) announce({ kind: "upstream", name }, before.singles.get(name), catalog);
    settle();
  }

  /** Tells what is really different, at most once a second for each view. */
  function announce(view: View, before: Catalog | undefined, after: Catalog): void {
    const kinds = before ? KINDS.filter(kind => before.digests[kind] !== after.digests[kind]) : [];
    if (kinds.length === 0) return;
    const key = view.kind === "all" ? "" : view.name;
    const pending = due.get(key);
    if (pending) {
      for (const kind of kinds) pending.kinds.add(kind);
      return;
    }
    bus.publish(TOPIC, JSON.stringify({ view, kinds }));
    const cancel = clock.after(NOTIFY_SPACING_MS, () => {
      const later = due.get(key);
      due.delete(key);
      if (later && later.kinds.size > 0) bus.publish(TOPIC, JSON.stringify({ view, kinds: [...later.kinds] }));
    });
    due.set(key, { view, kinds: new Set(), cancel });
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
    return new Promise(resolve => {
      const finish = (): void => {
        cancel();
        waiting.delete(check);
        resolve();
      };
      const check = (): void => {
        if (done()) finish();
      };
      const giveUp = (): void => {
        for (const upstream of missing()) waited.set(upstream, waitMs);
        finish();
      };
      const cancel = clock.after(waitMs, giveUp);
      waiting.add(check);
    });
  }

  function single(name: UpstreamName): ViewQueries | undefined {
    const upstream = pool.get(name);
    if (!upstream) return undefined;
    upstream.hurry();
    return {
      catalog: () => singles.get(name) ?? singleCatalog(sourceOf(upstream)),
      profile: (): Profile => singleProfile(upstream, version),
      page: kind => upstream.offer?.pages[kind],
      listed: kind => upstream.listed(kind),
      hint: kind => listHint([upstream], kind),
      owner: () => ({ kind: "found", entry: upstreamEntry(name) }),
      settled: waitMs => settled([upstream], waitMs),
    };
  }

  const everything: ViewQueries = {
    catalog: () => all,
    profile: () => mergedProfile(pool.upstreams, version),
    page: () => undefined,
    listed(kind) {
      for (const upstream of pool.upstreams) upstream.listed(kind);
    },
    hint: kind => listHint(pool.upstreams, kind),
    owner(method) {
      const name = methodOwner(
        pool.upstreams.flatMap(({ offer }) => offer ?? []),
        method,
      );
      return name === undefined ? { kind: "unknown", nearest: [] } : { kind: "found", entry: upstreamEntry(name) };
    },
    settled: waitMs => settled(pool.upstreams, waitMs),
  };

  return {
    view: view => (view.kind === "all" ? everything : single(view.name)),
    get all() {
      return all;
    },
    rebuild,
    rebuildSoon() {
      soon ??= setImmediate(() => {
        soon = undefined;
        rebuild();
      });
    },
    tried() {
      // A rebuild that is due tells those who wait, once what they wait for can be seen.
      if (soon === undefined) settle();
    },
    onChange(receive) {
      listeners.add(receive);
      return () => listeners.delete(receive);
    },
    stop() {
      clearImmediate(soon);
      unsubscribe();
      for (const { cancel } of due.values()) cancel();
    },
  };
}

/** Those that can be asked for resources, the best priority first. */
export const servingResources = (upstreams: readonly Upstream[]): Pick<Source, "name" | "priority">[] =>
  upstreams
    .filter(({ offer }) => offer?.capabilities.has("resources"))
    .map(({ name, config }) => ({ name, priority: config.priority }))
    .toSorted((a, b) => a.priority - b.priority);

function sourceOf(upstream: Upstream): Source {
  const { config, name, offer } = upstream;
  const { priority, group, tools } = config;
  return { name, priority, group, tools, fingerprint: fingerprintOf(config), offer };
}

/** What must be equal for two upstreams to be taken for replicas without being told. */
function fingerprintOf(config: UpstreamConfig): string {
  const own = new Set(["name", "url", "priority", "health_check_interval", "auth", "headers", "group"]);
  return JSON.stringify(
    Object.entries(config)
      .filter(([key]) => !own.has(key))
      .sort(),
  );
}
