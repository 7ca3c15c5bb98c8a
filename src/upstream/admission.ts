import type { UpstreamConfig } from "../config/schema.ts";
import type { Call } from "../core/call.ts";
import type { Holder } from "../core/catalog.ts";
import { type Admitted, createGate, type Gate } from "../core/gate.ts";
import type { OwnerId } from "../core/names.ts";
import type { Clock } from "../core/ports.ts";
import type { Attempt } from "../core/route.ts";
import { failed, type Timeouts } from "./attempt.ts";

export const ADMISSION = {
  /** Longest wait in a queue. Beyond it an agent is better served elsewhere, or later. */
  maxWaitMs: 3_000,
  /** When whoever was turned away may try again. */
  retryAfterMs: 1_000,
} as const;

/** Sends one attempt, for which there is so much time. */
export type Send = (call: Call, holder: Holder, timeouts: Timeouts) => Promise<Attempt>;

/** Lets only so many calls run at one upstream at a time. */
export interface Admission {
  /** Sends it now, or when its turn has come; the wait counts as time of the call. */
  send(call: Call, holder: Holder): Promise<Attempt>;
  /** Calls that wait for their turn. */
  readonly queued: number;
}

export interface AdmissionOptions {
  readonly config: UpstreamConfig;
  readonly clock: Clock;
  readonly timeouts: Timeouts;
  readonly send: Send;
}

export function createAdmission({ config, clock, timeouts, send }: AdmissionOptions): Admission {
  const capacity = config.max_concurrency;
  const gates = gatesFor(config, () => createGate({ capacity, clock }));

  function sendNow(gate: Gate, { call, holder, timeouts }: Sending): Promise<Attempt> {
    const attempt = send(call, holder, timeouts);
    const left = (): void => {
      gate.leave();
      gates.left(call.caller.owner, gate);
    };
    attempt.then(left, left);
    return attempt;
  }

  async function sendLater(gate: Gate, call: Call, holder: Holder): Promise<Attempt> {
    const queuedAt = clock.now();
    const waitMs = Math.min(ADMISSION.maxWaitMs, timeouts.timeoutMs);
    const admitted = await gate.queue({ waitMs, signal: call.signal });
    if (admitted !== "in") return refusal(admitted, capacity);
    const { timeoutMs, maxTimeoutMs } = timeouts;
    const waitedMs = clock.now() - queuedAt;
    const left = { timeoutMs: timeoutMs - waitedMs, maxTimeoutMs: maxTimeoutMs - waitedMs };
    return sendNow(gate, { call, holder, timeouts: left });
  }

  return {
    get queued() {
      return gates.queued();
    },
    send(call, holder) {
      const gate = gates.of(call.caller.owner);
      return gate.enter() ? sendNow(gate, { call, holder, timeouts }) : sendLater(gate, call, holder);
    },
  };
}

interface Sending {
  readonly call: Call;
  readonly holder: Holder;
  readonly timeouts: Timeouts;
}

interface Gates {
  of(owner: OwnerId): Gate;
  left(owner: OwnerId, gate: Gate): void;
  queued(): number;
}

/** One for all; where each agent has a child of its own, one for each. */
function gatesFor(config: UpstreamConfig, create: () => Gate): Gates {
  if (config.transport !== "stdio" || config.isolation === "shared") {
    const gate = create();
    return { of: () => gate, left: () => {}, queued: () => gate.waiting };
  }
  const gates = new Map<OwnerId, Gate>();
  return {
    of(owner) {
      const gate = gates.get(owner) ?? create();
      gates.set(owner, gate);
      return gate;
    },
    left(owner, gate) {
      if (gate.inside === 0) gates.delete(owner);
    },
    queued: () => [...gates.values()].reduce((sum, gate) => sum + gate.waiting, 0),
  };
}

function refusal(why: Exclude<Admitted, "in">, capacity: number): Attempt {
  const detail = `${capacity} calls already run there (max_concurrency)`;
  if (why === "cancelled") return failed({ fault: "cancelled", delivery: "not_sent", detail });
  const waited = why === "full" ? "and as many wait" : `and no place became free within ${ADMISSION.maxWaitMs} ms`;
  const { retryAfterMs } = ADMISSION;
  return failed({ fault: "overloaded", delivery: "not_sent", detail: `${detail}, ${waited}`, retryAfterMs });
}
