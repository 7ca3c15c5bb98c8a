import type { Clock } from "./ports.ts";

/** What is given up under pressure, the first first. What shows how the gateway is doing is never given up. */
export const SHED_ORDER = ["refreshes", "sessions", "lists", "reads", "calls"] as const;
export type Shed = (typeof SHED_ORDER)[number];

/** What the process has used up at one moment. */
export interface Load {
  /** Part of the heap that is in use, from 0 to 1. */
  readonly heap: number;
  /** How late the event loop has been at its worst since it was looked at before. */
  readonly delayMs: number;
}

export const PRESSURE = {
  everyMs: 250,
  /** From here on connections are closed after their answer, and what costs memory for long is refused. */
  heapHigh: 0.92,
  /** From here on everything new is refused. */
  heapFull: 0.95,
  delayMs: 250,
  /** Late samples in a row before anything is given up; each further one gives up one thing more. */
  lateSamples: 3,
} as const;

/** Whether the gateway has more to do than it can, and what it gives up for that. */
export interface Pressure {
  /** How much of {@link SHED_ORDER} is given up; 0 while all is well. */
  readonly level: number;
  /** Whether connections are to be closed after their answer. */
  readonly closing: boolean;
  sheds(what: Shed): boolean;
  /** Runs it now, or when refreshes are no longer given up; of what waits under one key only the last is run. */
  whenCalm(key: object, run: () => void): void;
  stop(): void;
}

const CLOSING_LEVEL = SHED_ORDER.indexOf("lists");

/** Looks at the load four times a second; between that it is a number to be read. */
export function createPressure({ clock, look }: { clock: Clock; look: () => Load }): Pressure {
  const waiting = new Map<object, () => void>();
  let late = 0;
  let byDelay = 0;
  let level = 0;
  let closing = false;
  let cancel = clock.after(PRESSURE.everyMs, sample);

  function sample(): void {
    const { heap, delayMs } = look();
    const isLate = delayMs > PRESSURE.delayMs;
    late = isLate ? late + 1 : 0;
    // Down by one step a sample: one good moment must not let everybody in again.
    if (!isLate) byDelay = Math.max(0, byDelay - 1);
    else if (late >= PRESSURE.lateSamples) byDelay = Math.min(SHED_ORDER.length, byDelay + 1);
    const byHeap = heap >= PRESSURE.heapFull ? SHED_ORDER.length : heap >= PRESSURE.heapHigh ? CLOSING_LEVEL : 0;
    level = Math.max(byDelay, byHeap);
    closing = heap >= PRESSURE.heapHigh;
    if (level === 0) catchUp();
    cancel = clock.after(PRESSURE.everyMs, sample);
  }

  function catchUp(): void {
    const runs = [...waiting.values()];
    waiting.clear();
    for (const run of runs) run();
  }

  return {
    get level() {
      return level;
    },
    get closing() {
      return closing;
    },
    sheds: what => level > SHED_ORDER.indexOf(what),
    whenCalm(key, run) {
      if (level === 0) run();
      else waiting.set(key, run);
    },
    stop() {
      cancel();
      waiting.clear();
    },
  };
}

/** Where nobody looks. */
export const NO_PRESSURE: Pressure = {
  level: 0,
  closing: false,
  sheds: () => false,
  whenCalm: (_key, run) => run(),
  stop: () => {},
};
