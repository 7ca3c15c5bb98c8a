import type { Admitted, Gate } from "../../core/gate.ts";
import type { Health } from "../../core/health.ts";
import { rest } from "../../core/limits.ts";
import { type Pass, resuming, returning, type Step } from "../../core/pass.ts";
import type { Clock } from "../../core/ports.ts";
import { type Attempt, brokenAttempt, type Sending } from "../../core/route.ts";
import type { Input } from "../../wire/era.ts";
import { CODES, wireError } from "../../wire/rpc-errors.ts";
import { type LinkAttempt, protocolError } from "../conversation/attempt.ts";
import type { Parking } from "../conversation/suspended-calls.ts";
import { isParked, readTicket } from "../conversation/tickets.ts";
import { type Admission, refusal } from "./admission.ts";
import type { Traffic } from "./traffic.ts";
import { type Verdicts, verdictOf } from "./verdicts.ts";

/** One attempt on its way to the upstream. */
export interface Outgoing extends Sending {
  /** The agent's answers, for a call that is made again because of them. */
  readonly input?: Input | undefined;
}

export type Send = Pass<Outgoing, Attempt>;
export type SendStep = Step<Outgoing, Attempt>;

/** Each counts from when it is asked for until it has come back. */
export function underWay(traffic: Traffic): SendStep {
  return next =>
    function counted(outgoing, done) {
      traffic.began();
      next(outgoing, attempt => {
        traffic.ended(attempt);
        done(attempt);
      });
    };
}

/** Passes on now, or when its turn has come; the wait counts as time of the call. */
export function inTurn({ admission, clock }: { admission: Admission; clock: Clock }): SendStep {
  const { capacity } = admission;
  return next => {
    function enter(gate: Gate, outgoing: Outgoing, done: (attempt: Attempt) => void): void {
      next(outgoing, attempt => {
        admission.left(outgoing.call.caller.owner, gate);
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

    return function admitted(outgoing, done) {
      const { call } = outgoing;
      // It starts nothing, and may end what waits there for its agent.
      if (call.signal.aborted) return next(outgoing, done);
      const gate = admission.gateOf(call.caller);
      if (isParked(call)) gate.enterAgain();
      else if (!gate.enter()) return stand(gate, outgoing, done);
      enter(gate, outgoing, done);
    };
  };
}

/** The one call on which the return of an ejected upstream depends. */
export function onTrial(health: Health): SendStep {
  return next =>
    function tried(outgoing, done) {
      // A ticket that leads nowhere is answered without the upstream.
      if (health.state !== "probing" || outgoing.call.continues || !health.claim()) return next(outgoing, done);
      const judging = (attempt: Attempt): Attempt => {
        health.judge(verdictOf(attempt), attempt.kind === "failed" ? attempt.detail : "");
        return attempt;
      };
      next(outgoing, returning(done, brokenAttempt, judging));
    };
}

/** Back to where the upstream asked. A ticket that leads nowhere never becomes a new run. */
export function goingOn({ parking, verdicts }: { parking: Parking; verdicts: Verdicts }): SendStep {
  return next =>
    function wentOn(outgoing, done) {
      const { call } = outgoing;
      if (!call.continues) return next(outgoing, done);
      const { ticket, answers } = call.continues;
      const point = readTicket(ticket);
      if (point?.kind === "state") return next({ ...outgoing, input: { answers, state: point.state } }, done);
      const parked = point && parking.take(point.id, call.caller.owner);
      if (!parked) return done({ kind: "answered", error: CLOSED.error });
      const judging = (result: LinkAttempt): Attempt => {
        if (result.kind === "objected") return verdicts.blame(protocolError(result.detail));
        // What has asked its agent something has begun: it is never sent anew.
        return verdicts.judge(call, result.kind === "doubted" ? result.attempt : result);
      };
      parked.resume(call, returning(done, brokenAttempt, judging));
    };
}

const CLOSED = wireError(
  CODES.invalidParams,
  "requestState is no longer valid: the question was answered or has expired. Nothing was run again",
);
