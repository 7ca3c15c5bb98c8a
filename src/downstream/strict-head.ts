import type { IncomingHttpHeaders } from "node:http";
import { MAX_BODY_BYTES } from "./body.ts";
import type { HeadMemo } from "./inbound.ts";

/** The head of a plain POST. */
export interface StrictHead {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  /** How long the body is that follows. */
  readonly bodyBytes: number;
  readonly memo: HeadMemo;
}

/** `more`: what is there so far may become one. `other`: it is none, or it could be understood in more than one way. */
export type HeadReading =
  | { readonly kind: "head"; readonly head: StrictHead /** Where the body begins. */; readonly end: number }
  | { readonly kind: "more" }
  | { readonly kind: "other" };

/** Longer ones are rare, and are for `node:http`, which counts their bytes in its own way. */
const MAX_HEAD_BYTES = 8 * 1024;
const MAX_HEADERS = 100;
const BLANK_LINE = Buffer.from("\r\n\r\n");
const REQUEST_LINE = /^POST (\/[\w\-.~%!$&'()*+,;=:@/?]*) HTTP\/1\.1$/;
const HEADER_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[\t ]*((?:[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?)?)[\t ]*$/;
/** No sign, no leading zero, and few enough digits to be a number. */
const LENGTH = /^(?:0|[1-9]\d{0,8})$/;
/** `node:http` does not take all blanks around a length. */
const LENGTH_LINE = /^[^:]+: ?\d+$/;
const LENGTH_LINE_SO_FAR = /^[^:]+: ?\d*\r?$/;
const LENGTH_NAME = /^content-length:/i;
const METHOD = "POST ";
const VERSION = " HTTP/1.1\r";
/** What the beginning of a line looks like that may still become one of those above. */
const PATH_SO_FAR = /^POST \/[\w\-.~%!$&'()*+,;=:@/?]*/;
const HEADER_LINE_SO_FAR = /^(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]*|[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e]*\r?|\r)$/;

/** They change what the other headers mean, or where the request ends. */
const NOT_PLAIN: ReadonlySet<string> = new Set([
  ...["transfer-encoding", "trailer", "te", "upgrade", "http2-settings", "expect"],
  ...["proxy-connection", "content-encoding", "__proto__"],
]);
const KEPT = /^keep-alive$/i;

const MORE: HeadReading = { kind: "more" };
const OTHER: HeadReading = { kind: "other" };

/**
 * Reads the heads on one connection: those of HTTP/1.1 POSTs with one length, each header once and nothing but printable
 * ASCII. Whatever is not exactly that is left to `node:http`, so that there is no difference in what is understood.
 * https://www.rfc-editor.org/rfc/rfc9112
 */
export class StrictHeads {
  #known: Known | undefined;

  read(bytes: Buffer, at: number): HeadReading {
    return this.#repeated(bytes, at) ?? this.#anew(bytes, at);
  }

  /** Most agents send the same head again and again, but for the length. */
  #repeated(bytes: Buffer, at: number): HeadReading | undefined {
    const known = this.#known;
    if (!known) return undefined;
    const { text, lengthAt, lengthEnd, head } = known;
    if (bytes.length - at < lengthEnd) return undefined;
    if (bytes.compare(text, 0, lengthEnd, at, at + lengthEnd) === 0) {
      const end = at + text.length;
      const isSame = end <= bytes.length && bytes.compare(text, lengthEnd, text.length, at + lengthEnd, end) === 0;
      if (isSame) return { kind: "head", head, end };
    }
    if (bytes.compare(text, 0, lengthAt, at, at + lengthAt) !== 0) return undefined;
    let digits = at + lengthAt;
    while (isDigit(bytes[digits])) digits++;
    const end = digits + text.length - lengthEnd;
    if (end > bytes.length || bytes.compare(text, lengthEnd, text.length, digits, end) !== 0) return undefined;
    const length = bytes.toString("latin1", at + lengthAt, digits);
    if (!isPlainLength(length)) return undefined;
    const headers = { ...head.headers, "content-length": length };
    const rawHeaders = head.rawHeaders.with(known.lengthIndex, length);
    this.#known = {
      ...known,
      text: Buffer.from(bytes.subarray(at, end)),
      lengthEnd: digits - at,
      head: { ...head, headers, rawHeaders, bodyBytes: Number(length) },
    };
    return { kind: "head", head: this.#known.head, end };
  }

  #anew(bytes: Buffer, at: number): HeadReading {
    const blank = bytes.indexOf(BLANK_LINE, at);
    const end = blank < 0 ? bytes.length : blank;
    if (end - at > MAX_HEAD_BYTES) return OTHER;
    if (blank < 0) return mayBecomeHead(bytes.toString("latin1", at, end)) ? MORE : OTHER;
    const [requestLine = "", ...lines] = bytes.toString("latin1", at, end).split("\r\n");
    const url = REQUEST_LINE.exec(requestLine)?.[1];
    const fields = url === undefined ? undefined : fieldsOf(lines);
    if (url === undefined || !fields) return OTHER;
    const { host, "content-length": length } = fields.headers;
    if (!host || length === undefined) return OTHER;
    const text = Buffer.from(bytes.subarray(at, blank + BLANK_LINE.length));
    const head: StrictHead = {
      ...fields,
      url,
      bodyBytes: Number(length),
      memo: { verdict: undefined },
    };
    this.#known = { text, head, ...placeOfLength(requestLine, lines) };
    return { kind: "head", head, end: at + text.length };
  }
}

/** A head, and where its length stands in it. */
interface Known {
  readonly text: Buffer;
  readonly head: StrictHead;
  readonly lengthAt: number;
  readonly lengthEnd: number;
  /** In `rawHeaders`. */
  readonly lengthIndex: number;
}

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x30 && byte <= 0x39;
const isPlainLength = (text: string): boolean => LENGTH.test(text) && Number(text) <= MAX_BODY_BYTES;

/** `undefined` where one is not plain. */
function fieldsOf(lines: readonly string[]): Pick<StrictHead, "headers" | "rawHeaders"> | undefined {
  if (lines.length > MAX_HEADERS) return undefined;
  const headers: Record<string, string> = {};
  const rawHeaders: string[] = [];
  for (const line of lines) {
    const [, name, value] = HEADER_LINE.exec(line) ?? [];
    if (name === undefined || value === undefined) return undefined;
    const key = name.toLowerCase();
    if (!isNewAndPlain(key, headers)) return undefined;
    if (key === "content-length" && !(LENGTH_LINE.test(line) && isPlainLength(value))) return undefined;
    if (key === "connection" && !KEPT.test(value)) return undefined;
    headers[key] = value;
    rawHeaders.push(name, value);
  }
  return { headers, rawHeaders };
}

function placeOfLength(
  requestLine: string,
  lines: readonly string[],
): Pick<Known, "lengthAt" | "lengthEnd" | "lengthIndex"> {
  const index = lines.findIndex(line => LENGTH_NAME.test(line));
  const line = lines[index] ?? "";
  const [digits = ""] = /\d+/.exec(line) ?? [];
  const before = [requestLine, ...lines.slice(0, index), ""].join("\r\n").length;
  const lengthAt = before + line.indexOf(digits);
  return { lengthAt, lengthEnd: lengthAt + digits.length, lengthIndex: 2 * index + 1 };
}

/** Whether the beginning of a head has nothing in it that `node:http` would not wait for the end of. */
function mayBecomeHead(text: string): boolean {
  const lines = text.split("\r\n");
  const last = lines.pop() ?? "";
  const [requestLine, ...others] = lines;
  if (requestLine === undefined) return mayBecomeRequestLine(last);
  const fields = REQUEST_LINE.test(requestLine) ? fieldsOf(others) : undefined;
  return fields !== undefined && mayBecomeField(last, fields);
}

/** A name says already that its line, or one before it, is none to wait for. */
function mayBecomeField(text: string, { headers }: Pick<StrictHead, "headers">): boolean {
  if (!HEADER_LINE_SO_FAR.test(text)) return false;
  const colon = text.indexOf(":");
  if (colon < 0) return true;
  const key = text.slice(0, colon).toLowerCase();
  if (!isNewAndPlain(key, headers)) return false;
  return key !== "content-length" || LENGTH_LINE_SO_FAR.test(text);
}

const isNewAndPlain = (key: string, headers: StrictHead["headers"]): boolean =>
  !NOT_PLAIN.has(key) && headers[key] === undefined;

function mayBecomeRequestLine(text: string): boolean {
  const [start] = PATH_SO_FAR.exec(text) ?? [];
  return start === undefined ? METHOD.startsWith(text) : VERSION.startsWith(text.slice(start.length));
}
