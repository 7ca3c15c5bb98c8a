import type { Clock } from "../core/ports.ts";

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

/** When an agent called something there last. */
export interface CallTimes {
  latest(): number;
  note(): void;
}

export function createCallTimes(clock: Clock): CallTimes {
  let latest = Number.NEGATIVE_INFINITY;
  return {
    latest: () => latest,
    note() {
      latest = clock.now();
    },
  };
}

export interface PaceOptions {
  readonly most?: number;
  /** Where it is one of many: that of all. */
  readonly all?: Pace;
  /** When an agent called something there last. What such a call may have changed is read without a wait, once. */
  readonly calledAt?: CallTimes["latest"];
}

/** A pace of its own, and where it is one of many, within that of all. */
export function createPace(
  clock: Clock,
  { most = RELISTS.each, all, calledAt = () => Number.NEGATIVE_INFINITY }: PaceOptions = {},
): Pace {
  let times: number[] = [];
  return {
    waitMs() {
      if (calledAt() > (times.at(-1) ?? Number.POSITIVE_INFINITY)) return 0;
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
