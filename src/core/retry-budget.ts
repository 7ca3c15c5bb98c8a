import { createRecent, RECENT_SECONDS } from "./recent.ts";

export const RETRY_BUDGET = {
  /** Further attempts, as a share of the calls. */
  share: 0.2,
  /** And so many besides, so that an upstream with few calls has any. */
  perSecond: 10,
  /** What was not used is saved for so long, so that a crowd of calls that lose their upstream together can go elsewhere. */
  savedMs: 10_000,
} as const;

/**
 * Bounds how many attempts replicas get beyond the calls that agents make, so that failing upstreams are not burdened
 * with a multiple of their load: over every period of `savedMs` or longer, no more than the share of its calls and
 * `perSecond`.
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

const SLOT_MS = 100;
const SLOTS = RETRY_BUDGET.savedMs / SLOT_MS;

export function createRetryBudget(): RetryBudget {
  const calls = createRecent();
  /** Attempts taken, less what calls have brought. Less what time has brought, it is the balance: the lower, the more may be taken. */
  let spent = 0;
  /** The lowest balance ever, and what that was at the end of each slot of the time in which something is saved. */
  let lowest = Number.POSITIVE_INFINITY;
  const lows = new Float64Array(SLOTS);
  let slot = Number.NEGATIVE_INFINITY;

  const balance = (now: number): number => spent - (now / 1_000) * RETRY_BUDGET.perSecond;

  function advance(now: number): void {
    const current = Math.floor(now / SLOT_MS);
    // Before its first use, and through a long pause, it was at rest.
    for (let at = Math.max(slot, current - SLOTS); at < current; at++) {
      lowest = Math.min(lowest, balance((at + 1) * SLOT_MS));
      lows[mod(at, SLOTS)] = lowest;
    }
    slot = Math.max(slot, current);
  }

  /** No period that began at least `savedMs` ago may end with a higher balance than it began with. */
  function isSpent(now: number): boolean {
    advance(now);
    return balance(now) + 1 > lows[mod(slot, SLOTS)]!;
  }

  return {
    called(now) {
      advance(now);
      calls.add(now);
      spent -= RETRY_BUDGET.share;
    },
    isSpent,
    take(now) {
      if (isSpent(now)) return false;
      lowest = Math.min(lowest, balance(now));
      spent++;
      return true;
    },
    callsPerSecond: now => calls.count(now) / RECENT_SECONDS,
  };
}

const mod = (value: number, by: number): number => ((value % by) + by) % by;
