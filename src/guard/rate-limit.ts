import { broken, type Call, type Layer, type Outcome } from "../core/call.ts";
import { methodOf } from "../core/methods.ts";
import { waiting } from "../core/pass.ts";
import type { Store, Taken } from "../core/ports.ts";

export interface RateLimitOptions {
  readonly store: Store;
  /** Calls per minute of one principal to one tool, all of which may come at once; `0` for no limit. */
  readonly perMinute: number;
}

/** A call may be asked about so often; tickets that are good more than once must not open a way around the limit. */
const ROUNDS = 10;

/**
 * Limits tool calls per principal and tool. Going on with one that was admitted has a limit of its own, wide enough for
 * every round of every call. Stays in the same turn when the store answers at once.
 */
export function rateLimit({ store, perMinute }: RateLimitOptions): Layer {
  if (perMinute === 0) return next => next;
  const calls = { capacity: perMinute, perMinute };
  const rounds = { capacity: perMinute * ROUNDS, perMinute: perMinute * ROUNDS };
  return next =>
    function rateLimited(call, done) {
      if (methodOf(call.method).limited !== "per_tool") return next(call, done);
      const decide = (taken: Taken): void => {
        if (taken.ok) next(call, done);
        else done(refusal(taken.retryAfterMs, perMinute));
      };
      const key = bucketKey(call);
      const taken = call.continues ? store.take(`rounds ${key}`, rounds) : store.take(key, calls);
      // Where nobody knows whether it may go on, it does not.
      if (taken instanceof Promise) waiting(taken, { done, broken }, decide);
      else decide(taken);
    };
}

const refusal = (retryAfterMs: number, limit: number): Outcome => ({
  kind: "failed",
  failure: { kind: "rate_limited", retryAfterMs, limit },
});

/**
 * A tool is its best holder and the name there: the same bucket in every view, and never that of another upstream's
 * tool that has the same name in a view of its own. Names that stand for nothing share one bucket, so that made-up
 * ones neither escape the limit nor push out the buckets of others.
 */
function bucketKey({ caller, subject }: Call): string {
  if (subject?.kind !== "found") return `? ${caller.principal}`;
  const { upstream, native } = subject.entry.holders[0];
  return `${upstream}:${native.length}:${native} ${caller.principal}`;
}
