import { createRecent, RECENT_SECONDS } from "./recent.ts";

export const RETRY_BUDGET = {
  /** Further attempts, as a share of the calls. */
  share: 0.2,
  /** And so many besides, so that an upstream with few calls has any. */
  perSecond: 10,
} as const;

/**
 * Bounds how many attempts replicas get beyond the calls that agents make, so that failing upstreams are not burdened
 * with a multiple of their load.
 */
export interface RetryBudget {
  /** A call came. */
  called(now: number): void;
  /** Takes one more attempt out of the budget; `false` when none is left. */
  take(now: number): boolean;
  /** Whether nothing is left to be taken. */
  isSpent(now: number): boolean;
  callsPerSecond(now: number): number;
}

export function createRetryBudget(): RetryBudget {
  const calls = createRecent();
  const retries = createRecent();
  const isSpent = (now: number): boolean =>
    retries.count(now) + 1 > RETRY_BUDGET.share * calls.count(now) + RETRY_BUDGET.perSecond * RECENT_SECONDS;
  return {
    called: calls.add,
    isSpent,
    take(now) {
      if (isSpent(now)) return false;
      retries.add(now);
      return true;
    },
    callsPerSecond: now => calls.count(now) / RECENT_SECONDS,
  };
}
