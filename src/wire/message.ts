import type { Doubt } from "../core/doubts.ts";
import { isDigit } from "../core/json-tokens.ts";
import type { Member } from "../core/members.ts";
import { Payload } from "../core/payload.ts";
import { AmbiguousText, scanObject } from "../core/scan.ts";
import { ScanError, type ScanLimits } from "../core/scan-limits.ts";
import { isKnown } from "./methods.ts";

/** The JSON text of a JSON-RPC id: a string or an integer, kept exactly as the peer spelled it. */
export type RawId = Buffer;

/** A JSON-RPC 2.0 message, read as far as routing needs. https://www.jsonrpc.org/specification */
export type Message =
  | { readonly kind: "request"; readonly id: RawId; readonly method: string; readonly params: Payload | undefined }
  | { readonly kind: "notification"; readonly method: string; readonly params: Payload | undefined }
  | { readonly kind: "result"; readonly id: RawId; readonly result: Payload }
  | { readonly kind: "error"; readonly id: RawId | undefined; readonly error: Payload };

/** Why bytes are no message; `id` where it could be read. */
export interface Invalid {
  readonly kind: "invalid";
  readonly reason: "syntax" | "too_deep" | "too_many" | "shape";
  readonly message: string;
  readonly id?: RawId;
  /** It was meant for an answer to that id. */
  readonly isAnswer?: true;
}

/** What may stand around parameters, a result or an error. */
const SPARE_BYTES = 16 * 1024;

/**
 * Reads one message. `text` is not copied, and lives as long as what is kept of the message, unless most of it is nothing
 * that anybody reads: what a question or a result takes while it waits must be no more than its size.
 */
export function readMessage(text: Buffer, limits: ScanLimits): Message | Invalid {
  let span: Member;
  let doubts: readonly Doubt[] = NO_DOUBTS;
  try {
    span = scanObject(text, limits);
  } catch (error) {
    if (!(error instanceof ScanError)) throw error;
    if (!(error instanceof AmbiguousText)) return invalidText(error);
    span = error.span;
    doubts = error.doubts;
  }
  const envelope = new Payload(text, span);
  const message = classify(envelope);
  const doubt = doubts.length === 0 ? undefined : weighed(doubts, message);
  if (doubt) return ambiguous(doubt, message, { doubts, isAnswer: !envelope.given("method") });
  return message.kind !== "invalid" && text.length - sizeOf(message) > SPARE_BYTES ? copied(message) : message;
}

const NO_DOUBTS: readonly Doubt[] = [];

/** The first doubt that matters: what the parameters of a method of somebody's own mean is between those who know it. */
function weighed(doubts: readonly Doubt[], message: Message | Invalid): Doubt | undefined {
  const isForeign = (message.kind === "request" || message.kind === "notification") && !isKnown(message.method);
  if (!isForeign) return doubts[0];
  return doubts.find(
    ({ kind, member, section }) => kind === "duplicate" || member === "_meta" || !ONLY_WHERE_KNOWN.has(section.name),
  );
}

/** The sections whose members mean something with the methods of the protocol only. */
const ONLY_WHERE_KNOWN: ReadonlySet<string> = new Set([
  "params",
  "params.ref",
  "params.argument",
  "params.context",
  "an answer in params.inputResponses",
]);

/** Its id is told where there is no doubt about that. */
function ambiguous(
  { message: why }: Doubt,
  message: Message | Invalid,
  { doubts, isAnswer }: { doubts: readonly Doubt[]; isAnswer: boolean },
): Invalid {
  const invalid: Invalid = { kind: "invalid", reason: "shape", message: why };
  const isUnsure = doubts.some(({ section, member }) => section.name === "the message" && member === "id");
  if (isUnsure || !("id" in message) || message.id === undefined) return invalid;
  return { ...invalid, id: message.id, ...(isAnswer && { isAnswer }) };
}

/** Bytes of what a message carries. */
export function sizeOf(message: Message): number {
  if (message.kind === "result") return message.result.size;
  return (message.kind === "error" ? message.error : message.params)?.size ?? 0;
}

function copied(message: Message): Message {
  switch (message.kind) {
    case "request":
      return { ...message, id: Buffer.from(message.id), params: message.params?.detached() };
    case "notification":
      return { ...message, params: message.params?.detached() };
    case "result":
      return { ...message, id: Buffer.from(message.id), result: message.result.detached() };
    case "error":
      return { ...message, id: message.id && Buffer.from(message.id), error: message.error.detached() };
  }
}

export const invalidText = ({ reason, message }: ScanError): Invalid => ({
  kind: "invalid",
  reason: reason === "ambiguous" ? "shape" : reason,
  message,
});

/**
 * Many serialisers write every member of an envelope, `null` where there is nothing: such a member counts as absent, and
 * a result of `null` as an empty one.
 */
function classify(envelope: Payload): Message | Invalid {
  const rawId = envelope.raw("id");
  const id = rawId && (isId(rawId) || (!envelope.has("method") && isWholeFloat(rawId))) ? rawId : undefined;
  const invalid = (message: string): Invalid => ({
    ...{ kind: "invalid", reason: "shape", message },
    ...(id && (envelope.given("method") ? { id } : { id, isAnswer: true })),
  });
  if (!envelope.spells("jsonrpc", VERSION) && envelope.string("jsonrpc") !== "2.0")
    return invalid('"jsonrpc" must be "2.0"');
  if (envelope.given("method")) {
    const method = envelope.string("method");
    if (method === undefined) return invalid('"method" must be a string');
    const params = envelope.object("params");
    if (!params && envelope.given("params")) return invalid('"params" must be an object');
    if (envelope.given("result") || envelope.given("error")) return invalid("a request has neither result nor error");
    const isAnswered = envelope.given("id") || (rawId !== undefined && !method.startsWith("notifications/"));
    if (!isAnswered) return { kind: "notification", method, params };
    if (!id) return invalid('"id" must be a string or an integer');
    return { kind: "request", id, method, params };
  }
  const isError = envelope.given("error");
  if (isError ? envelope.given("result") : !envelope.has("result")) {
    return invalid("expected a method, a result or an error");
  }
  if (isError) {
    const error = envelope.object("error");
    return error ? { kind: "error", id, error } : invalid('"error" must be an object');
  }
  const result = envelope.given("result") ? envelope.object("result") : EMPTY;
  if (!result) return invalid('"result" must be an object');
  return id ? { kind: "result", id, result } : invalid('"id" must be a string or an integer');
}

const EMPTY = Payload.of({});
const VERSION = Buffer.from('"2.0"');

/** A string, or an integer that fits a double exactly in both directions. */
function isId(raw: Buffer): boolean {
  if (raw[0] === 0x22) return true;
  const first = raw[0] === 0x2d ? 1 : 0;
  if (raw.length > first + 16 || (raw[first] === 0x30 && raw.length > first + 1)) return false;
  for (let at = first; at < raw.length; at++) if (!isDigit(raw[at])) return false;
  return raw.length > first;
}

/** Peers that know one kind of number only answer `7.0` where 7 was asked. */
const isWholeFloat = (raw: Buffer): boolean => raw[0] !== 0x22 && numberOf(raw) !== undefined;

const WHOLE_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.0+)?$/;

/**
 * The number that an id stands for which was sent as a number, however the peer spelled it: `7`, `"7"` or `7.0`. Ids of
 * ours that are numbers are found by it in answers of peers that keep ids as text or as floats.
 */
export function numberOf(id: RawId): string | undefined {
  const text = id.toString("latin1");
  const bare = text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;
  if (bare.length > 20 || !WHOLE_NUMBER.test(bare)) return undefined;
  const value = Number(bare);
  return Number.isSafeInteger(value) ? String(value) : undefined;
}

const PLAIN_METHOD = /^[\w/-]{1,64}$/;
const HEAD = '{"jsonrpc":"2.0","id":';
const NOTIFICATION_HEAD = '{"jsonrpc":"2.0","method":';

/** A request as parts: params are not copied. */
export function requestParts(id: number, method: string, params: Payload): Buffer[] {
  const quoted = PLAIN_METHOD.test(method) ? `"${method}"` : JSON.stringify(method);
  return [Buffer.from(`${HEAD}${id},"method":${quoted},"params":`), ...params.parts, CLOSE];
}

export function notificationText(method: string, params?: Payload): Buffer {
  if (!params) return Buffer.from(`${NOTIFICATION_HEAD}${JSON.stringify(method)}}`);
  return Buffer.concat([Buffer.from(`${NOTIFICATION_HEAD}${JSON.stringify(method)},"params":`), params.bytes, CLOSE]);
}

export function resultParts(id: RawId, result: Payload): Buffer[] {
  return [RESULT_HEAD, id, RESULT_KEY, ...result.parts, CLOSE];
}

/** Without an id where none could be read. https://modelcontextprotocol.io/specification/2026-07-28/basic#error-responses */
export function errorText(id: RawId | undefined, error: Payload): Buffer {
  const head = id ? `${HEAD}${id.toString("utf8")},"error":` : '{"jsonrpc":"2.0","error":';
  return Buffer.concat([Buffer.from(head), error.bytes, CLOSE]);
}

const CLOSE = Buffer.from("}");
const RESULT_HEAD = Buffer.from(HEAD);
const RESULT_KEY = Buffer.from(',"result":');

/**
 * The same text on one line, for channels that frame by lines. Only white space between tokens can hold a line break
 * in well-formed JSON, so a blank may take its place.
 */
export function oneLine(text: Buffer): Buffer {
  if (!text.includes(0x0a) && !text.includes(0x0d)) return text;
  const line = Buffer.from(text);
  for (let at = 0; at < line.length; at++) if (line[at] === 0x0a || line[at] === 0x0d) line[at] = 0x20;
  return line;
}
