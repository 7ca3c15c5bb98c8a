import type { Principal } from "./names.ts";

/** For whom something is kept: the agent, and where it comes from, since anybody may give any name for itself. */
export interface Keeper {
  readonly principal: Principal;
  readonly address: string;
}

/** What agents make us keep. */
export const KEPT = ["events", "sessions", "streams"] as const;
export type Kept = (typeof KEPT)[number];

/** Whether somebody needs it now: nobody, somebody who listens, or a request that runs, which is never ended. */
export type Standing = "idle" | "listening" | "running";

/** Something that is kept for an agent, as it is at any moment. */
export interface Keeping {
  readonly kind: Kept;
  readonly bytes: number;
  standing(): Standing;
  /** Gives it up, or the older half of it where it has parts. Its agent must be able to notice. */
  shed(): void;
  /** What it belongs to, whose use is its use. */
  of?(): Holding | undefined;
}

/** An entry in the book. */
export interface Holding {
  readonly bytes: number;
  /** When it was used last. */
  readonly usedAt: number;
  /** Whether its agent has had something done, so that it is more than a place that is taken. */
  readonly hasWorked: boolean;
  /** Takes so much more; `false`: there is no room for it, and nothing was taken. */
  grow(bytes: number): boolean;
  /** Takes so much more in any case; of what can be read again whatever is too much is shed, if only this. */
  add(bytes: number): void;
  shrink(bytes: number): void;
  used(): void;
  worked(): void;
  end(): void;
}

export const LEDGER = {
  /** Whoever takes so large a part of everything makes room before others do. */
  greedyPart: 1 / 4,
  /** What may be taken for more than to be there: the rest is left for sessions of others. */
  morePart: 3 / 4,
  /** What may be kept to be read again. */
  eventsPart: 1 / 2,
  /** So long a newcomer has for doing something. */
  graceMs: 10_000,
  /** What is freed at a time beyond what is needed, as a part: whom to shed is not looked for each time. */
  sparePart: 1 / 128,
  stuckMs: 100,
  /** Two that were used within this time are alike. */
  leastIdleMs: 1_000,
  shown: 5,
} as const;
