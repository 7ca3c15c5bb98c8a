import { createDrain } from "../../core/drain.ts";
import type { Clock } from "../../core/ports.ts";
import type { Attempt } from "../../core/route.ts";

/** Counts the calls of one upstream. */
export interface Traffic {
  readonly counts: { readonly inFlight: number; readonly calls: number; readonly failures: number };
  during(attempt: Promise<Attempt>): Promise<Attempt>;
  /** Resolves when no call runs, or after `graceMs`. A second time shortens the wait. */
  ended(graceMs: number): Promise<void>;
}

export function createTraffic(clock: Clock): Traffic {
  const drain = createDrain(clock);
  const counts = {
    calls: 0,
    failures: 0,
    get inFlight() {
      return drain.running;
    },
  };
  return {
    counts,
    async during(attempt) {
      drain.began();
      counts.calls++;
      try {
        const result = await attempt;
        if (result.kind === "failed") counts.failures++;
        return result;
      } finally {
        drain.ended();
      }
    },
    ended: drain.over,
  };
}
