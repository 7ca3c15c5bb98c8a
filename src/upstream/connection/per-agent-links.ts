import { createHash } from "node:crypto";
import type { OwnerId, Principal } from "../../core/names.ts";
import type { Payload } from "../../core/payload.ts";
import type { Clock } from "../../core/ports.ts";
import { Unfinished } from "../../lib/unfinished.ts";
import type { UpstreamEra } from "../../wire/era.ts";
import type { Link } from "../conversation/link.ts";
import type { Opened } from "./connector.ts";

export const OWNER_LINKS = {
  /** A conversation that nobody has used for this long is closed. */
  idleMs: 60 * 60_000,
  sweepMs: 60_000,
  /** Whoever has so large a part of what may be open makes room before others do. */
  greedyPart: 1 / 4,
} as const;

/** Whose conversation it is. What an agent can be asked for is settled when it opens, so each set has its own. */
export interface Tenant {
  /** `undefined`: that of all who can be asked for the same. */
  readonly owner: OwnerId | undefined;
  readonly era: UpstreamEra["name"];
  readonly declared: Payload;
  /** The agent for which it is opened, and as whose it counts. */
  readonly opener: OwnerId;
  readonly principal: Principal;
}

/** Agents may declare at length what they can do. */
export const tenantKey = ({ owner, era, declared }: Tenant): string => `${era} ${digestOf(declared)} ${owner ?? ""}`;

const DIGESTS = new WeakMap<Payload, string>();

function digestOf(declared: Payload): string {
  if (declared.isEmpty) return "";
  const digest = DIGESTS.get(declared) ?? createHash("sha256").update(declared.bytes).digest("base64");
  DIGESTS.set(declared, digest);
  return digest;
}

interface Slot {
  readonly tenant: Tenant;
  readonly opening: Promise<Opened>;
  opened: Opened | undefined;
  link: Link | undefined;
  usedAt: number;
}

/** Conversations besides the main one: one for each tenant. */
export interface OwnerLinks {
  get(tenant: Tenant): Promise<Opened> | Opened;
  has(owner: OwnerId): boolean;
  /** Whether there is such a conversation, or it is being opened. */
  isOpen(tenant: Tenant): boolean;
  /** Those of this agent that are open, and those that it used last. */
  links(owner: OwnerId): readonly Link[];
  /** Gives up this link, if it is one of these, because it turned out to be dead. */
  drop(link: Link): void;
  /** A link has ended by itself. */
  lost(link: Link): void;
  release(owner: OwnerId): void;
  stop(): Promise<void>;
}

export function createOwnerLinks(options: {
  clock: Clock;
  /** How many conversations there may be. */
  max: number;
  open(tenant: Tenant): Promise<Opened>;
  opened(tenant: Tenant, link: Link): void;
  /** There is none any more. */
  ended(tenant: Tenant): void;
  /** Whether something besides calls needs the conversation. */
  isNeeded(tenant: Tenant): boolean;
}): OwnerLinks {
  const { clock } = options;
  const slots = new Map<string, Slot>();
  const byOwner = new Map<OwnerId, Set<Slot>>();
  let cancelSweep = clock.after(OWNER_LINKS.sweepMs, sweep);
  /** What was given up and has not ended: a child may be behind it. */
  const leaving = new Unfinished();

  function create(tenant: Tenant): Slot {
    const slot: Slot = {
      tenant,
      usedAt: clock.now(),
      link: undefined,
      opened: undefined,
      opening: options.open(tenant).then(opened => {
        if (opened.kind === "failed") forget(slot);
        else if (slots.get(tenantKey(tenant)) === slot) {
          slot.link = opened.link;
          slot.opened = opened;
          options.opened(tenant, opened.link);
        }
        return opened;
      }),
    };
    const { owner } = tenant;
    if (owner !== undefined) byOwner.set(owner, (byOwner.get(owner) ?? new Set()).add(slot));
    return slot;
  }

  function forget(slot: Slot): void {
    const { owner } = slot.tenant;
    const key = tenantKey(slot.tenant);
    if (slots.get(key) === slot) {
      slots.delete(key);
      options.ended(slot.tenant);
    }
    const own = owner !== undefined && byOwner.get(owner);
    if (!own) return;
    own.delete(slot);
    if (own.size === 0) byOwner.delete(owner);
  }

  function close(slot: Slot): void {
    forget(slot);
    leaving.add(slot.link ? slot.link.close() : slot.opening.then(closeIt));
  }

  const slotOf = (link: Link): Slot | undefined => [...slots.values()].find(slot => slot.link === link);

  /** What is being opened is opened for a call, or a list, that waits. */
  const isNeeded = (slot: Slot): boolean => slot.link?.inUse !== false || options.isNeeded(slot.tenant);

  function sweep(): void {
    for (const slot of slots.values()) {
      if (clock.now() - slot.usedAt < OWNER_LINKS.idleMs) break;
      if (!isNeeded(slot)) close(slot);
    }
    cancelSweep = clock.after(OWNER_LINKS.sweepMs, sweep);
  }

  /**
   * Room for one more: of the conversations on which no call runs the one goes that was used longest ago, and one that
   * nobody needs before all others; of the principal that has most, if that is a good part. Tells whether there is room.
   */
  function makeRoom({ principal }: Tenant): boolean {
    if (slots.size < options.max) return true;
    return giveUp(greediest(principal)) || giveUp([...slots.values()]);
  }

  /** The conversations of the principal that has most, the newcomer counted in; none where nobody has very many. */
  function greediest(newcomer: Principal): readonly Slot[] {
    const counts = new Map<Principal, number>([[newcomer, 1]]);
    for (const { tenant } of slots.values()) counts.set(tenant.principal, (counts.get(tenant.principal) ?? 0) + 1);
    const [greedy, count] = [...counts].reduce((most, one) => (one[1] > most[1] ? one : most));
    if (count <= options.max * OWNER_LINKS.greedyPart) return [];
    return [...slots.values()].filter(({ tenant }) => tenant.principal === greedy);
  }

  function giveUp(oldest: readonly Slot[]): boolean {
    const goes = oldest.find(slot => !isNeeded(slot)) ?? oldest.find(({ link }) => link?.inUse === false);
    if (goes) close(goes);
    return goes !== undefined;
  }

  return {
    get(tenant) {
      const key = tenantKey(tenant);
      const known = slots.get(key);
      if (!known && !makeRoom(tenant)) return FULL;
      const slot = known ?? create(tenant);
      slot.usedAt = clock.now();
      // Kept in order of use.
      slots.delete(key);
      slots.set(key, slot);
      return slot.opened ?? slot.opening;
    },
    has: owner => byOwner.has(owner),
    isOpen: tenant => slots.has(tenantKey(tenant)),
    links: owner => [
      ...[...(byOwner.get(owner) ?? [])].flatMap(({ link }) => link ?? []),
      ...[...slots.values()].flatMap(({ tenant, link }) =>
        tenant.owner === undefined && link && (link.occupancy?.latest ?? tenant.opener) === owner ? link : [],
      ),
    ],
    lost(link) {
      const slot = slotOf(link);
      if (slot) forget(slot);
    },
    drop(link) {
      const slot = slotOf(link);
      if (!slot) return;
      forget(slot);
      leaving.add(link.discard());
    },
    release(owner) {
      for (const slot of [...(byOwner.get(owner) ?? [])]) close(slot);
    },
    async stop() {
      cancelSweep();
      for (const slot of [...slots.values()]) close(slot);
      await leaving.done();
    },
  };
}

const FULL: Opened = {
  ...{ kind: "failed", fault: "overloaded", delivery: "not_sent" },
  detail: "too many agents have conversations of their own with this upstream, and all of them are in use",
};

const closeIt = async (opened: Opened): Promise<void> => {
  if (opened.kind === "open") await opened.link.close();
};
