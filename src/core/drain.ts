import type { Clock } from "./ports.ts";

/** Counts what runs, for whoever wants to wait until nothing does. */
export interface Drain {
  readonly running: number;
  began(): void;
  ended(): void;
  /** Resolves when nothing runs, or after `graceMs`. Whoever asks again with less patience ends the first wait too. */
  over(graceMs: number): Promise<void>;
}

interface Wait {
  readonly over: Promise<void>;
  readonly end: () => void;
  untilMs: number;
  cancel: () => void;
}

export function createDrain(clock: Clock): Drain {
  let running = 0;
  let waiting: Wait | undefined;

  function newWait(): Wait {
    let resolve = (): void => {};
    const over = new Promise<void>(settle => {
      resolve = settle;
    });
    const wait: Wait = {
      over,
      end() {
        wait.cancel();
        if (waiting === wait) waiting = undefined;
        resolve();
      },
      untilMs: Number.POSITIVE_INFINITY,
      cancel: () => {},
    };
    return wait;
  }

  return {
    get running() {
      return running;
    },
    began() {
      running++;
    },
    ended() {
      running--;
      if (running === 0) waiting?.end();
    },
    over(graceMs) {
      if (running === 0) return Promise.resolve();
      waiting ??= newWait();
      const { over, end } = waiting;
      const untilMs = clock.now() + graceMs;
      if (untilMs < waiting.untilMs) {
        waiting.cancel();
        waiting.untilMs = untilMs;
        waiting.cancel = clock.after(graceMs, end);
      }
      return over;
    },
  };
}
