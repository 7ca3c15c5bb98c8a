import { createDrain } from "../../core/drain.ts";
import type { Clock } from "../../core/ports.ts";
import type { Attempt } from "../../core/route.ts";

/** Counts the calls of one upstream. */
export interface Traffic {
  readonly counts: { readonly inFlight: number; readonly calls: number; readonly failures: number };
  began(): void;
  /** To be called once for each that began. */
  ended(attempt: Attempt): void;
  /** Resolves when no call runs, or after `graceMs`. A second time shortens the wait. */
  over(graceMs: number): Promise<void>;
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
    began() {
      counts.calls++;
      drain.began();
    },
    ended(attempt) {
      if (attempt.kind === "failed") counts.failures++;
      drain.ended();
    },
    over: drain.over,
  };
}
