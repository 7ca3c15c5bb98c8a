import type { Clock } from "./ports.ts";
import type { Signal } from "./signal.ts";

/** What ends a wait besides that which is waited for, and what the wait gives then. */
export interface Limit<T> {
  /** `afterMs` may be infinite. */
  readonly late?: { readonly clock: Clock; readonly afterMs: number; readonly gives: () => T };
  readonly aborted?: { readonly signal: Signal; readonly gives: () => T };
}

/**
 * Waits until `begin`'s `end` is called, the time is over or the signal aborts, whichever is first; the others have no
 * effect afterwards. Leaves no timer and no listener behind. `begin` runs at once, unless the signal has aborted already;
 * the function that it may return runs once, when the wait is over. What `begin` throws rejects the promise.
 */
export function waitFor<T>(
  { late, aborted }: Limit<T>,
  begin: (end: (value: T) => void) => (() => void) | undefined,
): Promise<T> {
  return new Promise((resolve, reject) => {
    if (aborted?.signal.aborted) return resolve(aborted.gives());
    let isOver = false;
    let undo: ReturnType<typeof begin>;
    const leave = (): void => {
      isOver = true;
      cancelTimer?.();
      withdraw?.();
      undo?.();
    };
    const end = (value: T): void => {
      if (isOver) return;
      leave();
      resolve(value);
    };
    const cancelTimer =
      late && late.afterMs !== Number.POSITIVE_INFINITY
        ? late.clock.after(late.afterMs, () => end(late.gives()))
        : undefined;
    const withdraw = aborted && whenAborted(aborted.signal, () => end(aborted.gives()));
    try {
      undo = begin(end);
      if (isOver) undo?.();
    } catch (error) {
      leave();
      reject(error);
    }
  });
}

/** Waits for some time, or until the signal aborts. */
export const pause = (clock: Clock, afterMs: number, signal: Signal): Promise<void> =>
  waitFor<void>({ late: { clock, afterMs, gives: nothing }, aborted: { signal, gives: nothing } }, nothing);

/** Runs `run` once when the signal aborts, at once where it has; the function that it returns withdraws that. */
export function whenAborted(signal: Signal, run: () => void): () => void {
  if (signal.aborted) {
    run();
    return nothing;
  }
  signal.onAbort(run);
  return () => signal.offAbort(run);
}

function nothing(): undefined {}
