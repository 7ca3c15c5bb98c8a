/** How long an attempt may take. Progress starts the first anew, never beyond the second. */
export interface Limits {
  readonly timeoutMs: number;
  readonly maxTimeoutMs: number;
  /** Without a sign of life for this long it is given up, because somebody else can still take the call. */
  readonly tryMs: number;
}

/** How much of a call's time its first attempt gets before somebody else is asked. */
const FIRST_SHARE = 0.5;

export const firstShare = (whole: Limits): Limits => ({ ...whole, tryMs: whole.timeoutMs * FIRST_SHARE });

/** What is left of the time after some of it has passed. */
export function rest({ timeoutMs, maxTimeoutMs, tryMs }: Limits, spentMs: number): Limits {
  return { timeoutMs: timeoutMs - spentMs, maxTimeoutMs: maxTimeoutMs - spentMs, tryMs: tryMs - spentMs };
}
