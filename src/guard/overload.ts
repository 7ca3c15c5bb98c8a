import type { Call, Layer, Outcome } from "../core/call.ts";
import type { Pressure } from "../core/pressure.ts";

export const OVERLOAD = { maxUnderWay: 2_000 } as const;

export interface OverloadOptions {
  readonly pressure: Pressure;
  /** Calls of all agents that may be under way. */
  readonly maxUnderWay?: number;
}

const REFUSED: Promise<Outcome> = Promise.resolve({ kind: "failed", failure: { kind: "overloaded" } });

/**
 * Takes no more calls than the gateway can carry, and fewer under pressure: first none that only reads, then no new one
 * at all. Going on with a call is never refused: that ends work rather than begins it, and its agent would be told that
 * nothing was sent. Nor is a call whose agent has left.
 */
export function overload({ pressure, maxUnderWay = OVERLOAD.maxUnderWay }: OverloadOptions): Layer {
  let underWay = 0;
  const left = (): void => {
    underWay--;
  };
  const isRefused = (call: Call): boolean =>
    !call.continues && pressure.sheds(call.method === "tools/call" ? "calls" : "reads");

  return next => call => {
    const isOneTooMany = underWay >= maxUnderWay && !call.continues && !call.signal.aborted;
    if (isOneTooMany || (pressure.level > 0 && isRefused(call))) return REFUSED;
    underWay++;
    const outcome = next(call);
    outcome.then(left, left);
    return outcome;
  };
}
