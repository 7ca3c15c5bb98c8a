import type { Call, Caller, Room } from "../../core/call.ts";
import type { Fault } from "../../core/failure.ts";
import type { OwnerId } from "../../core/names.ts";
import { resuming } from "../../core/pass.ts";
import { Payload } from "../../core/payload.ts";
import type { Clock } from "../../core/ports.ts";
import { brokenAttempt } from "../../core/route.ts";
import { Aborter, type Signal } from "../../core/signal.ts";
import type { Message } from "../../wire/message.ts";
import { isVendors } from "../../wire/methods.ts";
import { ASIDE } from "../../wire/upstream-questions.ts";
import { refuseRequest } from "../channel/refuse-request.ts";
import { failed, type LinkAttempt, type Timeouts } from "./attempt.ts";
import { createPatience } from "./call-timer.ts";
import { openQuestions, type UpstreamRequest } from "./open-questions.ts";
import type { Parkable, Parked, Parking } from "./suspended-calls.ts";

export const OPEN_CALL = {
  /** Questions that come within this time are asked together. */
  collectMs: 10,
  /** Largest result that is kept for an agent that has not come back yet. */
  maxWaitingResultBytes: 256 * 1024,
} as const;

export interface OpenCallParts {
  readonly owner: OwnerId;
  readonly clock: Clock;
  readonly parking: Parking;
  /** What the upstream was told that this agent can be asked for. */
  readonly declared: Payload;
  readonly timeouts: Timeouts;
  /** Sends the request and reads what becomes of it; keeps no time. */
  send(signal: Signal, listener: Pick<OpenCall, "hear" | "postponed">, done: (attempt: LinkAttempt) => void): void;
  /** Answers a request of the upstream. */
  respond(text: Buffer): void;
  /** The upstream asks something. */
  asked(): void;
  /** Nothing is open at the upstream any more. */
  ended(): void;
  /** What came with this call and is none of its business, or not any more. */
  unclaimed(message: Message): void;
  /** A question that this call, which has ended, did not get an answer to. */
  leftOver(question: UpstreamRequest, wasGivenUp: boolean): void;
}

/**
 * A request at an upstream that asks by requests of its own. It can outlive the agent's request: while the agent thinks
 * about questions it is parked, its clock stands still, and the agent's next request goes on with it.
 */
export interface OpenCall extends Parkable {
  /** What the upstream says that belongs to this call. */
  hear(message: Message): Room;
  /** The upstream has put its answer off. */
  postponed(): void;
  /** Whether the upstream works on it for an agent that waits; otherwise it asks nothing. */
  readonly waiting: boolean;
  /** Sends the request. To be called once, by whoever made it. */
  start(first: Call, done: (attempt: LinkAttempt) => void): void;
  /** Resolves when nothing is open at the upstream any more. */
  over(): Promise<void>;
}

/** The agent's request that waits at present. */
interface Round {
  readonly call: Call;
  end(attempt: LinkAttempt): void;
}

export function openCall(parts: OpenCallParts): OpenCall {
  const { clock, declared } = parts;
  const patience = createPatience(clock, parts.timeouts);
  const controller = new Aborter();
  const questions = openQuestions(declared, parts.respond);
  let round: Round | undefined;
  let principal: Caller["principal"] | undefined;
  let parked: Parked | undefined;
  let outcome: LinkAttempt | undefined;
  let ending: { readonly fault: Fault; readonly detail: string } | undefined;
  let asked = false;
  let cancelCollecting: (() => void) | undefined;
  const waiting: (() => void)[] = [];

  function begin(call: Call, end: (attempt: LinkAttempt) => void): void {
    const onAbort = (): void => giveUp("cancelled", "the agent no longer waits");
    principal = call.caller.principal;
    round = {
      call,
      end(attempt) {
        round = undefined;
        patience.pause();
        cancelCollecting?.();
        cancelCollecting = undefined;
        call.signal.offAbort(onAbort);
        end(attempt);
      },
    };
    patience.begin(() => giveUp("timeout", "no answer came in time"));
    if (call.signal.aborted) onAbort();
    else call.signal.onAbort(onAbort);
  }

  function giveUp(fault: Fault, detail: string): void {
    ending ??= { fault, detail };
    controller.abort();
  }

  function settle(attempt: LinkAttempt): void {
    outcome = afterwards(attempt);
    parts.ended();
    for (const over of waiting) over();
    const left = questions.drain();
    for (const question of left) parts.leftOver(question, ending !== undefined);
    round?.end(outcome);
  }

  /** A bug of ours ends the agent's request, and what is open at the upstream. */
  function broke(error: unknown): void {
    round?.end(brokenAttempt(error));
    giveUp("cancelled", "the gateway failed to go on with it");
  }

  /** What became of it, as seen by an agent that may have been asked something meanwhile. */
  function afterwards(attempt: LinkAttempt): LinkAttempt {
    if (attempt.kind === "failed") {
      const known = ending && attempt.fault === "cancelled" ? { ...attempt, ...ending } : attempt;
      const ran = asked && known.delivery !== "partial" && known.delivery !== "answered";
      return ran ? { ...known, delivery: "sent_unknown" } : known;
    }
    const large = !round && sizeOf(attempt) > OPEN_CALL.maxWaitingResultBytes;
    const detail = `the answer came while nobody waited and is larger than ${OPEN_CALL.maxWaitingResultBytes} bytes`;
    return large ? failed({ fault: "too_large", delivery: "answered", detail }) : attempt;
  }

  function hear(message: Message): Room {
    try {
      if (message.kind === "request") take(message);
      else if (message.kind === "notification" && ASIDE.has(message.method)) parts.unclaimed(message);
      else if (message.kind === "notification") return notice(message.method, message.params ?? NOTHING);
    } catch (error) {
      broke(error);
    }
  }

  function notice(method: string, params: Payload): Room {
    if (method === "notifications/progress") patience.extend();
    const withdrawn = method === "notifications/cancelled" && params.raw("requestId");
    if (withdrawn) questions.withdraw(withdrawn);
    if (isNotice(method)) return round?.call.notify({ method, params });
  }

  function take(request: UpstreamRequest): void {
    if (request.method === "ping") refuseRequest(request, parts.respond);
    else if (questions.add(request)) {
      parts.asked();
      if (round) cancelCollecting ??= clock.after(OPEN_CALL.collectMs, resuming<unknown, void>(broke, same, park));
    }
  }

  function park(): void {
    cancelCollecting = undefined;
    if (!round || questions.size === 0) return;
    parked = parts.parking.park(parts.owner, open);
    if (!parked) {
      questions.refuse();
      return;
    }
    asked = true;
    round.end({ kind: "asks", questions: questions.payload(), ticket: parked.ticket, open: true });
  }

  /** What has no answer is asked again. */
  function proceed(call: Call): void {
    if (call.continues) questions.answer(call.continues);
    park();
  }

  const open: OpenCall = {
    hear,
    get principal() {
      return principal;
    },
    postponed: () => round?.call.postponed?.(),
    get waiting() {
      return round !== undefined;
    },
    start(first, done) {
      begin(first, done);
      const settled = resuming(broke, same, settle);
      try {
        parts.send(controller.signal, open, settled);
      } catch (error) {
        settled(brokenAttempt(error));
      }
    },
    over: () => (outcome ? Promise.resolve() : new Promise(resolve => waiting.push(resolve))),
    resume(call, end) {
      parked = undefined;
      begin(call, end);
      if (outcome) round?.end(outcome);
      else if (!call.signal.aborted) proceed(call);
    },
    abandon() {
      parked?.leave();
      if (round) giveUp("connection_lost", "the conversation with the upstream was ended");
      else giveUp("cancelled", "the agent did not come back");
    },
  };
  return open;
}

const same = (error: unknown): unknown => error;

const sizeOf = (attempt: LinkAttempt): number => {
  if (attempt.kind === "done") return attempt.result.size;
  return attempt.kind === "answered" ? attempt.error.size : 0;
};

const NOTHING = Payload.of({});
/** Whether a notification on the stream of an agent's request belongs to that request. */
export const isNotice = (method: string): boolean => NOTICES.has(method) || isVendors(method);
const NOTICES: ReadonlySet<string> = new Set(["notifications/progress", "notifications/message"]);
