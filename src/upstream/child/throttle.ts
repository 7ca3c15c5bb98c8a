import type { Clock } from "../../core/ports.ts";

export interface Throttle {
  /** Counts what the stream just cost. */
  spend(amount: number): void;
}

export interface ThrottleOptions {
  readonly clock: Clock;
  readonly stream: { pause(): unknown; resume(): unknown };
  /** How much may be spent within one window. */
  readonly budget: number;
  readonly windowMs: number;
}

/** Pauses a stream for the rest of a window in which it overspent, so that a flood cannot hold the event loop. */
export function createThrottle({ clock, stream, budget, windowMs }: ThrottleOptions): Throttle {
  let windowStart = clock.now();
  let spent = 0;
  let paused = false;

  const resume = (): void => {
    paused = false;
    stream.resume();
  };

  return {
    spend(amount) {
      const now = clock.now();
      if (now - windowStart >= windowMs) {
        windowStart = now;
        spent = 0;
      }
      spent += amount;
      if (spent <= budget || paused) return;
      paused = true;
      stream.pause();
      clock.after(windowStart + windowMs - now, resume);
    },
  };
}
