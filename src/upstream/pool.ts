import { availableParallelism } from "node:os";
import type { UpstreamConfig } from "../config/schema.ts";
import { differsOnlyLive } from "../config/set-apart.ts";
import type { Notice } from "../core/call.ts";
import type { Kind, Offer } from "../core/catalog.ts";
import type { AgentContact } from "../core/front.ts";
import { type OwnerId, type UpstreamName, upstreamName } from "../core/names.ts";
import type { Pressure } from "../core/pressure.ts";
import { createRetryBudget, type RetryBudget } from "../core/retry-budget.ts";
import { createFloodGates } from "./channel/flood-gate.ts";
import { createReplyRooms, type ReplyLimits } from "./channel/inbound-memory.ts";
import { createOfferRoom } from "./channel/offer-room.ts";
import type { DialWorld } from "./connection/dial.ts";
import type { Spoken } from "./connection/speaks.ts";
import { createStartSlots } from "./connection/start-slots.ts";
import { createParking } from "./conversation/suspended-calls.ts";
import { createUpstream, type Upstream } from "./upstream.ts";

export interface PoolWorld
  extends Omit<DialWorld, "parking" | "replies" | "floods" | "slots" | "offerRoom" | "recall" | "keep"> {
  /** How much may gather of messages of upstreams, where it is not the usual. */
  readonly replyLimits?: Partial<ReplyLimits>;
  /** What an upstream offered when it was last seen. */
  known(name: UpstreamName): Offer | undefined;
  /** What it was found to speak, by an earlier process. */
  recall?(config: UpstreamConfig): Spoken | undefined;
  keep?(config: UpstreamConfig, spoken: Spoken): void;
  /** Runs what starts an upstream, when there is time for it; at once where it is left out. */
  begin?(start: () => void): void;
  changed(upstream: Upstream): void;
  offered(upstream: Upstream, offer: Offer): void;
  /** It says that its lists of these kinds have changed: those of that agent, or of any. */
  noticed(upstream: Upstream, kinds: readonly Kind[], owner: OwnerId | undefined): void;
  /** That agent, or any of several, may be offered something else of these kinds now. */
  varied(upstream: Upstream, kinds: readonly Kind[], owner: OwnerId | undefined): void;
  /** Finds out what must be known of an offer before agents see it; tells whether there was anything to find out. */
  inspect(offer: Offer): Promise<boolean>;
  /** What was read from it may have changed: that resource, or anything. */
  stale(upstream: Upstream, uri: string | undefined): void;
  /** An agent that can be reached outside its calls. */
  contact(owner: OwnerId): AgentContact | undefined;
  readonly pressure: Pressure;
}

/** All configured upstreams. Outlives every configuration: what did not change in it stays as it is. */
export interface Pool {
  /** In the order of the configuration. */
  readonly upstreams: readonly Upstream[];
  get(name: UpstreamName): Upstream | undefined;
  /** Brings the pool to this configuration. Returns one sentence for each change. */
  apply(configs: readonly UpstreamConfig[]): readonly string[];
  /** Tells every conversation that is held for that owner. */
  tell(owner: OwnerId, notice: Notice): void;
  release(owner: OwnerId): void;
  /** Calls that wait, open at their upstream, for an answer of their agent. */
  readonly parked: number;
  /** Resolves when there are none, or after `graceMs`. */
  unparked(graceMs: number): Promise<void>;
  stop(graceMs: number): Promise<void>;
}

/** A child that starts waits for its disk now and then. */
const SPARE_STARTS = 2;
/** How long an upstream that is not wanted any more may finish its calls. One that has only changed may take its time. */
const REMOVED_GRACE_MS = 30_000;

export function createPool(world: PoolWorld): Pool {
  let upstreams: readonly Upstream[] = [];
  let byName = new Map<UpstreamName, Upstream>();
  let budgets = new Map<string, RetryBudget>();
  const leaving = new Set<Upstream>();
  const begin = world.begin ?? (start => start());
  const parking = createParking(world.clock);
  const slots = createStartSlots({ clock: world.clock, max: availableParallelism() + SPARE_STARTS });
  const offerRoom = createOfferRoom();
  const replies = createReplyRooms({ ...world.replyLimits, clock: world.clock });
  const floods = createFloodGates(world.clock);

  function retire(upstream: Upstream): void {
    leaving.add(upstream);
    const graceMs = byName.has(upstream.name) ? Number.POSITIVE_INFINITY : REMOVED_GRACE_MS;
    void upstream.stop(graceMs).finally(() => leaving.delete(upstream));
  }

  function create(config: UpstreamConfig): Upstream {
    const upstream: Upstream = createUpstream(config, {
      ...world,
      ...{ parking, replies, floods, slots, offerRoom },
      recall: () => world.recall?.(config),
      keep: spoken => world.keep?.(config, spoken),
      budget: budgets.get(sharersOf(config)) ?? createRetryBudget(),
      known: world.known(upstreamName(config.name)),
      changed: () => world.changed(upstream),
      offered: offer => world.offered(upstream, offer),
      noticed: (kinds, owner) => world.noticed(upstream, kinds, owner),
      varied: (kinds, owner) => world.varied(upstream, kinds, owner),
      stale: uri => world.stale(upstream, uri),
    });
    return upstream;
  }

  return {
    get upstreams() {
      return upstreams;
    },
    get: name => byName.get(name),
    apply(configs) {
      budgets = new Map(configs.map(sharersOf).map(key => [key, budgets.get(key) ?? createRetryBudget()]));
      const { next, started, changes } = compare(configs, { running: byName, create });
      const kept = new Set(next);
      const removed = upstreams.filter(upstream => !kept.has(upstream));
      upstreams = next;
      byName = new Map(next.map(upstream => [upstream.name, upstream]));
      for (const upstream of removed) {
        if (!byName.has(upstream.name)) changes.push(`removed upstream "${upstream.name}"`);
        retire(upstream);
      }
      for (const upstream of upstreams) if (!started.includes(upstream)) upstream.recheck();
      for (const upstream of started) begin(() => upstream.start());
      return changes;
    },
    tell(owner, notice) {
      for (const upstream of upstreams) upstream.tell(owner, notice);
    },
    release(owner) {
      for (const upstream of upstreams) upstream.release(owner);
    },
    get parked() {
      return parking.size;
    },
    unparked: parking.empty,
    async stop(graceMs) {
      parking.stop();
      await Promise.all([...leaving, ...upstreams].map(upstream => upstream.stop(graceMs)));
    },
  };
}

/** What stays as it is, what is adjusted and what has to be started. */
function compare(
  configs: readonly UpstreamConfig[],
  pool: { running: ReadonlyMap<UpstreamName, Upstream>; create(config: UpstreamConfig): Upstream },
): { next: Upstream[]; started: Upstream[]; changes: string[] } {
  const changes: string[] = [];
  const started: Upstream[] = [];
  const next = configs.map(config => {
    const before = pool.running.get(upstreamName(config.name));
    if (before && JSON.stringify(before.config) === JSON.stringify(config)) return before;
    changes.push(`${before ? "changed" : "added"} upstream "${config.name}"`);
    if (before && differsOnlyLive(before.config, config)) {
      before.adjust(config);
      return before;
    }
    const upstream = pool.create(config);
    started.push(upstream);
    return upstream;
  });
  return { next, started, changes };
}

/** Upstreams with the same key share a retry budget. */
const sharersOf = ({ group, name }: UpstreamConfig): string =>
  group === undefined ? `upstream ${name}` : `group ${group}`;
