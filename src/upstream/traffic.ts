import type { Clock } from "../core/ports.ts";
import type { Attempt } from "../core/route.ts";

/** Counts the calls of one upstream. */
export interface Traffic {
  readonly counts: { readonly inFlight: number; readonly calls: number; readonly failures: number };
  during(attempt: Promise<Attempt>): Promise<Attempt>;
  /** Resolves when no call runs, or after `graceMs`. */
  ended(graceMs: number): Promise<void>;
}

export function createTraffic(clock: Clock): Traffic {
  const counts = { inFlight: 0, calls: 0, failures: 0 };
  let idle = (): void => {};
  return {
    counts,
    async during(attempt) {
      counts.inFlight++;
      counts.calls++;
      try {
        const result = await attempt;
        if (result.kind === "failed") counts.failures++;
        return result;
      } finally {
        counts.inFlight--;
        if (counts.inFlight === 0) idle();
      }
    },
    ended(graceMs) {
      if (counts.inFlight === 0) return Promise.resolve();
      return new Promise(resolve => {
        const cancel = clock.after(graceMs, resolve);
        idle = () => {
          cancel();
          resolve();
        };
      });
    },
  };
}
