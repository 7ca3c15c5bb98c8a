import type { Clock } from "../core/ports.ts";

/** Something that is done when it is asked for, but not too often. */
export interface Spaced {
  ask(): void;
  /** Nothing is done any more. */
  stop(): void;
}

/** Runs at once, and at the end of the pause once more if it was asked for meanwhile. */
export function atMostEvery(pauseMs: number, clock: Clock, run: () => void): Spaced {
  let cancel: (() => void) | undefined;
  let asked = false;
  let stopped = false;

  function ask(): void {
    asked = true;
    if (cancel || stopped) return;
    asked = false;
    cancel = clock.after(pauseMs, () => {
      cancel = undefined;
      if (asked) ask();
    });
    run();
  }

  return {
    ask,
    stop() {
      stopped = true;
      cancel?.();
    },
  };
}
