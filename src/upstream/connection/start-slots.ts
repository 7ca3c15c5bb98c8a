import type { Clock } from "../../core/ports.ts";

/** How long one start may keep others from beginning: launchers that download take minutes, and mostly wait. */
const LONGEST_HOLD_MS = 3_000;

/** The right to start a process. */
export interface StartSlot {
  /** Resolves when it may begin. */
  readonly granted: Promise<void>;
  /** Somebody waits for it: it is the next to begin. */
  hurry(): void;
  /** It has started, or is no longer wanted. */
  release(): void;
}

/** Lets a few processes start at a time: all at once they would keep each other, and us, from getting anywhere. */
export interface StartSlots {
  take(): StartSlot;
}

interface Waiting {
  begin(): void;
}

/** `max`: how many may start at the same time. */
export function createStartSlots({ clock, max }: { readonly clock: Clock; readonly max: number }): StartSlots {
  let starting = 0;
  let waiting: Waiting[] = [];

  function next(): void {
    while (starting < max) {
      const first = waiting.shift();
      if (!first) return;
      first.begin();
    }
  }

  return {
    take() {
      let grant = (): void => {};
      let cancel = (): void => {};
      let stage: "waits" | "starts" | "over" = "waits";
      const granted = new Promise<void>(resolve => {
        grant = resolve;
      });
      const entry: Waiting = {
        begin() {
          stage = "starts";
          starting++;
          cancel = clock.after(LONGEST_HOLD_MS, release);
          grant();
        },
      };
      function release(): void {
        const before = stage;
        stage = "over";
        cancel();
        if (before === "starts") starting--;
        if (before === "waits") waiting = waiting.filter(one => one !== entry);
        // Whoever waits for a turn that will not come goes on, and finds out that it is not wanted.
        grant();
        if (before !== "over") next();
      }
      waiting.push(entry);
      next();
      return {
        granted,
        hurry() {
          if (stage === "waits") waiting = [entry, ...waiting.filter(one => one !== entry)];
        },
        release,
      };
    },
  };
}
