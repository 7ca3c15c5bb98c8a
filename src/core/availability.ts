import type { Random } from "./ports.ts";

/**
 * Whether an upstream may be chosen now.
 *
 * - `up`: it takes calls.
 * - `trial`: it was ejected, has passed a check, and the next call shows whether it is well again.
 * - `warming`: it has just come back, and this call is not for it.
 * - `silent`: a check went unanswered; it may only be busy.
 * - `suspect`: calls to it failed, which is evidence and no proof.
 * - `limited`: it wants to be left alone for a while.
 * - `down`: nobody is there, or nobody who lets us in.
 */
export type Condition = "up" | "trial" | "warming" | "silent" | "suspect" | "limited" | "down";

/** Better ones first; those of one line are equals. */
const TIERS: readonly (readonly Condition[])[] = [
  ["up", "trial"],
  ["warming"],
  ["silent"],
  ["suspect"],
  ["limited"],
  ["down"],
];
/** With so much in doubt, the doubt is likely to be about ourselves: evidence counts no more. */
const IN_PANIC: readonly (readonly Condition[])[] = [
  ["up", "trial", "silent", "suspect"],
  ["warming"],
  ["limited"],
  ["down"],
];

/** Below this share of healthy upstreams nobody is avoided for failed calls. */
export const PANIC_BELOW = 0.5;

interface Candidate {
  readonly condition: Condition;
}

const isHealthy = ({ condition }: Candidate): boolean => condition === "up" || condition === "warming";

/** Sorts candidates, of whatever priority, into tiers of which a worse one serves only when the better ones fail. */
export function byAvailability<T extends Candidate>(candidates: readonly T[]): readonly (readonly T[])[] {
  if (candidates.every(({ condition }) => condition === "up")) return [candidates];
  const panic = candidates.filter(isHealthy).length < PANIC_BELOW * candidates.length;
  return (panic ? IN_PANIC : TIERS)
    .map(conditions => candidates.filter(({ condition }) => conditions.includes(condition)))
    .filter(tier => tier.length > 0);
}

export const SLOW_START = {
  durationMs: 30_000,
  /** Share of its calls that an upstream gets at first. */
  from: 0.1,
  /** Fewer calls than this harm nobody. */
  aboveCallsPerSecond: 10,
} as const;

/** Whether a call passes by an upstream that has come back `agoMs` ago, as one of so many that could go there. */
export function holdsBack(agoMs: number, callsPerSecond: number, random: Random): boolean {
  if (agoMs >= SLOW_START.durationMs || callsPerSecond <= SLOW_START.aboveCallsPerSecond) return false;
  return random() >= Math.max(SLOW_START.from, agoMs / SLOW_START.durationMs);
}
