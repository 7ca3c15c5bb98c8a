import type { ReplyHead } from "./statuses.ts";

/** A reply's head, and what it says of where the body ends and what becomes of the connection. */
export interface FramedHead {
  readonly head: ReplyHead;
  /** The body has `head.bytes`, comes in chunks, or ends with the connection. */
  readonly body: "sized" | "chunked" | "until close";
  /** Whether the connection may carry another exchange, and for how long if the upstream says so. */
  readonly reusable: boolean;
  readonly keepAliveMs: number | undefined;
}

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const LENGTH = /^\d{1,15}$/;
const CLOSE = /(?:^|,)\s*close\s*(?:,|$)/i;
const KEEP_ALIVE = /(?:^|[,;])\s*timeout=(\d{1,6})\s*(?:[,;]|$)/i;
/** Without a body, whatever their heads say. https://www.rfc-editor.org/rfc/rfc9112#section-6.3 */
const BODILESS: ReadonlySet<number> = new Set([204, 304]);

/**
 * Reads heads of one connection, each from its first line up to the blank line, without that. Upstreams mostly say the same
 * again: a head that differs from the one before in nothing but its content length is not read anew.
 */
export function createHeadReader(): (text: string) => FramedHead | "interim" | undefined {
  let known: KnownHead | undefined;
  return text => {
    const again = known?.match(text);
    if (again) return again;
    const framed = readHead(text);
    if (framed !== undefined && framed !== "interim") known = new KnownHead(text, framed);
    return framed;
  };
}

class KnownHead {
  readonly #text: string;
  readonly #framed: FramedHead;
  /** What stands around the digits of the content length; empty where there are none. */
  readonly #before: string;
  readonly #after: string;

  constructor(text: string, framed: FramedHead) {
    this.#text = text;
    this.#framed = framed;
    const [, before = "", digits = ""] = SIZED_HEAD.exec(text) ?? [];
    this.#before = before;
    this.#after = text.slice(before.length + digits.length);
  }

  match(text: string): FramedHead | undefined {
    if (text === this.#text) return this.#framed;
    if (this.#before === "" || !text.startsWith(this.#before) || !text.endsWith(this.#after)) return undefined;
    // Where both overlap, this is empty.
    const digits = text.slice(this.#before.length, text.length - this.#after.length);
    if (!LENGTH.test(digits)) return undefined;
    const { head } = this.#framed;
    const bytes = BODILESS.has(head.status) ? 0 : Number(digits);
    return { ...this.#framed, head: { ...head, bytes } };
  }
}

/** Up to the digits of the content length, which is the whole value of its line. */
const SIZED_HEAD = /^(.*\r\ncontent-length:[\t ]*)(\d{1,15})(?=[\t ]*(?:\r\n(?![\t ])|$))/is;

/** `undefined` when it is none, or leaves any doubt about where its body ends. */
function readHead(text: string): FramedHead | "interim" | undefined {
  const [statusLine = "", ...lines] = text.split("\r\n");
  const [, minor, digits] = STATUS_LINE.exec(statusLine) ?? [];
  const all = headersOf(lines);
  if (digits === undefined || !all) return undefined;
  const status = Number(digits);
  const { "content-length": length, ...headers } = all;
  const { connection, "transfer-encoding": encoding } = headers;
  // Interim replies are passed over; the switch to another protocol was never asked for.
  if (status < 200) return status !== 101 && length === undefined && encoding === undefined ? "interim" : undefined;
  const reusable = minor === "1" && !(connection !== undefined && CLOSE.test(String(connection)));
  const framed = { reusable, keepAliveMs: keepAliveMs(headers["keep-alive"]) };
  if (encoding !== undefined) {
    const isChunked = typeof encoding === "string" && encoding.toLowerCase() === "chunked";
    if (length !== undefined || !isChunked) return undefined;
    return { head: { status, headers, bytes: undefined }, body: "chunked", ...framed };
  }
  if (BODILESS.has(status)) return { head: { status, headers, bytes: 0 }, body: "sized", ...framed };
  if (length === undefined) {
    return { head: { status, headers, bytes: undefined }, body: "until close", ...framed, reusable: false };
  }
  if (typeof length !== "string" || !LENGTH.test(length)) return undefined;
  return { head: { status, headers, bytes: Number(length) }, body: "sized", ...framed };
}

const FOLD = /^[\t ]+/;
const isFolded = (line: string): boolean => line.startsWith(" ") || line.startsWith("\t");

/** Joins lines that go on in the next one. https://www.rfc-editor.org/rfc/rfc9112#section-5.2 */
function unfolded(lines: readonly string[]): readonly string[] {
  if (!lines.some(isFolded)) return lines;
  const whole: string[] = [];
  for (const line of lines) {
    const before = whole.at(-1);
    if (before === undefined || !isFolded(line)) whole.push(line);
    else whole[whole.length - 1] = before.trimEnd() + line.replace(FOLD, " ");
  }
  return whole;
}

/** By name in lower case; `undefined` when a line is no header. */
export function headersOf(lines: readonly string[]): Record<string, string | string[]> | undefined {
  const headers: Record<string, string | string[]> = {};
  for (const line of unfolded(lines)) {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(colon, 0)).toLowerCase();
    const value = line.slice(colon + 1);
    if (!TOKEN.test(name) || !VALUE.test(value) || name === "__proto__") return undefined;
    headers[name] = Object.hasOwn(headers, name) ? [headers[name]!, value.trim()].flat() : value.trim();
  }
  return headers;
}

function keepAliveMs(header: string | string[] | undefined): number | undefined {
  const seconds = typeof header === "string" ? KEEP_ALIVE.exec(header)?.[1] : undefined;
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}
