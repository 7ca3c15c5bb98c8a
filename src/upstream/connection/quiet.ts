import type { Clock } from "../../core/ports.ts";

/** How long an upstream may keep silent about a question that it may not know. */
export interface QuietTimes {
  /** From its first sign of life. */
  readonly afterSignMs: number;
  /** From the start, where it gives no sign. */
  readonly withoutSignMs: number;
}

export const QUIET: QuietTimes = { afterSignMs: 3_000, withoutSignMs: 6_000 };
/** Who is known to understand the question is given longer: a machine may be busy. */
export const KNOWN_QUIET: QuietTimes = { afterSignMs: 15_000, withoutSignMs: 30_000 };

/** Notices that an upstream has been silent for too long. */
export interface Quiet {
  readonly over: Promise<void>;
  /** The first thing came from it. */
  sign(): void;
  stop(): void;
}

export function createQuiet(clock: Clock, { afterSignMs, withoutSignMs }: QuietTimes): Quiet {
  let finish = (): void => {};
  const over = new Promise<void>(resolve => {
    finish = resolve;
  });
  let cancel = clock.after(withoutSignMs, finish);
  return {
    over,
    sign() {
      cancel();
      cancel = clock.after(afterSignMs, finish);
    },
    stop: () => cancel(),
  };
}
