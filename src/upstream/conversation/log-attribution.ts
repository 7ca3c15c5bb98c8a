import type { OwnerId } from "../../core/names.ts";
import type { Clock } from "../../core/ports.ts";

export const SUSPICION = {
  /** How long after the latest call of another agent a line may still be about that one. */
  otherAgentMs: 500,
  /** How long a call that was given up may still be talked about. */
  givenUpMs: 5_000,
} as const;

/**
 * Whether a line that names no call can only be about the one that runs. It cannot when another agent was served not
 * long ago, or when a call was given up just now: what the upstream says of those may still be on its way.
 */
export interface Suspicion {
  began(owner: OwnerId): void;
  gaveUp(): void;
  readonly clear: boolean;
}

export function createSuspicion(clock: Clock): Suspicion {
  let served: OwnerId | undefined;
  let until = Number.NEGATIVE_INFINITY;
  const suspect = (forMs: number): void => {
    until = Math.max(until, clock.now() + forMs);
  };
  return {
    began(owner) {
      if (served !== undefined && served !== owner) suspect(SUSPICION.otherAgentMs);
      served = owner;
    },
    gaveUp: () => suspect(SUSPICION.givenUpMs),
    get clear() {
      return clock.now() >= until;
    },
  };
}
