import type { Call, Caller } from "../../core/call.ts";
import type { Holder } from "../../core/catalog.ts";
import type { OwnerId } from "../../core/names.ts";
import type { Clock } from "../../core/ports.ts";
import { waitFor } from "../../core/wait.ts";
import { NO_CAPABILITIES } from "../../wire/capabilities.ts";
import { declaredIn, eraOf } from "../../wire/era-choice.ts";
import { canBeAsked } from "../../wire/upstream-questions.ts";
import type { Link } from "../conversation/link.ts";
import type { Occupancy } from "../conversation/occupancy.ts";
import { readTicket } from "../conversation/tickets.ts";
import type { Connector, Opened } from "./connector.ts";
import { createCrowding } from "./crowding.ts";
import type { Dialer } from "./dial.ts";
import type { OwnerLinks, Tenant } from "./per-agent-links.ts";
import type { Transport } from "./transports.ts";

export const PLACEMENT = {
  /** How long an agent waits for a conversation that another one uses, before it gets one of its own. */
  patienceMs: 250,
} as const;

export interface PlacementOptions {
  readonly connector: Connector;
  readonly owners: OwnerLinks;
  readonly dialer: Dialer;
  readonly transport: Transport;
  readonly clock: Clock;
  /** Whether the upstream has asked by a request, in the middle of a call like this one. */
  hasAsked(call: Call, holder: Holder): boolean;
  /** Has the main conversation opened anew, in that era and with what it declares. */
  reopen(shared: Tenant): void;
}

/** Decides which conversation with one upstream serves whom. */
export interface Placement {
  /** The conversation for this call: open, or opened now. */
  linkFor(call: Call, holder: Holder): Promise<Opened> | Opened;
  /** Whose conversation serves what this caller does beside its calls; `undefined` for the main one. */
  tenantOf(main: Link, caller: Caller): Tenant | undefined;
  /** The conversation of a tenant, open or opened now, or what serves those instead who get none. */
  conversationOf(main: Link, tenant: Tenant): Promise<Opened> | Opened;
  /** The conversations that are this agent's, or that it used last. */
  links(owner: OwnerId): readonly Link[];
  /** What people should know of how agents are served. */
  notes(): readonly string[];
  /** Whether the main conversation is now opened anew, as the one that this caller shares with those like it. */
  adopts(main: Link, caller: Caller): boolean;
}

export function createPlacement(options: PlacementOptions): Placement {
  const { connector, owners, dialer, transport, clock } = options;
  const crowding = createCrowding({ clock, owners, main: () => connector.link });
  let adopted = false;
  /** A call is on its way to it. */
  const taken = new WeakSet<Link>();
  /** The era that was tried in vain beside a main conversation, where that proves nothing for good. */
  const lacking = new WeakMap<Link, Tenant["era"]>();

  /** Answers go where the questions came from; all else where the agent has most. */
  function isForConversation(call: Call, holder: Holder): boolean {
    const point = call.continues && readTicket(call.continues.ticket);
    if (point?.kind === "state") return point.converses;
    const { converses, capabilities } = call.caller;
    return converses || (canBeAsked(capabilities) && options.hasAsked(call, holder));
  }

  /** The better era for the caller of those that are spoken. */
  function tenantIn(main: Link, caller: Caller, inConversation: boolean): Tenant | undefined {
    const wanted = eraOf(inConversation);
    const era = dialer.speaks[wanted] === false || lacking.get(main) === wanted ? main.era.name : wanted;
    const isMains = era === main.era.name;
    const sharing = transport.sharing(era, isMains ? main.channel : undefined);
    const declared = sharing === "all" ? NO_CAPABILITIES : declaredIn(era, caller.capabilities);
    const owner = sharing === "none" ? caller.owner : undefined;
    if (!owner && isMains && declared.bytes.equals(main.declared.bytes)) return undefined;
    const { principal } = caller;
    const tenant = { era, declared, owner, opener: caller.owner, principal };
    return crowding.shares(main, tenant) ? undefined : tenant;
  }

  function tenantOf(main: Link, caller: Caller): Tenant | undefined {
    const shared = tenantIn(main, caller, caller.converses);
    if (!shared && !main.occupancy) return undefined;
    const own = ownOf(main, shared, caller);
    return owners.isOpen(own) ? own : shared;
  }

  /** What an agent gets that cannot use the shared conversation at the moment, and keeps. */
  const ownOf = (main: Link, shared: Tenant | undefined, { owner, principal }: Caller): Tenant => ({
    era: shared?.era ?? main.era.name,
    declared: shared?.declared ?? main.declared,
    ...{ owner, opener: owner, principal },
  });

  const sharedFor = (main: Link, { call, holder }: Wish): Tenant | undefined =>
    tenantIn(main, call.caller, isForConversation(call, holder));

  /** A child lives on while the main one has ended. */
  function openBeside(main: Link, wish: Wish): Promise<Opened> | Opened | undefined {
    const { call } = wish;
    const shared = sharedFor(main, wish);
    const own = ownOf(main, shared, call.caller);
    if (owners.isOpen(own)) return conversationOf(main, own);
    if (!shared || !owners.isOpen(shared)) return undefined;
    const found = conversationOf(main, shared);
    const seat = { call, main, own };
    return found instanceof Promise ? found.then(late => admitted(late, seat)) : admitted(found, seat);
  }

  function place(opened: Opened, { call, holder }: Wish): Promise<Opened> | Opened {
    if (opened.kind === "failed") return opened;
    const { caller } = call;
    const main = opened.link;
    const shared = sharedFor(main, { call, holder });
    if (!shared && !main.occupancy) {
      taken.add(main);
      return opened;
    }
    const own = ownOf(main, shared, caller);
    if (owners.isOpen(own)) return conversationOf(main, own);
    if (adopt(main, shared)) return linkFor(call, holder);
    const found = shared ? conversationOf(main, shared) : opened;
    const seat = { call, main, own };
    return found instanceof Promise ? found.then(late => admitted(late, seat)) : admitted(found, seat);
  }

  /**
   * The main conversation is opened when there is no agent yet. While nobody has used it, it may as well be the one that
   * the first agents share, which need no other then.
   */
  function adopt(main: Link, shared: Tenant | undefined): boolean {
    if (shared === undefined || shared.owner !== undefined || isBusy(main) || adopted) return false;
    // Something goes on there already, if only watching.
    if (owners.isOpen(shared)) return false;
    // An upstream that turned out not to speak it would have been closed for nothing.
    if (shared.era !== main.era.name && dialer.speaks[shared.era] !== true) return false;
    adopted = true;
    options.reopen(shared);
    return true;
  }

  const isBusy = (main: Link): boolean => main.isUsed || taken.has(main);

  /** The conversation of a tenant, or what serves those instead who get none. */
  function conversationOf(main: Link, tenant: Tenant): Promise<Opened> | Opened {
    const found = owners.get(tenant);
    return found instanceof Promise
      ? found.then(opened => settled(opened, tenant, main))
      : settled(found, tenant, main);
  }

  function settled(opened: Opened, tenant: Tenant, main: Link): Promise<Opened> | Opened {
    if (opened.kind === "failed") return crowding.settle(opened, main, tenant);
    if (opened.link.era.name === tenant.era) return opened;
    // Tried in vain.
    lacking.set(main, tenant.era);
    owners.drop(opened.link);
    return connector.demand();
  }

  function admitted(found: Opened, seat: Seat): Promise<Opened> | Opened {
    if (found.kind === "failed") return found;
    const { occupancy } = found.link;
    if (!occupancy || occupancy.admits(seat.call.caller.owner)) return found;
    return vacant(occupancy).then(free => {
      if (free) return admitted(found, seat);
      // Where it gets none of its own now, it asks for this one again for as long as its call has time.
      return crowding.refuses(seat.main) ? found : conversationOf(seat.main, seat.own);
    });
  }

  /** Whether nobody uses it any more within the time that an agent waits. */
  function vacant(occupancy: Occupancy): Promise<boolean> {
    const late = { clock, afterMs: PLACEMENT.patienceMs, gives: () => false };
    return waitFor<boolean>({ late }, end => occupancy.whenVacant(() => end(true)));
  }

  function linkFor(call: Call, holder: Holder): Promise<Opened> | Opened {
    const main = connector.link;
    const wish = { call, holder };
    if (main) return place({ kind: "open", link: main }, wish);
    const beside = transport.startsChild && connector.latest && openBeside(connector.latest, wish);
    if (beside) return beside;
    return connector.demand().then(opened => {
      // Another call that waited for it may have had it opened anew.
      const isOver = opened.kind === "open" && connector.link !== opened.link;
      return isOver ? linkFor(call, holder) : place(opened, wish);
    });
  }

  return {
    ...{ linkFor, tenantOf, conversationOf },
    adopts: (main, caller) => adopt(main, tenantOf(main, caller)),
    links(owner) {
      const main = connector.link?.occupancy?.latest === owner ? [connector.link] : [];
      return [...main, ...owners.links(owner)];
    },
    notes: () => (crowding.note === undefined ? [] : [crowding.note]),
  };
}

/** Who wants to be served, for what. */
interface Wish {
  readonly call: Call;
  readonly holder: Holder;
}

/** Where it may be served: what all share, and what would be its own. */
interface Seat {
  readonly call: Call;
  readonly main: Link;
  readonly own: Tenant;
}
