import type { Clock } from "./ports.ts";
import { waitFor } from "./wait.ts";

export interface GateRules {
  /** How many may be inside at once; as many more may wait. */
  readonly capacity: number;
  readonly clock: Clock;
}

/** How long somebody stands in the queue. */
export interface QueuePatience {
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

export type Admitted = "in" | "full" | "timeout" | "cancelled";

/** Lets so many in, queues as many more in the order in which they came, and turns the others away at once. */
export interface Gate {
  /** `true`: inside. Costs a comparison. */
  enter(): boolean;
  /** For whoever goes on with something that has begun: to turn it away now would end what runs already. */
  enterAgain(): void;
  /** For whoever could not enter: resolves with `in` once somebody has left, or with why not. */
  queue(patience: QueuePatience): Promise<Admitted>;
  /** To be called once for each that was let in. */
  leave(): void;
  readonly inside: number;
  readonly waiting: number;
}

export function createGate({ capacity, clock }: GateRules): Gate {
  const waiting = new Set<(admitted: Admitted) => void>();
  let inside = 0;

  return {
    get inside() {
      return inside;
    },
    get waiting() {
      return waiting.size;
    },
    enter() {
      if (inside >= capacity) return false;
      inside++;
      return true;
    },
    enterAgain() {
      inside++;
    },
    queue({ waitMs, signal }) {
      if (signal.aborted) return Promise.resolve("cancelled");
      if (waiting.size >= capacity) return Promise.resolve("full");
      const late = { clock, afterMs: waitMs, gives: () => "timeout" as const };
      return waitFor<Admitted>({ late, aborted: { signal, gives: () => "cancelled" } }, end => {
        waiting.add(end);
        return () => waiting.delete(end);
      });
    },
    leave() {
      // Whoever is next takes the place over: a newcomer cannot slip in between.
      if (inside <= capacity) for (const next of waiting) return next("in");
      inside--;
    },
  };
}
