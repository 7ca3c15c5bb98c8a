import type { OwnerId } from "../core/names.ts";
import type { Clock } from "../core/ports.ts";
import type { Opened } from "./connector.ts";
import type { Link } from "./link.ts";

export const OWNER_LINKS = {
  /** How many conversations one upstream holds for agents. */
  max: 1_000,
  /** A conversation that nobody has used for this long is closed. */
  idleMs: 60 * 60_000,
  sweepMs: 60_000,
} as const;

interface Slot {
  readonly opening: Promise<Opened>;
  link: Link | undefined;
  usedAt: number;
}

/** One conversation for each agent, where an upstream keeps state for them. */
export interface OwnerLinks {
  get(owner: OwnerId): Promise<Opened>;
  has(owner: OwnerId): boolean;
  /** Forgets this link, if it is still the owner's. */
  drop(owner: OwnerId, link: Link): void;
  release(owner: OwnerId): void;
  stop(): Promise<void>;
}

export function createOwnerLinks(options: {
  clock: Clock;
  open(lost: (detail: string) => void): Promise<Opened>;
}): OwnerLinks {
  const { clock } = options;
  const slots = new Map<OwnerId, Slot>();
  let cancelSweep = clock.after(OWNER_LINKS.sweepMs, sweep);

  function create(owner: OwnerId): Slot {
    const slot: Slot = {
      usedAt: clock.now(),
      link: undefined,
      opening: options
        .open(() => forget(owner, slot))
        .then(opened => {
          if (opened.kind === "failed") forget(owner, slot);
          else if (slots.get(owner) === slot) slot.link = opened.link;
          else void opened.link.channel.close();
          return opened;
        }),
    };
    return slot;
  }

  function forget(owner: OwnerId, slot: Slot): void {
    if (slots.get(owner) === slot) slots.delete(owner);
  }

  async function close(owner: OwnerId, slot: Slot): Promise<void> {
    forget(owner, slot);
    await slot.link?.channel.close();
  }

  function sweep(): void {
    for (const [owner, slot] of slots) {
      if (clock.now() - slot.usedAt < OWNER_LINKS.idleMs) break;
      void close(owner, slot);
    }
    cancelSweep = clock.after(OWNER_LINKS.sweepMs, sweep);
  }

  return {
    get(owner) {
      const slot = slots.get(owner) ?? create(owner);
      slot.usedAt = clock.now();
      // Kept in order of use, so that the first one is the one to go.
      slots.delete(owner);
      slots.set(owner, slot);
      const oldest = slots.size > OWNER_LINKS.max ? slots.entries().next().value : undefined;
      if (oldest) void close(...oldest);
      return slot.opening;
    },
    has: owner => slots.has(owner),
    drop(owner, link) {
      const slot = slots.get(owner);
      if (slot?.link === link) void close(owner, slot);
    },
    release(owner) {
      const slot = slots.get(owner);
      if (slot) void close(owner, slot);
    },
    async stop() {
      cancelSweep();
      await Promise.all([...slots].map(([owner, slot]) => close(owner, slot)));
    },
  };
}
