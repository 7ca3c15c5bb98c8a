import type { Call, Caller } from "../../core/call.ts";
import type { Holder } from "../../core/catalog.ts";
import { type Admitted, createGate, type Gate } from "../../core/gate.ts";
import { type Limits, rest } from "../../core/limits.ts";
import type { OwnerId } from "../../core/names.ts";
import type { Clock } from "../../core/ports.ts";
import type { Attempt } from "../../core/route.ts";
import { failed } from "../conversation/attempt.ts";
import { isParked } from "../conversation/tickets.ts";

export const ADMISSION = {
  /** When whoever was turned away may try again. */
  retryAfterMs: 1_000,
} as const;

/** Sends one attempt, for which there is so much time. */
export type Send = (call: Call, holder: Holder, limits: Limits) => Promise<Attempt>;

/** Lets only so many calls run at one upstream at a time. */
export interface Admission {
  /** Sends it now, or when its turn has come; the wait counts as time of the call. */
  send(call: Call, holder: Holder, limits: Limits): Promise<Attempt>;
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
  readonly send: Send;
}

export function createAdmission({ capacity, isAlone, clock, send }: AdmissionOptions): Admission {
  const gates = gatesFor(isAlone, () => createGate({ capacity, clock }));

  function sendNow(gate: Gate, { call, holder, limits }: Sending): Promise<Attempt> {
    const attempt = send(call, holder, limits);
    const left = (): void => {
      gate.leave();
      gates.left(call.caller.owner, gate);
    };
    attempt.then(left, left);
    return attempt;
  }

  async function sendLater(gate: Gate, { call, holder, limits }: Sending): Promise<Attempt> {
    const queuedAt = clock.now();
    const waitMs = Math.min(limits.queueMs, limits.timeoutMs);
    const admitted = await gate.queue({ waitMs, signal: call.signal });
    if (admitted !== "in") return refusal(admitted, { capacity, waitMs });
    return sendNow(gate, { call, holder, limits: rest(limits, clock.now() - queuedAt) });
  }

  return {
    isFull: owner => gates.waiting(owner) > 0,
    get queued() {
      return gates.queued();
    },
    send(call, holder, limits) {
      // It starts nothing, and may end what waits there for its agent.
      if (call.signal.aborted) return send(call, holder, limits);
      const gate = gates.of(call.caller);
      const sending = { call, holder, limits };
      if (isParked(call)) {
        gate.enterAgain();
        return sendNow(gate, sending);
      }
      return gate.enter() ? sendNow(gate, sending) : sendLater(gate, sending);
    },
  };
}

interface Sending {
  readonly call: Call;
  readonly holder: Holder;
  readonly limits: Limits;
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
