import type { Clock } from "../../core/ports.ts";
import type { Timeouts } from "./attempt.ts";

/** The time that a call has, over all the rounds in which its agent waits; between them it stands still. */
export interface Patience {
  /** The agent waits; `expire` is called when the time is up. */
  begin(expire: () => void): void;
  /** Something came: the time until the next sign of life starts anew, as far as there is any left. */
  extend(): void;
  /** The agent waits no more. */
  pause(): void;
}

export function createPatience(clock: Clock, { timeoutMs, maxTimeoutMs }: Timeouts): Patience {
  let leftMs = maxTimeoutMs;
  let beganAt = 0;
  let dueAt = 0;
  let cancel = (): void => {};

  /** Extending only moves the time; the timer looks again when it fires. */
  function watch(expire: () => void): void {
    const waitMs = dueAt - clock.now();
    if (waitMs === Number.POSITIVE_INFINITY) return;
    if (waitMs > 0) cancel = clock.after(waitMs, () => watch(expire));
    else expire();
  }

  function extend(): void {
    dueAt = Math.min(clock.now() + timeoutMs, beganAt + leftMs);
  }

  return {
    begin(expire) {
      beganAt = clock.now();
      extend();
      watch(expire);
    },
    extend,
    pause() {
      cancel();
      leftMs -= clock.now() - beganAt;
    },
  };
}
