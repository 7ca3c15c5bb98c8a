import type { Clock } from "../../core/ports.ts";

export const RELISTS = {
  windowMs: 10_000,
  /** How often lists of one kind of reader are read in a window because the upstream says that they have changed. */
  each: 3,
  /** The same of all agents' own lists together. */
  ofAgents: 12,
} as const;

/** Spaces the readings of lists for which no agent has asked. */
export interface Pace {
  /** How long the next one has to wait, in ms. */
  waitMs(): number;
  /** One begins. */
  began(): void;
}

/** A pace of its own, and where it is one of many, within that of all. */
export function createPace(clock: Clock, most: number = RELISTS.each, all?: Pace): Pace {
  let times: number[] = [];
  return {
    waitMs() {
      const earliest = times.at(-most);
      const ownMs = earliest === undefined ? 0 : Math.max(earliest + RELISTS.windowMs - clock.now(), 0);
      return Math.max(ownMs, all?.waitMs() ?? 0);
    },
    began() {
      times = [...times.slice(-(most - 1)), clock.now()];
      all?.began();
    },
  };
}
