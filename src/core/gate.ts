import type { Clock } from "./ports.ts";
import type { Signal } from "./signal.ts";

export interface GateRules {
  /** How many may be inside at once; as many more may wait. */
  readonly capacity: number;
  readonly clock: Clock;
}

/** How long somebody stands in the queue. */
export interface QueuePatience {
  readonly waitMs: number;
  readonly signal: Signal;
}

export type Admitted = "in" | "full" | "timeout" | "cancelled";

/** Lets so many in, queues as many more in the order in which they came, and turns the others away at once. */
export interface Gate {
  /** `true`: inside. Costs a comparison. */
  enter(): boolean;
  /** For whoever goes on with something that has begun: to turn it away now would end what runs already. */
  enterAgain(): void;
  /** For whoever could not enter: brings `in` once somebody has left, or why not. `done` does not throw. */
  queue(patience: QueuePatience, done: (admitted: Admitted) => void): void;
  /** To be called once for each that was let in. */
  leave(): void;
  readonly inside: number;
  readonly waiting: number;
}

export function createGate({ capacity, clock }: GateRules): Gate {
  const waiting = new Set<(admitted: Admitted) => void>();
  let inside = 0;
  let handing = false;

  /** Hands free places on, one after the other: who leaves at once with one stands no deeper than the one before. */
  function handOn(): void {
    if (handing) return;
    handing = true;
    try {
      for (const next of waiting) {
        if (inside >= capacity) break;
        inside++;
        next("in");
      }
    } finally {
      handing = false;
    }
  }

  return {
    get inside() {
      return inside;
    },
    get waiting() {
      return waiting.size;
    },
    enter() {
      // Places that are being handed on belong to those who wait.
      if (inside >= capacity || waiting.size > 0) return false;
      inside++;
      return true;
    },
    enterAgain() {
      inside++;
    },
    queue({ waitMs, signal }, done) {
      if (signal.aborted) return done("cancelled");
      if (waiting.size >= capacity) return done("full");
      const end = (admitted: Admitted): void => {
        waiting.delete(end);
        cancelTimer();
        signal.offAbort(onAbort);
        done(admitted);
      };
      const onAbort = (): void => end("cancelled");
      const cancelTimer = clock.after(waitMs, () => end("timeout"));
      signal.onAbort(onAbort);
      waiting.add(end);
    },
    leave() {
      inside--;
      handOn();
    },
  };
}
