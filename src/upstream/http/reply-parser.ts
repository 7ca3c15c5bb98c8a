import { createHeadReader, headersOf } from "./framed-head.ts";
import type { ReplyHead } from "./statuses.ts";

/** Takes the parts of one reply. */
export interface ReplyParts {
  head(head: ReplyHead): void;
  /** `chunk` is only lent: it is overwritten after the call. */
  data(chunk: Buffer): void;
  /** `reusable`: the connection may carry another exchange, for `keepAliveMs` if the upstream says so. */
  end(reusable: boolean, keepAliveMs: number | undefined): void;
  /** The bytes are no reply; nothing comes after it. */
  bad(code: "NOT_HTTP" | "TLS_THERE" | "HEADERS_TOO_LARGE" | "CLOSED_EARLY" | "CUT_SHORT"): void;
}

type State = "idle" | "head" | "sized" | "chunk size" | "chunk" | "chunk end" | "trailers" | "until close" | "over";

const BODY_STATES = { sized: "sized", chunked: "chunk size", "until close": "until close" } as const;
const MAX_HEAD_BYTES = 65_536;
const MAX_SIZE_LINE = 256;
const MAX_SIZE_DIGITS = 8;
const START = "HTTP/1.";
const SIZE_LINE = /^([0-9a-fA-F]{1,8})[\t ]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/;
const BLANK_LINE = Buffer.from("\r\n\r\n");
const LINE_BREAK = Buffer.from("\r\n");
const [LINE_FEED, CARRIAGE_RETURN] = [0x0a, 0x0d] as const;
/** How TLS says that something is wrong. https://www.rfc-editor.org/rfc/rfc8446#section-5.1 */
const TLS_ALERT = Buffer.from([0x15, 0x03]);

/**
 * Reads the replies on one connection, one after the other, and nothing that is not exactly HTTP/1.1: no bare line
 * feeds, no two lengths, no length beside an encoding. https://www.rfc-editor.org/rfc/rfc9112
 */
export class ReplyParser {
  readonly #parts: ReplyParts;
  readonly #readHead = createHeadReader();
  #state: State = "idle";
  /** The beginning of a head or of a line that has not come to its end. */
  #held: Buffer | undefined;
  /** Bytes still to come of a body or a chunk; in heads and trailers, bytes still allowed. */
  #left = 0;
  #reusable = false;
  #keepAliveMs: number | undefined;

  constructor(parts: ReplyParts) {
    this.#parts = parts;
  }

  /** A reply may come from now on. */
  expect(): void {
    this.#state = "head";
    this.#left = MAX_HEAD_BYTES;
  }

  push(bytes: Buffer): void {
    let chunk = bytes;
    if (this.#held) {
      chunk = Buffer.concat([this.#held, bytes]);
      this.#held = undefined;
    }
    let at = 0;
    while (at < chunk.length && this.#state !== "over") at = this.#step(chunk, at);
  }

  /** The upstream has closed its side. */
  finish(): void {
    const state = this.#state;
    if (state === "over" || state === "idle") return;
    if (state === "until close") this.#end(0);
    else if (state !== "head" || this.#held) this.#bad("CUT_SHORT");
    else this.#bad("CLOSED_EARLY");
  }

  /** What still comes is not wanted. */
  stop(): void {
    this.#state = "over";
    this.#held = undefined;
  }

  /** Takes what it can from `at` on; the answer is where the rest begins. */
  #step(chunk: Buffer, at: number): number {
    switch (this.#state) {
      case "head":
        return this.#head(chunk, at);
      case "sized":
      case "chunk":
        return this.#body(chunk, at);
      case "until close":
        this.#parts.data(at === 0 ? chunk : chunk.subarray(at));
        return chunk.length;
      case "chunk size":
        return this.#chunkSize(chunk, at);
      case "chunk end":
        return this.#chunkEnd(chunk, at);
      case "trailers":
        return this.#trailers(chunk, at);
      default:
        return this.#bad("NOT_HTTP");
    }
  }

  #bad(code: Parameters<ReplyParts["bad"]>[0]): number {
    this.stop();
    this.#parts.bad(code);
    return 0;
  }

  /** Waits for more, unless a line has ended already: with a bare line feed, so that its end would never come. */
  #holdLine(chunk: Buffer, at: number): number {
    for (let feed = chunk.indexOf(LINE_FEED, at); feed >= 0; feed = chunk.indexOf(LINE_FEED, feed + 1)) {
      if (chunk[feed - 1] !== CARRIAGE_RETURN) return this.#bad("NOT_HTTP");
    }
    return this.#hold(chunk, at);
  }

  /** Waits for more. */
  #hold(chunk: Buffer, at: number): number {
    this.#held = Buffer.from(chunk.subarray(at));
    return chunk.length;
  }

  #head(chunk: Buffer, at: number): number {
    const end = chunk.indexOf(BLANK_LINE, at);
    if (end < 0) return this.#headBegins(chunk, at, chunk.length) ? this.#holdLine(chunk, at) : 0;
    const framed = end - at > this.#left ? undefined : this.#readHead(chunk.toString("latin1", at, end));
    if (framed === undefined) return this.#headBegins(chunk, at, end) ? this.#bad("NOT_HTTP") : 0;
    this.#left -= end - at;
    const rest = end + BLANK_LINE.length;
    if (framed === "interim") return rest;
    this.#reusable = framed.reusable;
    this.#keepAliveMs = framed.keepAliveMs;
    this.#state = BODY_STATES[framed.body];
    this.#left = framed.head.bytes ?? 0;
    this.#parts.head(framed.head);
    if (this.#state === "sized" && this.#left === 0) return this.#end(chunk.length - rest, rest);
    return rest;
  }

  /** Whether it may be a head as far as it is there; says what is wrong with it otherwise. */
  #headBegins(chunk: Buffer, at: number, end: number): boolean {
    const start = chunk.toString("latin1", at, Math.min(at + START.length, end));
    if (start !== START.slice(0, start.length)) {
      this.#bad(chunk.indexOf(TLS_ALERT, at) === at ? "TLS_THERE" : "NOT_HTTP");
      return false;
    }
    if (end - at > this.#left) {
      this.#bad("HEADERS_TOO_LARGE");
      return false;
    }
    return true;
  }

  #body(chunk: Buffer, at: number): number {
    const end = Math.min(at + this.#left, chunk.length);
    this.#left -= end - at;
    this.#parts.data(at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end));
    if (this.#left > 0 || this.#state === "over") return end;
    if (this.#state === "sized") return this.#end(chunk.length - end, end);
    this.#state = "chunk end";
    return end;
  }

  #chunkEnd(chunk: Buffer, at: number): number {
    if (chunk.length - at < LINE_BREAK.length && chunk[at] === CARRIAGE_RETURN) return this.#hold(chunk, at);
    if (chunk.indexOf(LINE_BREAK, at) !== at) return this.#bad("NOT_HTTP");
    this.#state = "chunk size";
    return at + LINE_BREAK.length;
  }

  #chunkSize(chunk: Buffer, at: number): number {
    const end = chunk.indexOf(LINE_BREAK, at);
    if ((end < 0 ? chunk.length : end) - at > MAX_SIZE_LINE) return this.#bad("NOT_HTTP");
    if (end < 0) return this.#holdLine(chunk, at);
    const size = sizeIn(chunk, at, end);
    if (size < 0) return this.#bad("NOT_HTTP");
    this.#left = size;
    this.#state = this.#left > 0 ? "chunk" : "trailers";
    if (this.#left === 0) this.#left = MAX_HEAD_BYTES;
    return end + LINE_BREAK.length;
  }

  /** Nobody wants them, but they must be well-formed. */
  #trailers(chunk: Buffer, at: number): number {
    const end = chunk.indexOf(LINE_BREAK, at);
    const size = (end < 0 ? chunk.length : end) - at;
    if (size > this.#left) return this.#bad("HEADERS_TOO_LARGE");
    if (end < 0) return this.#holdLine(chunk, at);
    this.#left -= size;
    const rest = end + LINE_BREAK.length;
    if (size === 0) return this.#end(chunk.length - rest, rest);
    return headersOf([chunk.toString("latin1", at, end)]) ? rest : this.#bad("NOT_HTTP");
  }

  /** What comes after a reply belongs to none: its connection is not trusted any further. */
  #end(surplus: number, rest = 0): number {
    const reusable = this.#reusable && surplus === 0;
    this.#state = reusable ? "idle" : "over";
    this.#parts.end(reusable, this.#keepAliveMs);
    return rest;
  }
}

/** The size in a line of its own; -1 where there is none. Few servers add anything to it. */
function sizeIn(chunk: Buffer, at: number, end: number): number {
  let size = 0;
  for (let place = at; place < end; place++) {
    const digit = place - at < MAX_SIZE_DIGITS ? hexDigit(chunk[place]!) : -1;
    if (digit < 0) return extendedSize(chunk.toString("latin1", at, end));
    size = size * 16 + digit;
  }
  return end > at ? size : -1;
}

function extendedSize(line: string): number {
  const digits = SIZE_LINE.exec(line)?.[1];
  return digits === undefined ? -1 : Number.parseInt(digits, 16);
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
