import type { Caller } from "../../core/call.ts";
import { type Admitted, createGate, type Gate } from "../../core/gate.ts";
import type { OwnerId } from "../../core/names.ts";
import type { Clock } from "../../core/ports.ts";
import type { Attempt } from "../../core/route.ts";
import { failed } from "../conversation/attempt.ts";

export const ADMISSION = {
  /** When whoever was turned away may try again. */
  retryAfterMs: 1_000,
} as const;

/** Lets only so many calls run at one upstream at a time. */
export interface Admission {
  readonly capacity: number;
  /** Where this call stands at present, once it is in or has to wait. */
  gateOf(caller: Caller): Gate;
  /** A call of this owner has left that gate. */
  left(owner: OwnerId, gate: Gate): void;
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
  return {
    capacity,
    gateOf: gates.of,
    left(owner, gate) {
      gate.leave();
      gates.left(owner, gate);
    },
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

/** What a call brings that does not get in. */
export function refusal(
  why: Exclude<Admitted, "in">,
  { capacity, waitMs }: { capacity: number; waitMs: number },
): Attempt {
  const detail = `too many calls are running (limit ${capacity}, max_concurrency)`;
  if (why === "cancelled") return failed({ fault: "cancelled", delivery: "not_sent", detail });
  const waited = why === "full" ? "and as many wait" : `and no place became free within ${waitMs} ms`;
  const { retryAfterMs } = ADMISSION;
  return failed({ fault: "overloaded", delivery: "not_sent", detail: `${detail}, ${waited}`, retryAfterMs });
}
