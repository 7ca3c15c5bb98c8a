import type { Behind } from "../../core/call.ts";
import type { Clock } from "../../core/ports.ts";

export const REPLIES = {
  /** Up to here a message counts as nothing. */
  smallBytes: 64 * 1024,
  /** What has come of all larger messages that are not complete yet. */
  totalBytes: 256 * 1024 * 1024,
  /** Of one upstream, so that those of the others have room whatever it does. */
  upstreamBytes: 128 * 1024 * 1024,
  /** How long an answer may lie half read. */
  waitMs: 3_000,
} as const;

export type ReplyLimits = { readonly [Limit in keyof typeof REPLIES]: number };

/** What one connection or one answer holds of a message that is not complete. */
export interface Holding extends Behind {
  /** It holds so much now. `false`: no more should be read until it has caught up. */
  hold(bytes: number): boolean;
  readonly waits: boolean;
}

/** Where the messages of one upstream gather until they are complete. */
export interface ReplyRoom {
  /** `refuse` is called when it has waited in vain; without it, it waits for as long as it takes. */
  open(refuse?: () => void): Holding;
}

export interface ReplyRooms {
  room(): ReplyRoom;
  readonly bytes: number;
}

/** How much a connection brings before it can be asked to wait again. */
const STEP_BYTES = 64 * 1024;

/**
 * Bounds what all upstreams together may have us hold of messages that are not complete. Where it is not enough, further
 * ones are not read on. The oldest message of each upstream is read on regardless, so that they never wait for each other.
 */
export function createReplyRooms({ clock, ...given }: Partial<ReplyLimits> & { readonly clock: Clock }): ReplyRooms {
  const { totalBytes, upstreamBytes, waitMs } = { ...REPLIES, ...given };
  const waiting = new Set<{ goesOn(more: number): boolean; wake(): void }>();
  let total = 0;

  function wake(): void {
    let promised = 0;
    for (const one of waiting) {
      if (!one.goesOn(promised)) continue;
      promised += STEP_BYTES;
      one.wake();
    }
  }

  function room(): ReplyRoom {
    const holdings = new Set<Holding>();
    let bytes = 0;
    const isFirst = (holding: Holding): boolean => holdings.values().next().value === holding;

    function open(refuse?: () => void): Holding {
      let held = 0;
      let resume: (() => void) | undefined;
      let cancelTimer = (): void => {};
      const goesOn = (more: number): boolean =>
        isFirst(holding) || (bytes + more <= upstreamBytes && total + more <= totalBytes);
      const stopWaiting = (): void => {
        waiting.delete(waiter);
        cancelTimer();
        resume = undefined;
      };
      const waiter = {
        goesOn,
        wake() {
          const run = resume;
          stopWaiting();
          run?.();
        },
      };
      const holding: Holding = {
        get waits() {
          return resume !== undefined;
        },
        hold(now) {
          const more = now - held;
          held = now;
          bytes += more;
          total += more;
          if (now > 0) holdings.add(holding);
          else {
            holdings.delete(holding);
            // What had been read before it waited may have completed its message.
            waiter.wake();
          }
          if (more < 0 && waiting.size > 0) wake();
          return now === 0 || goesOn(0);
        },
        caughtUp(run) {
          resume = run;
          waiting.add(waiter);
          cancelTimer();
          const late = (): void => {
            stopWaiting();
            refuse?.();
          };
          if (refuse) cancelTimer = clock.after(waitMs, late);
        },
      };
      return holding;
    }

    return { open };
  }

  return {
    room,
    get bytes() {
      return total;
    },
  };
}
