import type { Random } from "./ports.ts";
import { createRecent, RECENT_SECONDS } from "./recent.ts";

export const EJECTION = {
  /** So many faults in a row eject an upstream that is still connected. */
  faultsInRow: 5,
  /** And so does a smaller share of good answers, once there are enough of them. */
  minShareGood: 0.8,
  minAnswers: 5,
  baseMs: 1_000,
  maxMs: 60_000,
  /** Each healthy stretch of this length takes one doubling back. */
  forgivenAfterMs: 60_000,
} as const;

/** Decides from what calls brought when an upstream is to be left alone, and for how long. */
export interface Ejection {
  succeeded(now: number): void;
  /** Says why the upstream is to be ejected, if this fault was one too many. */
  failed(now: number): string | undefined;
  /** Begins an ejection, which lasts until the returned time; longer each time. */
  begin(now: number): number;
  /** The upstream is well again. */
  end(now: number): void;
}

export function createEjection(random: Random): Ejection {
  let good = createRecent();
  let bad = createRecent();
  let inRow = 0;
  let doublings = 0;
  let wellSince = 0;
  let ejected = false;

  function forgive(now: number): void {
    if (ejected) return;
    doublings = Math.max(0, doublings - Math.floor((now - wellSince) / EJECTION.forgivenAfterMs));
  }

  return {
    succeeded(now) {
      inRow = 0;
      good.add(now);
    },
    failed(now) {
      inRow++;
      bad.add(now);
      if (inRow >= EJECTION.faultsInRow) return `${inRow} faults in a row`;
      const well = good.count(now);
      const answers = well + bad.count(now);
      if (answers < EJECTION.minAnswers || well >= EJECTION.minShareGood * answers) return undefined;
      return `${answers - well} of ${answers} calls failed within ${RECENT_SECONDS} s`;
    },
    begin(now) {
      forgive(now);
      ejected = true;
      const lasts = Math.min(EJECTION.baseMs * 2 ** doublings, EJECTION.maxMs);
      doublings++;
      return now + lasts * (1 + random() / 2);
    },
    end(now) {
      ejected = false;
      wellSince = now;
      inRow = 0;
      good = createRecent();
      bad = createRecent();
    },
  };
}
