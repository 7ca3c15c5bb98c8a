import type { Failure, Fault } from "../core/failure.ts";
import { Payload } from "../core/payload.ts";
import { codeOf, isOurs, kindOfError, repeatable } from "./upstream-errors.ts";

/**
 * The one place where a failure becomes a JSON-RPC error. Codes of our own lie outside the range that JSON-RPC and the
 * protocol reserve, so that nobody takes them for an upstream's.
 * https://modelcontextprotocol.io/specification/2026-07-28/basic#error-codes
 */
export const CODES = {
  parseError: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internalError: -32603,
  headerMismatch: -32020,
  missingCapability: -32021,
  unsupportedVersion: -32022,
  upstreamUnavailable: -31001,
  upstreamTimeout: -31002,
  outcomeUnknown: -31003,
  rateLimited: -31004,
  overloaded: -31005,
  draining: -31006,
  upstreamProtocolError: -31007,
  responseTooLarge: -31008,
  upstreamAuthRequired: -31009,
  /** Kept for calls that a policy does not allow; there are none yet. */
  policyDenied: -31010,
  requestTooLarge: -31011,
} as const;

/** An error as the wire carries it. */
export interface WireError {
  readonly error: Payload;
  readonly code: number;
  readonly retryAfterMs?: number;
}

type Reason = { readonly code: number; readonly reason: string; readonly message: string };

/** A fault whose request may have had an effect reads differently from one that surely had none. */
const BEFORE_EFFECT: Record<Fault, Reason> = {
  unreachable: unavailable(),
  misconfigured: unavailable(),
  timeout: { code: CODES.upstreamTimeout, reason: "upstream_timeout", message: "The upstream did not answer in time" },
  connection_lost: unavailable(),
  protocol_error: protocolError(),
  too_large: tooLarge(),
  no_room: {
    code: CODES.responseTooLarge,
    reason: "no_room",
    message: "The upstream's answer came while too many large ones were coming in, and was not taken",
  },
  auth_required: {
    code: CODES.upstreamAuthRequired,
    reason: "upstream_auth_required",
    message: "The upstream requires authentication that the gateway does not have",
  },
  rate_limited: { code: CODES.rateLimited, reason: "upstream_rate_limited", message: "The upstream limits its rate" },
  bad_response: unavailable(),
  rejected: unavailable(),
  session_lost: unavailable(),
  overloaded: { code: CODES.overloaded, reason: "overloaded", message: "The upstream takes no more requests now" },
  stopped: draining("The gateway is shutting down"),
  cancelled: { code: CODES.outcomeUnknown, reason: "cancelled", message: "The request was cancelled" },
};

const AFTER_SENDING: Record<Fault, Reason> = {
  ...BEFORE_EFFECT,
  unreachable: unknownOutcome(),
  misconfigured: unknownOutcome(),
  connection_lost: unknownOutcome(),
  bad_response: unknownOutcome(),
  rejected: unknownOutcome(),
  session_lost: unknownOutcome(),
  overloaded: unknownOutcome(),
  stopped: draining(
    "The gateway was stopped after the request was sent; it may or may not have run. Do not repeat it blindly",
  ),
};

function unavailable(): Reason {
  return { code: CODES.upstreamUnavailable, reason: "upstream_unavailable", message: "Failed to connect to upstream" };
}
function unknownOutcome(): Reason {
  return {
    code: CODES.outcomeUnknown,
    reason: "outcome_unknown",
    message: "The upstream failed after the request was sent; it may or may not have run. Do not repeat it blindly",
  };
}
function draining(message: string): Reason {
  return { code: CODES.draining, reason: "draining", message };
}
function protocolError(): Reason {
  return {
    code: CODES.upstreamProtocolError,
    reason: "upstream_protocol_error",
    message: "The upstream's answer is not valid",
  };
}
function tooLarge(): Reason {
  return { code: CODES.responseTooLarge, reason: "response_too_large", message: "The upstream's answer is too large" };
}

/** An error object of our own. */
export function wireError(code: number, message: string, data?: object): WireError {
  return { code, error: Payload.of(data ? { code, message, data } : { code, message }) };
}

export function errorOf(failure: Failure): WireError {
  switch (failure.kind) {
    case "answered":
      return { code: codeOf(failure.error) ?? CODES.internalError, error: failure.error };
    case "quoted":
      return quoted(failure);
    case "upstream":
      return upstreamError(failure);
    case "unknown_name":
      return wireError(
        CODES.invalidParams,
        unknownName(failure),
        failure.what === "resource" ? { uri: failure.name } : undefined,
      );
    case "ambiguous_name":
      return wireError(
        CODES.invalidParams,
        `Several upstreams have a ${failure.what} named "${failure.name}"; call one of: ${failure.choices.join(", ")}`,
        { choices: failure.choices },
      );
    case "unknown_method":
      return wireError(CODES.methodNotFound, `Method not found: ${failure.method}`);
    case "invalid":
      return wireError(CODES.invalidParams, failure.message);
    case "ambiguous":
      return wireError(CODES.invalidRequest, failure.message);
    case "missing_capability":
      return wireError(CODES.missingCapability, "Missing required client capability", {
        requiredCapabilities: failure.required,
      });
    case "rate_limited":
      return limited(CODES.rateLimited, "rate_limited", {
        message: `Rate limit exceeded: ${failure.limit} calls a minute for this agent and tool; try again in ${seconds(failure.retryAfterMs)}`,
        retryAfterMs: failure.retryAfterMs,
      });
    case "too_many_requests":
      return limited(CODES.rateLimited, "rate_limited", {
        message: `Rate limit exceeded: ${LIMIT_OF[failure.of](failure.limit)}; try again in ${seconds(failure.retryAfterMs)}`,
        retryAfterMs: failure.retryAfterMs,
      });
    case "overloaded":
      return limited(CODES.overloaded, "overloaded", {
        message: "The gateway takes no more requests now",
        retryAfterMs: 1000,
      });
    case "crowded":
      return limited(CODES.overloaded, "crowded", {
        message:
          "The gateway keeps as much for agents as it can: unsubscribe, or end sessions and streams that are not needed, or try again",
        retryAfterMs: 5000,
      });
    case "unlogged":
      return limited(CODES.overloaded, "log_unavailable", {
        message: "The gateway cannot write its log and takes no calls until it can",
        retryAfterMs: 5000,
      });
    case "draining":
      return limited(CODES.draining, "draining", { message: "The gateway is shutting down", retryAfterMs: 1000 });
    case "cancelled":
      return gatewayError(BEFORE_EFFECT.cancelled, { retryable: false });
    case "internal":
      return wireError(CODES.internalError, "The gateway failed to handle this request; its log says why");
  }
}

const LIMIT_OF = {
  agent: (limit: number) => `${limit} requests a minute that are no tool calls for this agent`,
  address: (limit: number) => `${limit} new sessions a minute for this address`,
} as const;

const seconds = (ms: number): string => `${Math.max(1, Math.ceil(ms / 1000))} s`;

function unknownName(failure: Extract<Failure, { kind: "unknown_name" }>): string {
  if (failure.what === "resource") return `Resource not found: ${failure.name}`;
  const hint = failure.nearest.length > 0 ? `; did you mean ${failure.nearest.join(", ")}?` : "";
  return `Unknown ${failure.what}: ${failure.name}${hint}`;
}

function upstreamError(failure: Extract<Failure, { kind: "upstream" }>): WireError {
  const sure = failure.delivery === "not_sent" || failure.delivery === "refused";
  const usual = (sure ? BEFORE_EFFECT : AFTER_SENDING)[failure.fault];
  const reason = failure.bound && usual.reason === OWNER_DOWN.instead ? { ...usual, reason: OWNER_DOWN.reason } : usual;
  return gatewayError(
    { ...reason, message: `${reason.message} (${failure.upstream})` },
    {
      upstream: failure.upstream,
      attempt: failure.attempts,
      delivery: DELIVERY[failure.delivery],
      retryable: sure ? !HOPELESS.has(failure.fault) : PASSING.has(failure.fault) && failure.replaySafe === true,
      ...(failure.retryAfterMs !== undefined && { retryAfterMs: failure.retryAfterMs }),
    },
  );
}

/**
 * Agents act on codes and facts of ours. Those of somebody else, such as a gateway further back, come inside an error that
 * says whose they are, as does what is no proper error; any other code stays what it is.
 */
function quoted({ error, upstream, attempts }: Extract<Failure, { kind: "quoted" }>): WireError {
  const code = codeOf(error);
  const said = (error.string("message") ?? "").slice(0, MAX_SAID);
  const reason: Reason =
    code === undefined || kindOfError(error) === "malformed"
      ? { ...protocolError(), message: `${protocolError().message} (${upstream})` }
      : {
          code: isOurs(code) ? CODES.upstreamProtocolError : code,
          reason: "upstream_error",
          message: `${upstream} answered with an error: ${said}`,
        };
  const facts = { upstream, attempt: attempts, delivery: DELIVERY.answered, retryable: false };
  const own = gatewayError(reason, facts);
  const quote = repeatable(error);
  const data = own.error.object("data");
  return quote && data ? { ...own, error: own.error.with({ data: data.with({ upstream: quote }).bytes }) } : own;
}

const MAX_SAID = 1_000;

/** The same request would be refused again. */
const HOPELESS: ReadonlySet<Fault> = new Set(["auth_required", "protocol_error", "too_large"]);
/** It may go well the next time; whether it may be repeated depends on whether it does harm. */
const PASSING: ReadonlySet<Fault> = new Set(["timeout", "no_room"]);
/** Nobody but the upstream that cannot be reached knows what the request is about. */
const OWNER_DOWN = { instead: "upstream_unavailable", reason: "owner_down" } as const;

const DELIVERY = {
  not_sent: "not_sent",
  refused: "refused",
  sent_unknown: "unknown",
  partial: "unknown",
  answered: "answered",
} as const;

/** `error.data.gateway`: what an agent may act on. */
interface GatewayFacts {
  readonly retryable: boolean;
  readonly retryAfterMs?: number;
  readonly upstream?: string;
  readonly attempt?: number;
  readonly delivery?: string;
}

function gatewayError(reason: Reason, facts: GatewayFacts): WireError {
  const error = wireError(reason.code, reason.message, { gateway: { reason: reason.reason, ...facts } });
  return facts.retryAfterMs === undefined ? error : { ...error, retryAfterMs: facts.retryAfterMs };
}

function limited(code: number, reason: string, facts: { message: string; retryAfterMs: number }): WireError {
  return gatewayError({ code, reason, message: facts.message }, { retryable: true, retryAfterMs: facts.retryAfterMs });
}
