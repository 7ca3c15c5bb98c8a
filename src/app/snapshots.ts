import type { Config } from "../config/schema.ts";
import { buildCatalog, singleCatalog } from "../core/build-catalog.ts";
import type { Caller } from "../core/call.ts";
import { type Catalog, KINDS, type Offer } from "../core/catalog.ts";
import type { Repairs } from "../core/repairs.ts";
import { finish, type Steps } from "../core/steps.ts";
import type { Pool } from "../upstream/pool.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { Sources } from "./sources.ts";
import type { Workbench } from "./workbench.ts";

export type CatalogRules = Pick<Config, "conflict_strategy" | "naming" | "max_name_length">;

/** How many different catalogs of everything are kept; beyond it the one that was used least lately is made again. */
const MAX_KEPT = 64;
/** Of so many definitions a catalog is made at once. */
const FEW = 500;

/**
 * Catalogs, made once for all who are offered the same by every upstream. Large ones are made in slices; until one is
 * there, callers get the one from before, and of an agent's own list the one of most.
 */
export interface Snapshots {
  all(caller: Caller | undefined): Catalog;
  single(upstream: Upstream, caller: Caller | undefined): Catalog;
  /** Resolves when `all` has what that caller is offered; `undefined`: it does, or what most are offered will do. */
  madeAll(caller: Caller | undefined): Promise<unknown> | undefined;
  madeSingle(upstream: Upstream, caller: Caller | undefined): Promise<unknown> | undefined;
  /**
   * Makes what most are offered again, of everything and of each upstream. `undefined`: that is done; otherwise tells in
   * the end whether it is shown, which nothing is that was begun under another configuration.
   */
  remake(): Promise<boolean> | undefined;
  /** Some are offered something else than they were. */
  renew(): void;
  /** Everything may be different: other upstreams, other rules. */
  forget(): void;
}

/** A catalog, or when it will be there. */
interface Made {
  catalog: Catalog | undefined;
  making: Promise<unknown> | undefined;
}

interface World {
  readonly pool: Pool;
  readonly sources: Sources;
  readonly repairs: Repairs;
  readonly work: Workbench;
  rules(): CatalogRules;
}

/** Makes catalogs of offers, small ones at once and large ones in slices. */
function making({ pool, sources, repairs, work, rules }: World) {
  function build(offers: readonly (Offer | undefined)[]): Steps<Catalog> {
    const { conflict_strategy, naming, max_name_length } = rules();
    return buildCatalog({
      sources: pool.upstreams.map((upstream, at) => sources.of(upstream, offers[at])),
      strategy: conflict_strategy,
      naming,
      maxNameLength: max_name_length,
      repairs,
    });
  }

  function begin(steps: Steps<Catalog>, offers: readonly (Offer | undefined)[]): Made {
    const isSmall = offers.reduce((sum, offer) => sum + countOf(offer), 0) <= FEW;
    const result = work(steps, { isSmall });
    const made: Made = { catalog: undefined, making: undefined };
    if (result instanceof Promise) {
      made.making = result.then(catalog => Object.assign(made, { catalog, making: undefined }));
    } else made.catalog = result;
    return made;
  }

  return { build, begin };
}

export function createSnapshots(world: World): Snapshots {
  const { pool, sources } = world;
  const { build, begin } = making(world);
  const numbers = numbered();
  const kept = new Map<string, Made>();
  let singles = new WeakMap<Upstream, WeakMap<Offer, Made>>();
  /** Of what most are offered, until there is a newer one. */
  let latest = new WeakMap<Upstream, Catalog>();
  /** An agent that converses is the same caller in each of its calls. */
  let known = new WeakMap<Caller, Made>();
  let usual = finish(build(pool.upstreams.map(({ offer }) => offer)));
  let varies = false;
  /** Of another configuration nothing is taken over. */
  let epoch = 0;

  function renew(): void {
    known = new WeakMap();
    varies = pool.upstreams.some(upstream => upstream.varies);
  }

  function of(offers: readonly (Offer | undefined)[]): Made {
    const key = offers.map(numbers).join(" ");
    const made = kept.get(key) ?? begin(build(offers), offers);
    kept.delete(key);
    kept.set(key, made);
    for (const oldest of kept.keys()) {
      if (kept.size <= MAX_KEPT) break;
      kept.delete(oldest);
    }
    return made;
  }

  function ofCaller(caller: Caller): Made {
    const made = known.get(caller) ?? of(pool.upstreams.map(upstream => upstream.offerTo(caller)));
    known.set(caller, made);
    return made;
  }

  function singleOf(upstream: Upstream, offer: Offer): Made {
    const ofUpstream = singles.get(upstream) ?? new WeakMap<Offer, Made>();
    singles.set(upstream, ofUpstream);
    const made = ofUpstream.get(offer) ?? begin(singleCatalog(sources.of(upstream, offer)), [offer]);
    ofUpstream.set(offer, made);
    return made;
  }

  return {
    all: caller => (caller && varies ? ofCaller(caller).catalog : undefined) ?? usual,
    madeAll: caller => (caller && varies ? ofCaller(caller).making : undefined),
    single(upstream, caller) {
      const offer = offerTo(upstream, caller);
      const made = offer && singleOf(upstream, offer);
      if (made?.catalog && offer === upstream.offer) latest.set(upstream, made.catalog);
      const catalog = made?.catalog ?? latest.get(upstream);
      return catalog ?? finish(singleCatalog(sources.of(upstream, undefined)));
    },
    madeSingle(upstream, caller) {
      const offer = offerTo(upstream, caller);
      return offer && singleOf(upstream, offer).making;
    },
    remake() {
      renew();
      kept.clear();
      const began = epoch;
      const offers = pool.upstreams.map(({ offer }) => offer);
      const all = of(offers);
      const each = pool.upstreams.flatMap(({ offer }, at) => (offer ? singleOf(pool.upstreams[at]!, offer) : []));
      const adopt = (): boolean => {
        if (epoch === began) usual = all.catalog ?? usual;
        return epoch === began;
      };
      const making = [all, ...each].flatMap(made => made.making ?? []);
      if (making.length > 0) return Promise.all(making).then(adopt);
      adopt();
      return undefined;
    },
    renew,
    forget() {
      renew();
      epoch++;
      singles = new WeakMap();
      latest = new WeakMap();
      kept.clear();
    },
  };
}

/** What an upstream offers to this caller; without one, to most. */
export const offerTo = (upstream: Upstream, caller: Caller | undefined): Offer | undefined =>
  caller ? upstream.offerTo(caller) : upstream.offer;

const countOf = (offer: Offer | undefined): number =>
  offer ? KINDS.reduce((sum, kind) => sum + offer.definitions[kind].length, 0) : 0;

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
