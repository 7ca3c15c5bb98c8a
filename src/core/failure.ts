import type { UpstreamName } from "./names.ts";
import type { Payload } from "./payload.ts";

/**
 * How far an attempt got, which alone decides whether it may be made again.
 *
 * - `not_sent`: nothing left us.
 * - `refused`: the upstream said, before doing work, that it would not.
 * - `sent_unknown`: it was sent, and nobody knows what became of it.
 * - `partial`: as before, and progress or a log line has already reached the agent.
 * - `answered`: a response with the right id came back.
 */
export type Delivery = "not_sent" | "refused" | "sent_unknown" | "partial" | "answered";

/** What went wrong between us and an upstream. */
export type Fault =
  | "unreachable"
  /** What the configuration names cannot be used, so that trying again is of no use before somebody mends it. */
  | "misconfigured"
  | "timeout"
  | "connection_lost"
  | "protocol_error"
  | "too_large"
  /** The answer came, and so much was coming in that there was no room to take it. */
  | "no_room"
  | "auth_required"
  | "rate_limited"
  /** It could not deal with the request, or its answer makes no sense. */
  | "bad_response"
  /** It will not have the request, for reasons that lie in the request. */
  | "rejected"
  | "session_lost"
  | "overloaded"
  /** We ended the conversation: the gateway stops, or the upstream was removed. */
  | "stopped"
  | "cancelled";

/** One attempt that brought no answer. `detail` is for logs and `status`, never for agents. */
export interface AttemptFailure {
  readonly fault: Fault;
  readonly delivery: Delivery;
  readonly detail: string;
  readonly retryAfterMs?: number;
}

/** Why a call failed, as facts. How that looks on the wire is decided in one table (`wire/rpc-errors.ts`). */
export type Failure =
  /** The upstream's own JSON-RPC error object, passed on as it is. */
  | { readonly kind: "answered"; readonly error: Payload }
  /** The upstream's own error, which is no proper one or speaks as only the gateway does: not passed on as it is. */
  | { readonly kind: "quoted"; readonly error: Payload; readonly upstream: UpstreamName; readonly attempts: number }
  /** No attempt brought an answer. */
  | ({
      readonly kind: "upstream";
      readonly upstream: UpstreamName;
      readonly attempts: number;
      /** Whether sending it again is known to do no harm, whatever became of it. */
      readonly replaySafe?: boolean;
      /** Whether it goes on with what this upstream alone knows, so that nobody else can take it. */
      readonly bound?: boolean;
    } & AttemptFailure)
  /** No such tool, prompt, resource or method in this agent's view. */
  | { readonly kind: "unknown_name"; readonly what: string; readonly name: string; readonly nearest: readonly string[] }
  /** A bare name that several upstreams hold. */
  | {
      readonly kind: "ambiguous_name";
      readonly what: string;
      readonly name: string;
      readonly choices: readonly string[];
    }
  | { readonly kind: "unknown_method"; readonly method: string }
  | { readonly kind: "invalid"; readonly message: string }
  /** Readers could differ in what the request says. */
  | { readonly kind: "ambiguous"; readonly message: string }
  /** The agent has not declared, for this request, what the request needs. */
  | { readonly kind: "missing_capability"; readonly required: object }
  | { readonly kind: "rate_limited"; readonly retryAfterMs: number; readonly limit: number }
  /** What is no tool call has a limit of its own, of one agent or, for new sessions, of one address. */
  | {
      readonly kind: "too_many_requests";
      readonly retryAfterMs: number;
      readonly limit: number;
      readonly of: "agent" | "address";
    }
  | { readonly kind: "overloaded" }
  /** Agents make us keep as much as they may, and this one much of it. */
  | { readonly kind: "crowded" }
  /** The log cannot be written, and the operator wants no call that is not in it. */
  | { readonly kind: "unlogged" }
  | { readonly kind: "draining" }
  | { readonly kind: "cancelled" }
  /** A bug of ours; the text goes to the log, and `cause` to whoever runs the gateway. */
  | { readonly kind: "internal"; readonly detail: string; readonly cause?: unknown };
