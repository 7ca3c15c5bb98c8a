/** How long a call may take; infinite where nobody has set a limit. */
export interface Limits {
  /** Progress starts it anew, never beyond `maxTimeoutMs`. */
  readonly timeoutMs: number;
  readonly maxTimeoutMs: number;
  /** After so long without a sign of life somebody else is asked too, where running twice does no harm. */
  readonly attemptMs: number;
  /** Longest wait for a turn, where somebody else may take the call. */
  readonly queueMs: number;
}

/** How much of a call's time passes at most before somebody else is asked too. */
const FIRST_SHARE = 0.5;

/** How long somebody may stay silent before somebody else is asked too, so that the latter has time left. */
export const silenceMs = ({ attemptMs, timeoutMs }: Limits): number => Math.min(attemptMs, timeoutMs * FIRST_SHARE);

/** What is left of the time after some of it has passed. */
export function rest(limits: Limits, spentMs: number): Limits {
  return { ...limits, timeoutMs: limits.timeoutMs - spentMs, maxTimeoutMs: limits.maxTimeoutMs - spentMs };
}
