import type { Ledger } from "../core/ledger.ts";
import type { Holding, Keeper } from "../core/ledger-entries.ts";
import type { Clock } from "../core/ports.ts";
import { Deadlines, type Timed } from "../lib/deadlines.ts";
import { type Placed, Running } from "../lib/running.ts";
import { SSE_COMMENT } from "../wire/sse.ts";
import type { Backlog } from "./backlog.ts";
import type { Outbound } from "./outbound.ts";

const KEEP_ALIVE_MS = 15_000;
/** An answer is slow after one to two of these: proxies give up a silent connection after 30 s at the earliest. */
export const SLOW_MS = 10_000;

/** Event streams towards agents that may be quiet for long: kept alive with comments. */
export interface Streams {
  /** `closed` is called once, when the connection is over for whatever reason. */
  keep(response: Outbound, about: KeptStream): void;
  /** Whether one more may begin that would never end by itself, if need be in the place of another one. */
  admits(keeper: Keeper): boolean;
  /** Begins a stream where an answer turns out to be slow; returns the function that says that it has come. */
  whenSlow(begin: () => void): () => void;
  /** Calls `begin` after so long; returns the function that prevents it. No timer is set for each. */
  after(delayMs: number, begin: () => void): () => void;
  /** Ends those that would never end by themselves. */
  stop(): void;
}

export interface StreamsOptions {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly backlog: Backlog;
  /** How many may be open that would never end by themselves. */
  readonly maxEndless: number;
}

/** What an open stream takes that is quiet, with its connection. */
const STREAM_BYTES = 8 * 1024;

/** An entry for a stream that would never end by itself; `undefined`: there is no room. */
export function holdStream(
  ledger: Ledger,
  keeper: Keeper,
  { bytes = 0, stop, of }: { bytes?: number; stop(): void; of(): Holding | undefined },
): Holding | undefined {
  const kept = { kind: "streams", bytes: STREAM_BYTES + bytes } as const;
  return ledger.open(keeper, { ...kept, standing: () => "listening", shed: stop, of });
}

export interface KeptStream {
  closed?(): void;
  /** Ends a stream that waits for nothing in particular. */
  stop?(): void;
}

interface Waiting extends Placed {
  begin(): void;
}

export function createStreams({ ledger, clock, backlog, maxEndless }: StreamsOptions): Streams {
  const open = new Map<Outbound, KeptStream>();
  let cancel = clock.after(KEEP_ALIVE_MS, beat);
  let cancelLook = clock.after(SLOW_MS, look);
  const deadlines = new Deadlines(clock);
  let stopped = false;
  /** Answers that are waited for: those that were not there at the last look, and the others. A call costs no timer. */
  let recent = new Running<Waiting>();
  let earlier = new Running<Waiting>();

  function look(): void {
    const slow = earlier.all();
    earlier = recent;
    recent = new Running();
    for (const { begin } of slow) begin();
    cancelLook = clock.after(SLOW_MS, look);
  }

  function beat(): void {
    for (const response of open.keys()) {
      // What was written a while ago and has not been taken: its reader may not read at all.
      if (response.writableNeedDrain) backlog.written(response);
      else if (!response.writableEnded) response.write(SSE_COMMENT);
    }
    cancel = clock.after(KEEP_ALIVE_MS, beat);
  }

  return {
    admits: keeper => ledger.makeRoom(keeper, "streams", maxEndless),
    keep(response, about) {
      if (response.destroyed) return about.closed?.();
      open.set(response, about);
      response.once("close", () => {
        open.delete(response);
        about.closed?.();
      });
      if (stopped) about.stop?.();
    },
    whenSlow(begin) {
      const waiting: Waiting = { place: -1, begin };
      recent.add(waiting);
      return () => {
        recent.remove(waiting);
        earlier.remove(waiting);
      };
    },
    after(delayMs, begin) {
      const waiting: Timed = {
        ...{ place: -1, dueAt: clock.now() + delayMs, stop: () => {} },
        expire() {
          deadlines.remove(waiting);
          begin();
        },
      };
      deadlines.add(waiting);
      return () => deadlines.remove(waiting);
    },
    stop() {
      stopped = true;
      deadlines.finish();
      cancel();
      cancelLook();
      for (const { stop } of [...open.values()]) stop?.();
    },
  };
}
