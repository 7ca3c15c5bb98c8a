import type { Call, Caller } from "../core/call.ts";
import type { Holder } from "../core/catalog.ts";
import type { Clock } from "../core/ports.ts";
import { NO_CAPABILITIES } from "../wire/capabilities.ts";
import { declaredIn, eraOf } from "../wire/era-choice.ts";
import { canBeAsked } from "../wire/upstream-questions.ts";
import type { Connector, Opened } from "./connector.ts";
import type { Dialer } from "./dial.ts";
import type { Link } from "./link.ts";
import type { Occupancy } from "./occupancy.ts";
import type { OwnerLinks, Tenant } from "./owner-links.ts";
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
  /** Whether the main conversation is now opened anew, as the one that this caller shares with those like it. */
  adopts(main: Link, caller: Caller): boolean;
}

export function createPlacement(options: PlacementOptions): Placement {
  const { connector, owners, dialer, transport, clock } = options;
  let adopted = false;
  /** The era that was tried in vain beside a main conversation, where that proves nothing for good. */
  const lacking = new WeakMap<Link, Tenant["era"]>();

  /** The better era for the caller of those that are spoken. */
  function tenantIn(main: Link, caller: Caller, inConversation: boolean): Tenant | undefined {
    const wanted = eraOf(inConversation);
    const era = dialer.speaks[wanted] === false || lacking.get(main) === wanted ? main.era.name : wanted;
    const isMains = era === main.era.name;
    const sharing = transport.sharing(era, isMains ? main.channel : undefined);
    const declared = sharing === "all" ? NO_CAPABILITIES : declaredIn(era, caller.capabilities);
    if (sharing === "none") return { era, declared, owner: caller.owner, opener: caller.owner };
    if (isMains && declared.bytes.equals(main.declared.bytes)) return undefined;
    return { era, declared, owner: undefined, opener: caller.owner };
  }

  function tenantOf(main: Link, caller: Caller): Tenant | undefined {
    const shared = tenantIn(main, caller, caller.converses);
    if (!shared && !main.occupancy) return undefined;
    const own = ownOf(main, shared, caller);
    return owners.isOpen(own) ? own : shared;
  }

  /** What an agent gets that cannot use the shared conversation at the moment, and keeps. */
  const ownOf = (main: Link, shared: Tenant | undefined, { owner }: Caller): Tenant => ({
    era: shared?.era ?? main.era.name,
    declared: shared?.declared ?? main.declared,
    ...{ owner, opener: owner },
  });

  function place(opened: Opened, { call, holder, again }: Wish): Promise<Opened> | Opened {
    if (opened.kind === "failed") return opened;
    const { caller } = call;
    const main = opened.link;
    const asksThere = canBeAsked(caller.capabilities) && options.hasAsked(call, holder);
    const shared = tenantIn(main, caller, caller.converses || asksThere);
    if (!shared && !main.occupancy) return opened;
    const own = ownOf(main, shared, caller);
    if (owners.isOpen(own)) return owners.get(own);
    if (adopt(main, shared)) return linkFor(call, holder, again);
    const found = shared ? owners.get(shared) : opened;
    const seat = { call, holder, again, own, shared };
    return found instanceof Promise ? found.then(late => admitted(late, seat)) : admitted(found, seat);
  }

  /**
   * The main conversation is opened when there is no agent yet. While nobody has used it, it may as well be the one that
   * the first agents share, which need no other then.
   */
  function adopt(main: Link, shared: Tenant | undefined): boolean {
    if (shared === undefined || shared.owner !== undefined || main.isUsed || adopted) return false;
    // An upstream that turned out not to speak it would have been closed for nothing.
    if (shared.era !== main.era.name && dialer.speaks[shared.era] !== true) return false;
    adopted = true;
    options.reopen(shared);
    return true;
  }

  function admitted(found: Opened, seat: Seat): Promise<Opened> | Opened {
    if (found.kind === "failed") return found;
    const { link } = found;
    const { call, holder, shared, own, again } = seat;
    if (shared && link.era.name !== shared.era) {
      if (connector.link) lacking.set(connector.link, shared.era);
      owners.drop(link);
      return again ? linkFor(call, holder, false) : CHANGED;
    }
    const { occupancy } = link;
    if (!occupancy || occupancy.admits(call.caller.owner)) return found;
    return vacant(occupancy).then(free => (free ? admitted(found, seat) : owners.get(own)));
  }

  /** Whether nobody uses it any more within the time that an agent waits. */
  function vacant(occupancy: Occupancy): Promise<boolean> {
    return new Promise(resolve => {
      const end = (free: boolean): void => {
        cancel();
        withdraw();
        resolve(free);
      };
      const cancel = clock.after(PLACEMENT.patienceMs, () => end(false));
      const withdraw = occupancy.whenVacant(() => end(true));
    });
  }

  function linkFor(call: Call, holder: Holder, again = true): Promise<Opened> | Opened {
    const main = connector.link;
    const wish = { call, holder, again };
    return main ? place({ kind: "open", link: main }, wish) : connector.demand().then(opened => place(opened, wish));
  }

  return { linkFor, tenantOf, adopts: (main, caller) => adopt(main, tenantOf(main, caller)) };
}

/** Who wants to be served, for what; `again`: whether what was found may be given up for something better. */
interface Wish {
  readonly call: Call;
  readonly holder: Holder;
  readonly again: boolean;
}

/** Where it may be served. */
interface Seat extends Wish {
  readonly own: Tenant;
  readonly shared: Tenant | undefined;
}

const CHANGED: Opened = {
  ...{ kind: "failed", fault: "unreachable", delivery: "not_sent" },
  detail: "the upstream speaks another revision than it did a moment ago",
};
