import type { Clock } from "../core/ports.ts";

export interface Deadline {
  /** Starts the time anew, as far as the maximum allows. */
  extend(): void;
  stop(): void;
}

/** Timers with a longer delay fire at once. */
const LONGEST_TIMER_MS = 2_147_483_647;

/** Calls `expire` once when `timeoutMs` have passed since the start or the last extension, or `maxTimeoutMs` in all. */
export function startDeadline(
  clock: Clock,
  limits: { readonly timeoutMs: number; readonly maxTimeoutMs: number },
  expire: () => void,
): Deadline {
  const startedAt = clock.now();
  const latest = startedAt + limits.maxTimeoutMs;
  let due = Math.min(startedAt + limits.timeoutMs, latest);
  // Extending only moves the time; the timer looks again when it fires, so that progress costs no timers.
  const check = (): void => {
    const leftMs = due - clock.now();
    if (leftMs <= 0) expire();
    else stop = clock.after(Math.min(leftMs, LONGEST_TIMER_MS), check);
  };
  let stop = clock.after(Math.min(due - startedAt, LONGEST_TIMER_MS), check);
  return {
    extend: () => {
      due = Math.min(clock.now() + limits.timeoutMs, latest);
    },
    stop: () => stop(),
  };
}
