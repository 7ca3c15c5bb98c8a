import type { Clock } from "../core/ports.ts";

/**
 * The time of day as it was when this began, and what has passed since: setting the machine's clock neither ends nor
 * prolongs what was begun before. Processes that share something see the same but for what their clocks differed at the start.
 */
export function steady({ wall, now }: Pick<Clock, "wall" | "now">): () => number {
  const beganAt = wall() - now();
  return () => beganAt + now();
}

/** Longest delay that a Node timer can hold; a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** A timer that fires later than this was kept waiting by ourselves. */
const ASLEEP_MS = 100;

/** The machine's own clocks and timers. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after(delayMs, run) {
    const dueAt = performance.now() + delayMs;
    let turn: NodeJS.Immediate | undefined;
    // What came in while it could not be read is read before a timer says that it did not come.
    const fire = (): void => {
      if (performance.now() - dueAt > ASLEEP_MS) turn = setImmediate(run);
      else run();
    };
    let timer = setTimeout(step, Math.min(delayMs, MAX_TIMER_MS)).unref();
    function step(): void {
      const restMs = dueAt - performance.now();
      if (delayMs <= MAX_TIMER_MS || restMs < 1) fire();
      else timer = setTimeout(step, Math.min(restMs, MAX_TIMER_MS)).unref();
    }
    return () => {
      clearTimeout(timer);
      if (turn) clearImmediate(turn);
    };
  },
};
