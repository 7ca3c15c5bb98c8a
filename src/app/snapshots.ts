import type { Config } from "../config/schema.ts";
import { buildCatalog, singleCatalog } from "../core/build-catalog.ts";
import type { Caller } from "../core/call.ts";
import type { Catalog, Offer } from "../core/catalog.ts";
import type { Repairs } from "../core/repairs.ts";
import type { Pool } from "../upstream/pool.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { Sources } from "./sources.ts";

export type CatalogRules = Pick<Config, "conflict_strategy" | "naming" | "max_name_length">;

/** How many different catalogs of everything are kept; beyond it the one that was used least lately is made again. */
const MAX_KEPT = 64;

/** Catalogs, made once for all who are offered the same by every upstream. */
export interface Snapshots {
  all(caller: Caller | undefined): Catalog;
  single(upstream: Upstream, caller: Caller | undefined): Catalog;
  /** Some are offered something else than they were. */
  renew(): void;
  /** Everything may be different: other upstreams, other rules. */
  forget(): void;
}

export function createSnapshots(options: {
  pool: Pool;
  sources: Sources;
  repairs: Repairs;
  rules(): CatalogRules;
}): Snapshots {
  const { pool, sources, repairs, rules } = options;
  const numbers = numbered();
  const kept = new Map<string, Catalog>();
  let singles = new WeakMap<Upstream, WeakMap<Offer, Catalog>>();
  /** An agent that converses is the same caller in each of its calls. */
  let known = new WeakMap<Caller, Catalog>();
  let usual: Catalog | undefined;
  let varies = false;

  function renew(): void {
    known = new WeakMap();
    varies = pool.upstreams.some(upstream => upstream.varies);
  }

  function of(offers: readonly (Offer | undefined)[]): Catalog {
    const key = offers.map(numbers).join(" ");
    const catalog = kept.get(key) ?? build(offers);
    kept.delete(key);
    kept.set(key, catalog);
    for (const oldest of kept.keys()) {
      if (kept.size <= MAX_KEPT) break;
      kept.delete(oldest);
    }
    return catalog;
  }

  function build(offers: readonly (Offer | undefined)[]): Catalog {
    const { conflict_strategy, naming, max_name_length } = rules();
    return buildCatalog({
      sources: pool.upstreams.map((upstream, at) => sources.of(upstream, offers[at])),
      strategy: conflict_strategy,
      naming,
      maxNameLength: max_name_length,
      repairs,
    });
  }

  return {
    all(caller) {
      if (!caller || !varies) {
        usual ??= of(pool.upstreams.map(({ offer }) => offer));
        return usual;
      }
      const catalog = known.get(caller) ?? of(pool.upstreams.map(upstream => upstream.offerTo(caller)));
      known.set(caller, catalog);
      return catalog;
    },
    single(upstream, caller) {
      const offer = offerTo(upstream, caller);
      if (!offer) return singleCatalog(sources.of(upstream, undefined));
      const ofUpstream = singles.get(upstream) ?? new WeakMap<Offer, Catalog>();
      singles.set(upstream, ofUpstream);
      const catalog = ofUpstream.get(offer) ?? singleCatalog(sources.of(upstream, offer));
      ofUpstream.set(offer, catalog);
      return catalog;
    },
    renew,
    forget() {
      renew();
      singles = new WeakMap();
      kept.clear();
      usual = undefined;
    },
  };
}

/** What an upstream offers to this caller; without one, to most. */
export const offerTo = (upstream: Upstream, caller: Caller | undefined): Offer | undefined =>
  caller ? upstream.offerTo(caller) : upstream.offer;

/** A number for each object, so that the same objects make the same text. */
function numbered(): (object: object | undefined) => number {
  const numbers = new WeakMap<object, number>();
  let next = 1;
  return object => {
    if (!object) return 0;
    const number = numbers.get(object) ?? next++;
    numbers.set(object, number);
    return number;
  };
}
