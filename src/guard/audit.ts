import { broken, type Call, type Handle, type Layer, type Noted, type Outcome } from "../core/call.ts";
import type { Failure } from "../core/failure.ts";
import { returning } from "../core/pass.ts";
import type { Payload } from "../core/payload.ts";
import type { Clock } from "../core/ports.ts";
import { type About, createStamps, isRound, member, rounded, traceOf, who } from "./log-lines.ts";
import type { Redacted, Redactor } from "./redact.ts";

/** Where audit lines go: one call per event, a text without line breaks. */
export interface LineSink {
  write(line: Redacted): void;
  /** Whether lines are being written; what must not go unlogged waits until they are. */
  readonly ready: boolean;
}

export interface AuditOptions {
  readonly log: LineSink;
  readonly redactor: Redactor;
  readonly clock: Clock;
  /** Whether params, and whether results, errors and questions, are logged as well. */
  readonly logRequests: boolean;
  readonly logResponses: boolean;
  /**
   * Whether a call that could not be logged is refused, and then nothing of it is: its line would be the first to go.
   * One that goes on with an earlier call is not: that one runs already, and its agent would be told that nothing was sent.
   */
  readonly blocks: boolean;
  /** How much of each is logged as it is, in bytes. */
  readonly maxBytes: number;
}

/** A layer that writes its lines a moment after the calls ended. */
export interface AuditLayer {
  (next: Handle): Handle;
  /** Writes what is still to be written. */
  flush(): void;
}

/** What of a call is kept until its line is written. */
interface Ended extends About {
  /** What its line before it was sent has, where there is one. */
  readonly id: string | undefined;
  readonly who: string | undefined;
  readonly upstream: string | undefined;
  readonly attempts: number;
  readonly outcome: "ok" | "tool_error" | "failed" | "asks";
  readonly reason: string | undefined;
  /** As it is, or as its line before it was sent has it. */
  readonly request: Payload | string | undefined;
  readonly response: Payload | undefined;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly ms: number;
  readonly mono: number;
  readonly wall: number;
  /** Whether bodies that belong here were let go because too many were waiting. */
  readonly omitted: boolean;
}

/** Bodies that wait for their line keep the messages they came in in memory. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;
const UNLOGGED: Outcome = { kind: "failed", failure: { kind: "unlogged" } };
const MAX_REASON = 1024;

/** Writes one line of JSON per call. Redacting never delays an answer: it happens after a turn of the event loop. */
export function audit(options: AuditOptions): AuditLayer {
  const { clock, log, logRequests, logResponses, blocks } = options;
  let waiting: Ended[] = [];
  let waitingBytes = 0;
  const stamp = createStamps();
  const flush = (): void => {
    const batch = waiting;
    waiting = [];
    waitingBytes = 0;
    for (const ended of batch) log.write(lineOf(ended, stamp(ended), options));
  };
  const note = (call: Call & { readonly noted: Noted }, outcome: Outcome, startedAt: number): void => {
    const answer = bodyOf(outcome);
    const { id, params, who } = call.noted;
    const request = params ?? (logRequests ? call.params : undefined);
    const response = logResponses ? answer : undefined;
    const bytes = sizeOf(request) + sizeOf(response);
    const omitted = waitingBytes + bytes > MAX_WAITING_BYTES;
    if (!omitted) waitingBytes += bytes;
    const failure = outcome.kind === "failed" ? outcome.failure : undefined;
    const known = outcome.route ?? (failure?.kind === "upstream" ? failure : undefined);
    const mono = clock.now();
    if (waiting.length === 0) clock.after(0, flush);
    waiting.push({
      agent: call.caller.agent,
      principal: call.caller.principal,
      method: call.method,
      target: call.target,
      round: isRound(call),
      trace: traceOf(call.params),
      upstream: known?.upstream,
      attempts: known?.attempts ?? 0,
      outcome: wordFor(outcome),
      reason: failure && reasonOf(failure),
      request: omitted ? undefined : request,
      response: omitted ? undefined : response,
      ...{ id, who },
      bytesIn: call.params.size,
      bytesOut: answer?.size ?? 0,
      ms: mono - startedAt,
      mono,
      wall: clock.wall(),
      omitted,
    });
  };
  const layer: Layer = next =>
    function audited(call, done) {
      if (blocks && !log.ready && !isRound(call)) return done(UNLOGGED);
      const startedAt = clock.now();
      const noting = { ...call, noted: { request: call.params, id: undefined, who: undefined, params: undefined } };
      const noted = returning(done, broken, (outcome: Outcome) => {
        note(noting, outcome, startedAt);
        return outcome;
      });
      next(noting, noted);
    };
  return Object.assign(layer, { flush });
}

const sizeOf = (body: Payload | string | undefined): number =>
  (typeof body === "string" ? body.length : body?.size) ?? 0;

function lineOf(ended: Ended, time: string, { redactor, maxBytes }: AuditOptions): Redacted {
  const json = (key: string, value: Payload | string | undefined): string => {
    if (value === undefined) return "";
    return `,"${key}":${typeof value === "string" ? value : redactor.json(value.bytes, { maxBytes, isScanned: true })}`;
  };
  const reason = ended.reason === undefined ? "" : `,"reason":${redactor.quoted(ended.reason, MAX_REASON)}`;
  const id = ended.id === undefined ? "" : `,"id":"${ended.id}"`;
  const about = `${id}${ended.who ?? who(ended, redactor)}${member("upstream", ended.upstream, redactor)}`;
  return `{${time},"event":"call"${about},"attempts":${ended.attempts},"outcome":"${ended.outcome}"${reason},"ms":${rounded(
    ended.ms,
  )}${json("request", ended.request)}${json("response", ended.response)}${
    ended.omitted ? ',"omitted":true' : ""
  },"bytesIn":${ended.bytesIn},"bytesOut":${ended.bytesOut}}` as Redacted;
}

function bodyOf(outcome: Outcome): Payload | undefined {
  if (outcome.kind === "done") return outcome.result;
  if (outcome.kind === "asks") return outcome.questions;
  const { failure } = outcome;
  return failure.kind === "answered" || failure.kind === "quoted" ? failure.error : undefined;
}

function wordFor(outcome: Outcome): Ended["outcome"] {
  if (outcome.kind !== "done") return outcome.kind;
  return isTrue(outcome.result.raw("isError")) ? "tool_error" : "ok";
}

const isTrue = (raw: Buffer | undefined): boolean => raw?.length === 4 && raw[0] === 0x74;

type ReasonTable = { readonly [Kind in Failure["kind"]]: (failure: Extract<Failure, { kind: Kind }>) => string };

/** Why a call failed, beginning with a word that one can count by. */
const REASONS = {
  answered: ({ error }) => `answered ${error.raw("code")?.toString("latin1") ?? ""}`.trimEnd(),
  quoted: ({ error }) => `quoted ${error.raw("code")?.toString("latin1") ?? ""}`.trimEnd(),
  upstream: ({ fault, delivery, detail }) => `${fault} (${delivery}): ${detail}`,
  unknown_name: () => "unknown_name",
  ambiguous_name: () => "ambiguous_name",
  ambiguous: () => "ambiguous",
  unknown_method: () => "unknown_method",
  invalid: ({ message }) => `invalid: ${message}`,
  missing_capability: ({ required }) => `missing_capability: ${JSON.stringify(required)}`,
  rate_limited: ({ retryAfterMs }) => `rate_limited: again in ${retryAfterMs} ms`,
  too_many_requests: () => "rate_limited",
  crowded: () => "crowded",
  overloaded: () => "overloaded",
  unlogged: () => "unlogged",
  draining: () => "draining",
  cancelled: () => "cancelled",
  internal: ({ detail }) => `internal: ${detail}`,
} satisfies ReasonTable;

const reasonOf = (failure: Failure): string => (REASONS[failure.kind] as (failure: Failure) => string)(failure);
