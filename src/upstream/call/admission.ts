import type { Caller } from "../../core/call.ts";
import { type Admitted, createGate, type Gate } from "../../core/gate.ts";
import { rest } from "../../core/limits.ts";
import type { OwnerId } from "../../core/names.ts";
import { resuming } from "../../core/pass.ts";
import type { Clock } from "../../core/ports.ts";
import { type Attempt, brokenAttempt } from "../../core/route.ts";
import { failed } from "../conversation/attempt.ts";
import { isParked } from "../conversation/tickets.ts";
import type { Outgoing, SendStep } from "./steps.ts";

export const ADMISSION = {
  /** When whoever was turned away may try again. */
  retryAfterMs: 1_000,
} as const;

/** Lets only so many calls run at one upstream at a time. */
export interface Admission {
  /** Passes on now, or when its turn has come; the wait counts as time of the call. */
  readonly inTurn: SendStep;
  /** Whether a call of this owner would have to stand behind others. */
  isFull(owner: OwnerId): boolean;
  /** Calls that wait for their turn. */
  readonly queued: number;
}

export interface AdmissionOptions {
  /** Calls that may run at once; as many more may wait. */
  readonly capacity: number;
  /** Whether a child of its own runs the calls of this caller, at this moment. */
  isAlone(caller: Caller): boolean;
  readonly clock: Clock;
}

export function createAdmission({ capacity, isAlone, clock }: AdmissionOptions): Admission {
  const gates = gatesFor(isAlone, () => createGate({ capacity, clock }));

  const inTurn: SendStep = next => {
    function enter(gate: Gate, outgoing: Outgoing, done: (attempt: Attempt) => void): void {
      next(outgoing, attempt => {
        gate.leave();
        gates.left(outgoing.call.caller.owner, gate);
        done(attempt);
      });
    }

    function stand(gate: Gate, outgoing: Outgoing, done: (attempt: Attempt) => void): void {
      const { call, limits } = outgoing;
      const queuedAt = clock.now();
      const waitMs = Math.min(limits.queueMs, limits.timeoutMs);
      const goOn = (admitted: Admitted): void => {
        if (admitted !== "in") return done(refusal(admitted, { capacity, waitMs }));
        enter(gate, { ...outgoing, limits: rest(limits, clock.now() - queuedAt) }, done);
      };
      gate.queue({ waitMs, signal: call.signal }, resuming(done, brokenAttempt, goOn));
    }

    return function inTurn(outgoing, done) {
      const { call } = outgoing;
      // It starts nothing, and may end what waits there for its agent.
      if (call.signal.aborted) return next(outgoing, done);
      const gate = gates.of(call.caller);
      if (isParked(call)) gate.enterAgain();
      else if (!gate.enter()) return stand(gate, outgoing, done);
      enter(gate, outgoing, done);
    };
  };

  return {
    inTurn,
    isFull: owner => gates.waiting(owner) > 0,
    get queued() {
      return gates.queued();
    },
  };
}

interface Gates {
  of(caller: Caller): Gate;
  left(owner: OwnerId, gate: Gate): void;
  waiting(owner: OwnerId): number;
  queued(): number;
}

/** One for all who share a child, and one for each who has its own. */
function gatesFor(isAlone: (caller: Caller) => boolean, create: () => Gate): Gates {
  const shared = create();
  const own = new Map<OwnerId, Gate>();
  return {
    of(caller) {
      if (!isAlone(caller)) return shared;
      const gate = own.get(caller.owner) ?? create();
      own.set(caller.owner, gate);
      return gate;
    },
    left(owner, gate) {
      if (gate.inside === 0 && own.get(owner) === gate) own.delete(owner);
    },
    waiting: owner => (own.get(owner) ?? shared).waiting,
    queued: () => [...own.values()].reduce((sum, gate) => sum + gate.waiting, shared.waiting),
  };
}

function refusal(why: Exclude<Admitted, "in">, { capacity, waitMs }: { capacity: number; waitMs: number }): Attempt {
  const detail = `too many calls are running (limit ${capacity}, max_concurrency)`;
  if (why === "cancelled") return failed({ fault: "cancelled", delivery: "not_sent", detail });
  const waited = why === "full" ? "and as many wait" : `and no place became free within ${waitMs} ms`;
  const { retryAfterMs } = ADMISSION;
  return failed({ fault: "overloaded", delivery: "not_sent", detail: `${detail}, ${waited}`, retryAfterMs });
}
