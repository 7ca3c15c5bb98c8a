import type { AttemptFailure, Failure } from "../../core/failure.ts";
import { namingOf } from "../../core/methods.ts";
import type { UpstreamName } from "../../core/names.ts";
import type { Payload } from "../../core/payload.ts";
import type { Attempt } from "../../core/route.ts";
import type { Asking, Objection, UpstreamEra } from "../../wire/era.ts";
import { withoutOwnMeta } from "../../wire/own-words.ts";
import { QUESTIONS } from "../../wire/questions.ts";
import { kindOfError, plainError } from "../../wire/upstream-errors.ts";
import type { Doubt, Reply } from "../channel/channel.ts";
import { stateTicket } from "./tickets.ts";

/** Waits for as long as it takes. */
export const NO_TIMEOUT_MS: number = Number.POSITIVE_INFINITY;

/** How long a call may take. Progress starts the first anew, never beyond the second. */
export interface Timeouts {
  readonly timeoutMs: number;
  readonly maxTimeoutMs: number;
}

/** What a call on one link brought; an objection or a doubt is between the upstream and us. */
export type LinkAttempt =
  | Attempt
  | { readonly kind: "objected"; readonly to: Objection; readonly detail: string }
  | Doubted;

/** It was refused, perhaps because the upstream does not know the conversation any more; else `attempt` is what it means. */
export interface Doubted {
  readonly kind: "doubted";
  readonly doubt: Doubt;
  /** The status is the one that stands for a session that is gone. */
  readonly isSaid: boolean;
  readonly attempt: Attempt;
}

export const failed = (failure: AttemptFailure): Attempt & { kind: "failed" } => ({ kind: "failed", ...failure });

export const protocolError = (detail: string): Attempt & { kind: "failed" } =>
  failed({ fault: "protocol_error", delivery: "refused", detail });

/** The call that a reply is for. */
export interface Replied {
  readonly method: string;
  /** What the agent can be asked for. */
  readonly capabilities: Payload;
}

/** Reads a reply as what it means for the call. */
export function attemptOf(reply: Reply, era: UpstreamEra, replied: Replied): LinkAttempt {
  const attempt = plainAttemptOf(reply, era, replied);
  if (reply.kind === "result" || reply.doubt === undefined || attempt.kind === "objected") return attempt;
  return { kind: "doubted", doubt: reply.doubt, isSaid: reply.status === SESSION_GONE, attempt };
}

/** https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#session-management */
const SESSION_GONE = 404;

type Plain = Exclude<LinkAttempt, Doubted>;

function plainAttemptOf(reply: Reply, era: UpstreamEra, { method, capabilities }: Replied): Plain {
  switch (reply.kind) {
    case "failed": {
      const { doubt: _, ...failure } = reply;
      return failure;
    }
    case "result": {
      const asking = era.asks(reply.result);
      if (asking) return asksTooMuch(asking) ? failed(TOO_MANY) : asked(asking, era);
      // What an extension's own methods give is between those who know it.
      if (era.knows(reply.result) || namingOf(method) === undefined) {
        return { kind: "done", result: withoutOwnMeta(reply.result) };
      }
      return failed({
        fault: "protocol_error",
        delivery: "answered",
        detail: "its result is of an unknown type, or asks for nothing",
      });
    }
    case "error":
      return errorAttempt(reply.error, era, capabilities);
  }
}

function errorAttempt(error: Payload, era: UpstreamEra, capabilities: Payload): Plain {
  const to = era.objection(error);
  if (to) return { kind: "objected", to, detail: `the upstream refused our request: ${error.string("message") ?? to}` };
  const told = toldOf(error);
  const demand = told.kind === "answered" ? era.demands(told.error, capabilities) : undefined;
  if (!demand) return told;
  return demand.kind === "refused"
    ? { kind: "answered", error: demand.error.error }
    : asked({ questions: demand.questions, state: undefined }, era);
}

type Told = { readonly kind: "answered" | "quoted"; readonly error: Payload };

/** What an upstream's error is to the agent. */
const toldOf = (error: Payload): Told =>
  kindOfError(error) === "plain" ? { kind: "answered", error: plainError(error) } : { kind: "quoted", error };

/** An error that an upstream gave to a request of our own, for the agent behind it. */
export const failureToTell = (error: Payload, upstream: UpstreamName): Failure => ({
  ...toldOf(error),
  ...{ upstream, attempts: 1 },
});

/** Each of them is read, and put into the terms of the agent. */
const asksTooMuch = ({ questions }: Asking): boolean =>
  questions.size > QUESTIONS.maxBytes || [...questions.keys()].length > QUESTIONS.max;
const TOO_MANY: AttemptFailure = {
  ...{ fault: "protocol_error", delivery: "answered" },
  detail: `it asks more than ${QUESTIONS.max} questions at once, or more than ${QUESTIONS.maxBytes} bytes of them`,
};

const asked = ({ questions, state }: Asking, era: UpstreamEra): Attempt => ({
  ...{ kind: "asks", questions },
  ticket: stateTicket(state, era.declaresAtOpening),
});
