import { randomBytes } from "node:crypto";
import type { Call, Ticket } from "../../core/call.ts";
import { createDrain } from "../../core/drain.ts";
import type { OwnerId, Principal } from "../../core/names.ts";
import type { Clock } from "../../core/ports.ts";
import type { LinkAttempt } from "./attempt.ts";
import { parkedTicket } from "./tickets.ts";

export const PARKING = {
  max: 1_000,
  maxPerOwner: 16,
  /** From here on nobody gets another place who has a good part of all. */
  scarcePart: 3 / 4,
  greedyPart: 1 / 4,
  /** A person may sleep over a question. */
  expiryMs: 24 * 60 * 60_000,
  /** From then on a call gives its place up where another needs one. */
  keptMs: 10 * 60_000,
} as const;

/** A call that has asked its agent something and waits, open at the upstream, until the agent comes back. */
export interface Parkable {
  /** Goes on for the agent that came back. */
  resume(call: Call, done: (attempt: LinkAttempt) => void): void;
  /** Whose it is, as far as limits go. */
  readonly principal: Principal | undefined;
  /** Nobody will come back: it is to be cancelled at the upstream. */
  abandon(): void;
}

export interface Parked {
  readonly ticket: Ticket;
  /** Gives the place free; the ticket is worth nothing from now on. */
  leave(): void;
}

/** Every call of the gateway that waits for an agent. A ticket is good for one return of its owner. */
export interface Parking {
  /** `undefined` when there is no place, for anybody or for this owner. */
  park(owner: OwnerId, call: Parkable): Parked | undefined;
  /** Takes the call out, once; `undefined` for everything but an open ticket of that owner. */
  take(id: string, owner: OwnerId): Parkable | undefined;
  readonly size: number;
  /** Resolves when no call is parked, or after `graceMs`. */
  empty(graceMs: number): Promise<void>;
  /** Abandons them all. */
  stop(): void;
}

interface Place {
  readonly owner: OwnerId;
  readonly parkedAt: number;
  readonly call: Parkable;
  readonly cancelExpiry: () => void;
}

export function createParking(clock: Clock): Parking {
  const places = new Map<string, Place>();
  const taken = new Map<OwnerId, number>();
  const waits = createDrain(clock);

  function leave(id: string): Place | undefined {
    const place = places.get(id);
    if (!place) return undefined;
    places.delete(id);
    place.cancelExpiry();
    waits.ended();
    const left = (taken.get(place.owner) ?? 1) - 1;
    if (left > 0) taken.set(place.owner, left);
    else taken.delete(place.owner);
    return place;
  }

  /** Whoever has waited for longest, of all or of this owner, and too long to be kept. */
  function makeRoom(owner: OwnerId | undefined): boolean {
    const latest = clock.now() - PARKING.keptMs;
    for (const [id, place] of places) {
      if (place.parkedAt > latest) return false;
      if (owner !== undefined && place.owner !== owner) continue;
      leave(id)?.call.abandon();
      return true;
    }
    return false;
  }

  function hasMany({ principal }: Parkable): boolean {
    if (places.size < PARKING.max * PARKING.scarcePart) return false;
    let own = 0;
    for (const { call } of places.values()) if (call.principal === principal) own++;
    return own >= PARKING.max * PARKING.greedyPart;
  }

  return {
    park(owner, call) {
      if (hasMany(call)) return undefined;
      if ((taken.get(owner) ?? 0) >= PARKING.maxPerOwner && !makeRoom(owner)) return undefined;
      if (places.size >= PARKING.max && !makeRoom(undefined)) return undefined;
      const own = taken.get(owner) ?? 0;
      const id = randomBytes(18).toString("base64url");
      const cancelExpiry = clock.after(PARKING.expiryMs, () => leave(id)?.call.abandon());
      places.set(id, { owner, call, cancelExpiry, parkedAt: clock.now() });
      taken.set(owner, own + 1);
      waits.began();
      return { ticket: parkedTicket(id), leave: () => void leave(id) };
    },
    // Somebody else's attempt must not use up the owner's ticket.
    take: (id, owner) => (places.get(id)?.owner === owner ? leave(id)?.call : undefined),
    get size() {
      return places.size;
    },
    empty: waits.over,
    stop() {
      for (const id of [...places.keys()]) leave(id)?.call.abandon();
    },
  };
}
