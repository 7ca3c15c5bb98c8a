import { createHash } from "node:crypto";
import type { Caller } from "../../core/call.ts";
import type { Kind, Offer } from "../../core/catalog.ts";
import type { OwnerId, UpstreamName } from "../../core/names.ts";
import type { Payload } from "../../core/payload.ts";
import type { Clock } from "../../core/ports.ts";
import { shownCapabilities } from "../../wire/capabilities.ts";
import type { OfferRoom } from "../channel/offer-room.ts";
import type { Connector, Opened } from "../connection/connector.ts";
import { type OwnerLinks, type Tenant, tenantKey } from "../connection/per-agent-links.ts";
import type { Placement } from "../connection/placement.ts";
import type { Link } from "../conversation/link.ts";
import { createAnswers } from "./answers.ts";
import { isOverIn } from "./is-over-in.ts";
import { createOfferKeeper, isSame, type OfferKeeper } from "./offer-keeper.ts";
import { createPace, RELISTS } from "./relists.ts";

export const OFFERS = {
  /** How long a list waits for an upstream that reads it again. */
  waitMs: 2_000,
  /** How many kinds of agents and agents with lists of their own are remembered. */
  maxScopes: 1_000,
} as const;

/**
 * What one upstream offers, and to whom. The same to everybody unless the upstream makes it differ: by what an agent can
 * be asked for, or within one conversation. What is equal is kept once.
 */
export interface Offers {
  /** What is known to be offered to this caller. */
  of(caller: Caller): Offer | undefined;
  /** Whether any agent is offered something else than most. */
  readonly vary: boolean;
  /** Reads what may not be given out as it is; resolves soon in any case. `undefined`: there is nothing to wait for. */
  fresh(caller: Caller, kind: Kind): Promise<void> | undefined;
  /** A notice on the conversation of that tenant said that lists have changed: they are read, and compared. */
  noticed(tenant: Tenant): void;
  /** The lists in the conversation of that tenant may have changed unheard; `undefined`: in the main one. */
  doubt(tenant: Tenant | undefined): void;
  /** A call of that agent was answered. */
  answered(owner: OwnerId): void;
  /** The main offer has been replaced. */
  rebased(before: Offer | undefined, after: Offer): void;
  /** A conversation is over. */
  ended(tenant: Tenant): void;
  stop(): void;
}

export interface OffersOptions {
  readonly upstream: UpstreamName;
  readonly clock: Clock;
  /** Finds out what must be known of an offer before it is shown; tells whether there was anything to find out. */
  inspect(offer: Offer): Promise<boolean>;
  readonly room: OfferRoom;
  /** Of the main conversation. */
  readonly base: OfferKeeper;
  readonly connector: Connector;
  readonly placement: Placement;
  readonly owners: OwnerLinks;
  /**
   * That agent, or any of several, may be offered something else now, and is to be told so of these kinds.
   */
  changed(kinds: readonly Kind[], owner: OwnerId | undefined): void;
}

/** Those who are offered the same: one agent, or all who are alike. */
interface Place {
  readonly key: string;
  /** Of all who are like them. */
  readonly alike: string;
  readonly owner: OwnerId | undefined;
  /** What is declared with each request for a list. */
  readonly capabilities: Payload | undefined;
}

/** Those, and where what they are offered can be read. */
interface Scope extends Place {
  /** Whether a conversation would have to be opened for it. */
  readonly opens: boolean;
  link(): Promise<Opened> | Opened;
}

interface Shelf {
  readonly owner: OwnerId | undefined;
  readonly keeper: OfferKeeper;
  /** How many wait for it, who need not be told that it changed. */
  awaited: number;
  /** Whether it has ever been read. */
  isRead: boolean;
  /** The upstream has said that it changed, and nobody has been told. */
  isNews: boolean;
  /** What its agent has seen for itself; it is told, too, once the upstream says so. */
  untold: readonly Kind[];
  /** A reading that was waited for in vain. */
  slow: Promise<unknown> | undefined;
}

export function createOffers(options: OffersOptions): Offers {
  const { upstream, clock, base, inspect, room, connector, placement, owners } = options;
  /** In order of use. */
  const shelves = new Map<string, Shelf>();
  const answers = createAnswers();
  const ofAgents = createPace(clock, RELISTS.ofAgents);
  const mains: Shelf = { owner: undefined, keeper: base, ...UNREAD };
  let varying = 0;

  /** `undefined` for those who are offered what the main conversation is. */
  function scopeOf(main: Link, caller: Caller): Scope | undefined {
    const tenant = placement.tenantOf(main, caller);
    if (!tenant) {
      const shown = main.era.declaresAtOpening ? undefined : shownCapabilities(caller.capabilities);
      if (!shown || shown.isEmpty) return undefined;
      return {
        key: `with ${digest(shown)}`,
        alike: `with ${digest(shown)}`,
        owner: undefined,
        capabilities: shown,
        opens: false,
        link: connector.demand,
      };
    }
    const isOwn = tenant.owner !== undefined && owners.isOpen(tenant);
    // No conversation is opened for a list that is the main one's by all that is known.
    const isMains = tenant.era === main.era.name && tenant.declared.bytes.equals(main.declared.bytes);
    if (!isOwn && isMains) return undefined;
    return {
      key: isOwn ? tenantKey(tenant) : alikeKey(tenant),
      alike: alikeKey(tenant),
      owner: isOwn ? tenant.owner : undefined,
      capabilities: undefined,
      opens: !owners.isOpen(tenant),
      link: () => placement.conversationOf(main, tenant),
    };
  }

  /** What those are offered who share the conversation of a tenant. */
  const shelfAt = (tenant: Tenant): Shelf =>
    shelfOf({ key: tenantKey(tenant), alike: alikeKey(tenant), owner: tenant.owner, capabilities: undefined });

  function shelfOf({ key, alike, owner, capabilities }: Place): Shelf {
    const known = shelves.get(key);
    if (known) {
      shelves.delete(key);
      shelves.set(key, known);
      return known;
    }
    const shelf: Shelf = {
      owner,
      ...UNREAD,
      keeper: createOfferKeeper({
        ...{ upstream, clock, inspect, room, pace: createPace(clock, RELISTS.each, ofAgents) },
        // Until its own list has been read, an agent is offered what those like it are, and those what all are.
        known: shelves.get(alike)?.keeper.offer ?? base.offer,
        ...(capabilities && { capabilities }),
        shared: offer => [base.offer, ...offered()].find(other => other !== undefined && isSame(other, offer)),
        changed(_offer, kinds) {
          count();
          // Who waits for the list sees it, and need not be told; others who have seen it before have to be.
          const isSeen = shelf.awaited > 0 && !shelf.isNews && (owner !== undefined || !shelf.isRead);
          Object.assign(shelf, { isRead: true, isNews: false, untold: isSeen ? kinds : [] });
          options.changed(isSeen ? [] : kinds, owner);
        },
        trouble() {},
      }),
    };
    shelves.set(key, shelf);
    for (const [oldest, { keeper }] of shelves) {
      if (shelves.size <= OFFERS.maxScopes) break;
      keeper.stop();
      shelves.delete(oldest);
    }
    return shelf;
  }

  const offered = (): (Offer | undefined)[] => [...shelves.values()].map(({ keeper }) => keeper.offer);

  function count(): void {
    varying = offered().filter(offer => offer !== undefined && offer !== base.offer).length;
  }

  function known(main: Link, caller: Caller): Offer | undefined {
    const scope = scopeOf(main, caller);
    if (!scope) return base.offer;
    const shelf = shelves.get(scope.key) ?? shelves.get(scope.alike);
    return shelf?.keeper.offer ?? base.offer;
  }

  async function readOn(shelf: Shelf, scope: Scope): Promise<void> {
    const opened = await scope.link();
    if (opened.kind === "open") await shelf.keeper.reread(opened.link);
  }

  function fresh(caller: Caller, kind: Kind): Promise<void> | undefined {
    const main = connector.link;
    if (!main) return undefined;
    if (placement.adopts(main, caller)) {
      const reopened = connector.demand();
      return inItsTime(mains, async () => {
        const opened = await reopened;
        if (opened.kind === "open") await base.reread(opened.link);
      });
    }
    const scope = scopeOf(main, caller);
    const shelf = scope ? shelfOf(scope) : mains;
    const freshness = shelf.keeper.freshness(kind, answers.latestOf(caller.owner));
    if (freshness === "fresh" || shelf.slow) return undefined;
    const read = scope ? () => readOn(shelf, scope) : () => base.reread(main);
    if (freshness === "aging") {
      if (!scope?.opens) void read();
      return undefined;
    }
    if (freshness === "outdated") shelf.keeper.doubt();
    return inItsTime(shelf, read);
  }

  /** Who was waited for in vain is not waited for again until it has answered. */
  async function inItsTime(shelf: Shelf, read: () => Promise<void>): Promise<void> {
    shelf.awaited++;
    const reading = read();
    const ended = await isOverIn(OFFERS.waitMs, reading, clock);
    shelf.awaited--;
    if (ended) return;
    shelf.slow = reading.finally(() => {
      shelf.slow = undefined;
    });
  }

  /** What was read in one conversation is what those were offered who are alike and have none. */
  function doubt(tenant: Tenant | undefined): void {
    if (tenant) {
      for (const key of new Set([tenantKey(tenant), alikeKey(tenant)])) shelves.get(key)?.keeper.doubt();
      return;
    }
    base.doubt();
    for (const { owner, keeper } of shelves.values()) if (owner === undefined) keeper.doubt();
  }

  function tellNews(shelf: Shelf): void {
    const { untold, owner } = shelf;
    Object.assign(shelf, { isNews: untold.length === 0, untold: [] });
    if (untold.length > 0) options.changed(untold, owner);
  }

  return {
    of(caller) {
      const main = varying > 0 ? connector.latest : undefined;
      return main ? known(main, caller) : base.offer;
    },
    get vary() {
      return varying > 0;
    },
    fresh,
    doubt,
    noticed(tenant) {
      doubt(tenant);
      const opened = owners.isOpen(tenant) ? owners.get(tenant) : undefined;
      if (!opened || !("kind" in opened) || opened.kind === "failed") return;
      const shelf = shelfAt(tenant);
      tellNews(shelf);
      void shelf.keeper.refresh(opened.link);
    },
    answered: owner => answers.add(owner, clock.now()),
    rebased(before, after) {
      if (before === after) return;
      for (const { keeper } of shelves.values()) {
        keeper.doubt();
        // Whoever was offered what all are goes on so until it is known better.
        if (keeper.offer === before) keeper.adopt(after);
      }
      count();
    },
    ended(tenant) {
      // The next one may be with another version of the upstream.
      if (tenant.owner === undefined) return doubt(tenant);
      const key = tenantKey(tenant);
      shelves.get(key)?.keeper.stop();
      if (!shelves.delete(key)) return;
      count();
      options.changed([], tenant.owner);
    },
    stop() {
      for (const { keeper } of shelves.values()) keeper.stop();
    },
  };
}

const UNREAD = { awaited: 0, isRead: false, isNews: false, untold: [], slow: undefined } as const;

const alikeKey = (tenant: Tenant): string => tenantKey({ ...tenant, owner: undefined });

const digest = (declared: Payload): string => createHash("sha256").update(declared.bytes).digest("base64");
