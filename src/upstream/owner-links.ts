import { createHash } from "node:crypto";
import type { OwnerId } from "../core/names.ts";
import type { Payload } from "../core/payload.ts";
import type { Clock } from "../core/ports.ts";
import { Unfinished } from "../lib/unfinished.ts";
import type { Opened } from "./connector.ts";
import type { Link } from "./link.ts";

export const OWNER_LINKS = {
  /** How many conversations one upstream holds for agents. */
  max: 1_000,
  /** A conversation that nobody has used for this long is closed. */
  idleMs: 60 * 60_000,
  sweepMs: 60_000,
} as const;

/** Whose conversation it is. What an agent can be asked for is settled when it opens, so each set has its own. */
export interface Tenant {
  readonly owner: OwnerId;
  readonly declared: Payload;
}

/** Agents may declare at length what they can do. */
export const tenantKey = ({ owner, declared }: Tenant): string =>
  declared.isEmpty ? owner : `${owner} ${createHash("sha256").update(declared.bytes).digest("base64")}`;

interface Slot {
  readonly tenant: Tenant;
  readonly opening: Promise<Opened>;
  opened: Opened | undefined;
  link: Link | undefined;
  usedAt: number;
}

/** One conversation for each agent, where an upstream keeps state for them. */
export interface OwnerLinks {
  get(tenant: Tenant): Promise<Opened> | Opened;
  has(owner: OwnerId): boolean;
  /** Those that are open. */
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
  open(tenant: Tenant): Promise<Opened>;
  opened(tenant: Tenant, link: Link): void;
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
    const own = byOwner.get(tenant.owner) ?? new Set();
    byOwner.set(tenant.owner, own.add(slot));
    return slot;
  }

  function forget(slot: Slot): void {
    const { owner } = slot.tenant;
    const key = tenantKey(slot.tenant);
    if (slots.get(key) === slot) slots.delete(key);
    const own = byOwner.get(owner);
    own?.delete(slot);
    if (own?.size === 0) byOwner.delete(owner);
  }

  function close(slot: Slot): void {
    forget(slot);
    leaving.add(slot.link ? slot.link.close() : slot.opening.then(closeIt));
  }

  const slotOf = (link: Link): Slot | undefined => [...slots.values()].find(slot => slot.link === link);

  const isNeeded = (slot: Slot): boolean => slot.link?.inUse === true || options.isNeeded(slot.tenant);

  function sweep(): void {
    for (const slot of slots.values()) {
      if (clock.now() - slot.usedAt < OWNER_LINKS.idleMs) break;
      if (!isNeeded(slot)) close(slot);
    }
    cancelSweep = clock.after(OWNER_LINKS.sweepMs, sweep);
  }

  /** Room for one more: the conversation that was used longest ago goes, and one that nobody needs before all others. */
  function makeRoom(): void {
    const oldest = [...slots.values()];
    const goes = oldest.find(slot => !isNeeded(slot)) ?? oldest[0];
    if (goes) close(goes);
  }

  return {
    get(tenant) {
      const key = tenantKey(tenant);
      const slot = slots.get(key) ?? create(tenant);
      slot.usedAt = clock.now();
      // Kept in order of use.
      if (!slots.delete(key) && slots.size >= OWNER_LINKS.max) makeRoom();
      slots.set(key, slot);
      return slot.opened ?? slot.opening;
    },
    has: owner => byOwner.has(owner),
    links: owner => [...(byOwner.get(owner) ?? [])].flatMap(({ link }) => link ?? []),
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

const closeIt = async (opened: Opened): Promise<void> => {
  if (opened.kind === "open") await opened.link.close();
};
