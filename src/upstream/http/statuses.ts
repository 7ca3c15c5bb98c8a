import type { AttemptFailure } from "../../core/failure.ts";
import type { Doubt } from "../channel/channel.ts";
import { failure } from "./faults.ts";

/** An HTTP reply's head. Header names are in lower case. */
export interface ReplyHead {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** How large the body is, where the head says so. */
  readonly bytes?: number | undefined;
  /** Why a redirect was not followed, and where it leads. */
  readonly redirect?: string;
}

const MAX_RETRY_AFTER_MS = 300_000;

/** The header's value if it occurs exactly once. */
export function header(head: ReplyHead, name: string): string | undefined {
  const value = head.headers[name];
  return typeof value === "string" ? value : undefined;
}

/** `application/json-rpc`, `text/json`, `application/problem+json`: what they hold is read in the same way. */
const JSON_TYPE = /^(?:application|text)\/(?:[^;,]+\+)?json(?:-?rpc|request)?$/;

/** The media type in lower case, without parameters; empty where there is none. Every kind of JSON is one. */
export function mediaType(head: ReplyHead): string {
  const value = [head.headers["content-type"] ?? ""].flat()[0] ?? "";
  if (value === "application/json") return value;
  // Two lines of the same are joined by some servers and proxies.
  const type = (value.split(/[;,]/, 1)[0] ?? "").trim().toLowerCase();
  if (JSON_TYPE.test(type)) return "application/json";
  return /^[a-z0-9!#$&^_.+/-]{0,100}$/.test(type) ? type : "an unreadable content type";
}

export function isEventStream(head: ReplyHead): boolean {
  return head.status === 200 && mediaType(head) === "text/event-stream";
}

/** Statuses that mean the same whatever the body says. `undefined` for all others. */
export function faultOfStatus(head: ReplyHead, wallMs: number): AttemptFailure | undefined {
  const { status } = head;
  if (status >= 300 && status < 400) {
    // These two ask for the same request elsewhere; the others may say that it was done, and where to look.
    const delivery = status === 307 || status === 308 ? "refused" : "sent_unknown";
    return failure("protocol_error", delivery, head.redirect ?? `the upstream redirects (HTTP ${status})`);
  }
  if (status === 401) return failure("auth_required", "refused", "the upstream wants credentials (HTTP 401)");
  if (status === 403) return failure("auth_required", "refused", forbidden(head));
  const wait = retryAfterMs(header(head, "retry-after"), wallMs);
  if (status === 429) {
    const refused = failure("rate_limited", "refused", "the upstream is limiting our rate (HTTP 429)");
    return wait === undefined ? refused : { ...refused, retryAfterMs: wait };
  }
  if (status === 503 && wait !== undefined) {
    return { ...failure("overloaded", "refused", "the upstream is overloaded (HTTP 503)"), retryAfterMs: wait };
  }
  return undefined;
}

/**
 * Statuses that are decided before anything is done for a request: it is malformed, leads nowhere or is not acceptable.
 * Any other may come from an application that had begun, or from whatever stands between, which had passed it on.
 */
const BEFORE_WORK: ReadonlySet<number> = new Set([
  400, 402, 404, 405, 406, 410, 411, 413, 414, 415, 417, 421, 425, 426, 428, 431,
]);

/** What a proxy says that does not reach the server; a server that is busy or asks to wait has not forgotten anybody. */
const OF_ANOTHER: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** What an error status says of the session that the request carried, if anything. */
export function doubtOf(status: number): Doubt | undefined {
  if (status < 400 || OF_ANOTHER.has(status)) return undefined;
  return BEFORE_WORK.has(status) || UNAUTHORIZED.has(status) ? "undone" : "unknown";
}

/** Whether a status shows that the server itself is alive. */
export const isOfServer = (status: number | undefined): boolean => status !== undefined && !PROXIES.has(status);
const PROXIES: ReadonlySet<number> = new Set([502, 503, 504]);
/** Some servers say so of a session that they do not know. */
const UNAUTHORIZED: ReadonlySet<number> = new Set([401, 403]);

/** What an error status means that came without a JSON-RPC error. */
export function faultOfBareStatus(status: number, hadSession: boolean): AttemptFailure {
  if (status === 404 && hadSession) {
    return failure("session_lost", "refused", "the upstream no longer knows our session (HTTP 404)");
  }
  const detail = `the upstream answered HTTP ${status} without a JSON-RPC error`;
  if (status >= 500) return failure("bad_response", "sent_unknown", detail);
  return failure("rejected", BEFORE_WORK.has(status) ? "refused" : "sent_unknown", detail);
}

/** `Retry-After` in seconds or as a date. https://www.rfc-editor.org/rfc/rfc9110#field.retry-after */
export function retryAfterMs(value: string | undefined, wallMs: number): number | undefined {
  if (value === undefined) return undefined;
  const text = value.trim();
  const waitMs = /^\d{1,12}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - wallMs;
  if (Number.isNaN(waitMs)) return undefined;
  return Math.min(Math.max(waitMs, 0), MAX_RETRY_AFTER_MS);
}

/** https://www.rfc-editor.org/rfc/rfc6750#section-3.1 */
function forbidden(head: ReplyHead): string {
  const challenge = header(head, "www-authenticate") ?? "";
  const scope = /\bscope="([\x21\x23-\x5b\x5d-\x7e ]{1,200})"/.exec(challenge)?.[1];
  return scope
    ? `the upstream wants credentials with the scope ${scope} (HTTP 403)`
    : "the upstream does not accept our credentials (HTTP 403)";
}
