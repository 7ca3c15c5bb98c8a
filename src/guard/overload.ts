import type { Call, Layer, Outcome } from "../core/call.ts";
import { methodOf } from "../core/methods.ts";
import type { Principal } from "../core/names.ts";
import type { Pressure } from "../core/pressure.ts";

export const OVERLOAD = {
  maxUnderWay: 2_000,
  /** From here on nobody gets more who has a good part of all. */
  scarcePart: 3 / 4,
  greedyPart: 1 / 4,
} as const;

export interface OverloadOptions {
  readonly pressure: Pressure;
  /** Calls of all agents that may be under way. */
  readonly maxUnderWay?: number;
}

const REFUSED: Outcome = { kind: "failed", failure: { kind: "overloaded" } };

/**
 * Takes no more calls than the gateway can carry, leaves some of them for agents that have few, and takes fewer under
 * pressure: first none that only reads, then no new one at all. Going on with a call is never refused: that ends work
 * rather than begins it, and its agent would be told that nothing was sent. Nor is a call whose agent has left.
 */
export function overload({ pressure, maxUnderWay = OVERLOAD.maxUnderWay }: OverloadOptions): Layer {
  /** Whose calls are under way: a place for each, and what is free of them. What turns over with every call is no `Map`. */
  const underWay: (Principal | undefined)[] = [];
  const free: number[] = [];
  const scarceFrom = Math.ceil(maxUnderWay * OVERLOAD.scarcePart);
  const most = Math.max(1, Math.floor(maxUnderWay * OVERLOAD.greedyPart));
  const isRefused = (call: Call): boolean => !call.continues && pressure.sheds(methodOf(call.method).shed);

  function isOneTooMany({ caller, continues, signal }: Call): boolean {
    const running = underWay.length - free.length;
    if (running < scarceFrom || continues || signal.aborted) return false;
    if (running >= maxUnderWay) return true;
    let own = 0;
    for (const one of underWay) if (one === caller.principal) own++;
    return own >= most;
  }

  return next =>
    function counted(call, done) {
      if (isOneTooMany(call) || (pressure.level > 0 && isRefused(call))) return done(REFUSED);
      const place = free.pop() ?? underWay.length;
      underWay[place] = call.caller.principal;
      next(call, outcome => {
        underWay[place] = undefined;
        free.push(place);
        done(outcome);
      });
    };
}
