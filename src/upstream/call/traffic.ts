import { createDrain } from "../../core/drain.ts";
import type { Clock } from "../../core/ports.ts";
import type { SendStep } from "./steps.ts";

/** Counts the calls of one upstream. */
export interface Traffic {
  readonly counts: { readonly inFlight: number; readonly calls: number; readonly failures: number };
  readonly counted: SendStep;
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
    counted: next =>
      function counted(outgoing, done) {
        drain.began();
        counts.calls++;
        next(outgoing, attempt => {
          if (attempt.kind === "failed") counts.failures++;
          drain.ended();
          done(attempt);
        });
      },
    ended: drain.over,
  };
}
