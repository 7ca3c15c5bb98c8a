import type { Clock } from "../core/ports.ts";

export const BODIES = {
  /** Larger ones have a room of their own, so that they keep none of the usual ones out. */
  smallBytes: 64 * 1024,
  /** Of all larger bodies that are being read at one time. */
  totalBytes: 256 * 1024 * 1024,
  /** The part of it that all smaller ones have, beside it. */
  smallPart: 1 / 4,
  /** Whoever has been sending for so long gives way to others. */
  slowMs: 1_000,
} as const;

/** A body that is being read, and what it takes. */
export interface Receiving {
  /** It has come so far; `false`: there is no room for it. */
  hold(bytes: number): boolean;
  /** It takes nothing any more. */
  release(): void;
}

/** What all agents together may be sending at one time. Where it is too much, whoever has been at it for longest gives way. */
export interface BodyRoom {
  /** `giveUp`: it has to go, for others. */
  begin(giveUp: () => void): Receiving;
}

interface Held {
  readonly since: number;
  readonly giveUp: () => void;
  bytes: number;
}

interface Pot {
  readonly max: number;
  /** The first came first. */
  readonly held: Set<Held>;
  bytes: number;
}

export function createBodyRoom({ clock, maxBytes }: { clock: Clock; maxBytes: number }): BodyRoom {
  const large: Pot = { max: maxBytes, held: new Set(), bytes: 0 };
  const small: Pot = { max: maxBytes * BODIES.smallPart, held: new Set(), bytes: 0 };

  function leave(pot: Pot, held: Held): void {
    if (pot.held.delete(held)) pot.bytes -= held.bytes;
  }

  function fits(pot: Pot, bytes: number): boolean {
    const latest = clock.now() - BODIES.slowMs;
    for (const slowest of pot.held) {
      if (pot.bytes + bytes <= pot.max || slowest.since > latest) break;
      leave(pot, slowest);
      slowest.giveUp();
    }
    return pot.bytes + bytes <= pot.max;
  }

  return {
    begin(giveUp) {
      const held: Held = { since: clock.now(), giveUp, bytes: 0 };
      let pot = small;
      const release = (): void => leave(pot, held);
      return {
        release,
        hold(bytes) {
          release();
          pot = bytes > BODIES.smallBytes ? large : small;
          if (!fits(pot, bytes)) return false;
          held.bytes = bytes;
          pot.bytes += bytes;
          pot.held.add(held);
          return true;
        },
      };
    },
  };
}
