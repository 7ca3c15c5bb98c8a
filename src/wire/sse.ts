/**
 * Server-Sent Events at the level of bytes, so that a message's data is never turned into a string on its way.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */

import { ByteBuffer } from "./byte-buffer.ts";
import type { Passing } from "./oversized.ts";

export interface SseEvent {
  /** `message` where the stream names none. */
  readonly event: string;
  /** Empty for a block that carries only an id or a retry time. */
  readonly data: Buffer;
  readonly id: string | undefined;
  readonly retryMs: number | undefined;
}

export interface SseParserOptions {
  /** Largest sum of one event's data and the line being read. */
  readonly maxEventBytes: number;
  onEvent(event: SseEvent): void;
  /** Said once for each event that is too large. It is skipped up to its end; what is returned sees its data pass. */
  onTooLong(): Passing | undefined;
  /** How much of an event is held that is not complete, after each piece and 0 at its end; nothing is said of small ones. */
  onHeld?(bytes: number): void;
}

/** An event of which no more is held is small. */
const SMALL_BYTES = 64 * 1024;

const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const SPACE = 0x20;
const NEWLINE = Buffer.from("\n");
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);
const [D, A, T] = [0x64, 0x61, 0x74];
/** Of the names that mean anything. */
const LONGEST_NAME = 5;

/** Takes the bytes of a stream however they are cut. Returns the function that takes the next ones. */
export function sseParser(options: SseParserOptions): (chunk: Buffer) => void {
  const parser = new Parser(options);
  return chunk => parser.push(chunk);
}

class Parser {
  readonly #options: SseParserOptions;
  /** The beginning of the line that the next chunk continues. */
  readonly #head: ByteBuffer;
  #afterCr = false;
  #firstLine = true;
  /** Whether the event is too large, so that its data only passes. */
  #oversized = false;
  #passing: Passing | undefined;
  /** Of a line whose beginning could not be kept: whether its rest is data, or of no use. */
  #rest: "data" | "useless" | undefined;
  #large = false;
  readonly #data: ByteBuffer;
  /** Whether there was a line of data, be it empty. */
  #hasData = false;
  #event = "";
  #id: string | undefined;
  #retryMs: number | undefined;

  constructor(options: SseParserOptions) {
    this.#options = options;
    this.#head = new ByteBuffer(options.maxEventBytes);
    this.#data = new ByteBuffer(options.maxEventBytes);
  }

  push(chunk: Buffer): void {
    this.#read(chunk);
    const held = this.#data.length + this.#head.length;
    if (held <= SMALL_BYTES && !this.#large) return;
    this.#large = held > SMALL_BYTES;
    this.#options.onHeld?.(this.#large ? held : 0);
  }

  #read(chunk: Buffer): void {
    let at = this.#afterCr && chunk[0] === LF ? 1 : 0;
    if (chunk.length > 0) this.#afterCr = false;
    // Each kind of line end is searched for from where it was last found, so that all searching stays linear.
    let nextLf = -1;
    let nextCr = -1;
    while (at < chunk.length) {
      if (nextLf < at) nextLf = find(chunk, LF, at);
      if (nextCr < at) nextCr = find(chunk, CR, at);
      const end = Math.min(nextLf, nextCr);
      if (end === chunk.length) {
        this.#keep(chunk.subarray(at));
        return;
      }
      if (this.#rest !== undefined) this.#endRest(chunk.subarray(at, end));
      else if (this.#head.length === 0) this.#line(chunk, at, end);
      else this.#wholeLine(chunk, at, end);
      at = end + 1;
      if (chunk[end] === CR) {
        if (at === chunk.length) this.#afterCr = true;
        else if (chunk[at] === LF) at++;
      }
    }
  }

  #keep(part: Buffer): void {
    if (this.#rest !== undefined) {
      this.#passRest(part);
      return;
    }
    this.#head.append(part);
    const isFull = this.#data.length + this.#head.length > this.#options.maxEventBytes;
    if (isFull && this.#head.length > LONGEST_NAME) this.#overflow();
  }

  /** A line that cannot be kept until its end: data makes its event too large, anything else says nothing. */
  #overflow(): void {
    const start = this.#firstLine && this.#head.peek().indexOf(BYTE_ORDER_MARK) === 0 ? BYTE_ORDER_MARK.length : 0;
    const line = this.#head.peek().subarray(start);
    const isData = line[0] === D && isAta(line, 1) && line[4] === COLON;
    if (!isData && this.#head.length <= this.#options.maxEventBytes) return;
    this.#head.clear();
    this.#firstLine = false;
    this.#rest = isData ? "data" : "useless";
    if (isData) this.#pass(line.subarray(line[LONGEST_NAME] === SPACE ? LONGEST_NAME + 1 : LONGEST_NAME));
  }

  #passRest(part: Buffer): void {
    if (this.#rest === "data") this.#pass(part);
  }

  #endRest(part: Buffer): void {
    this.#passRest(part);
    this.#rest = undefined;
  }

  /** Data of an event that is too large. */
  #pass(part: Buffer): void {
    if (!this.#oversized) {
      this.#oversized = true;
      this.#passing = this.#options.onTooLong();
      const held = this.#data.take();
      this.#passing?.take(held);
    }
    this.#hasData = true;
    this.#passing?.take(part);
  }

  #wholeLine(chunk: Buffer, at: number, end: number): void {
    this.#head.append(chunk, at, end);
    const line = this.#head.take();
    this.#line(line, 0, line.length);
  }

  /** Looks at the bytes of a line where they are: no slice is made for those that mean nothing by themselves. */
  #line(bytes: Buffer, start: number, end: number): void {
    let from = start;
    if (this.#firstLine) {
      this.#firstLine = false;
      if (bytes.subarray(from, Math.min(end, from + 3)).equals(BYTE_ORDER_MARK)) from += 3;
    }
    if (from === end) {
      this.#dispatch();
      return;
    }
    const farthest = Math.min(end, from + LONGEST_NAME);
    let nameEnd = from;
    while (nameEnd < farthest && bytes[nameEnd] !== COLON) nameEnd++;
    const isComment = nameEnd === from;
    const isLonger = nameEnd < end && bytes[nameEnd] !== COLON;
    if (isComment || isLonger) return;
    const valueAt = nameEnd === end ? end : bytes[nameEnd + 1] === SPACE ? nameEnd + 2 : nameEnd + 1;
    if (nameEnd - from === 4 && bytes[from] === D && isAta(bytes, from + 1)) this.#addData(bytes, valueAt, end);
    else if (isPlainEvent(bytes, from, end)) this.#event = "message";
    else this.#field(bytes.toString("latin1", from, nameEnd), bytes.subarray(valueAt, end));
  }

  #addData(bytes: Buffer, from: number, end: number): void {
    const more = end - from + (this.#hasData ? NEWLINE.length : 0);
    if (this.#oversized || this.#data.length + more > this.#options.maxEventBytes) {
      this.#pass(bytes.subarray(from, end));
      return;
    }
    if (this.#hasData) this.#data.append(NEWLINE);
    this.#data.append(bytes, from, end);
    this.#hasData = true;
  }

  #field(name: string, value: Buffer): void {
    if (name === "event") this.#event = value.toString("utf8");
    else if (name === "id" && !value.includes(0)) this.#id = value.toString("utf8");
    else if (name === "retry") {
      const digits = value.toString("latin1");
      if (/^\d{1,15}$/.test(digits)) this.#retryMs = Number(digits);
    }
  }

  #dispatch(): void {
    const [id, retryMs] = [this.#id, this.#retryMs];
    const event = this.#event || "message";
    const hadData = this.#hasData;
    const data = this.#data.take();
    if (this.#oversized) {
      this.#passing?.end();
      this.#passing = undefined;
      this.#oversized = false;
    }
    this.#hasData = false;
    this.#event = "";
    this.#id = undefined;
    this.#retryMs = undefined;
    if (!hadData && id === undefined && retryMs === undefined) return;
    this.#options.onEvent({ event, data, id, retryMs });
  }
}

/** The usual name, written in the usual way: no string is made of it. */
const PLAIN_EVENT = Buffer.from("event: message");

function isPlainEvent(bytes: Buffer, from: number, end: number): boolean {
  if (end - from !== PLAIN_EVENT.length) return false;
  for (let at = 0; at < PLAIN_EVENT.length; at++) if (bytes[from + at] !== PLAIN_EVENT[at]) return false;
  return true;
}

const isAta = (bytes: Buffer, at: number): boolean => bytes[at] === A && bytes[at + 1] === T && bytes[at + 2] === A;

/** So few bytes are looked at faster here than by asking for it. */
const NEAR = 32;

function find(chunk: Buffer, byte: number, from: number): number {
  const near = Math.min(chunk.length, from + NEAR);
  for (let at = from; at < near; at++) if (chunk[at] === byte) return at;
  const at = chunk.indexOf(byte, near);
  return at < 0 ? chunk.length : at;
}

const END = Buffer.from("\n\n");
const PLAIN_HEAD = Buffer.from("data: ");

/**
 * One event, in one piece: each piece that is written to a response is framed by itself. `data` must hold no line break
 * (`oneLine`), nor may `event` and `id`.
 */
export function sseEvent(event: { data: readonly Buffer[]; event?: string; id?: string }): Buffer {
  const name = event.event === undefined ? "" : `event: ${event.event}\n`;
  const id = event.id === undefined ? "" : `id: ${event.id}\n`;
  const head = name || id ? Buffer.from(`${name}${id}data: `) : PLAIN_HEAD;
  return Buffer.concat([head, ...event.data, END]);
}

/** Keeps a quiet stream open; readers ignore it. */
export const SSE_COMMENT: Buffer = Buffer.from(":\n\n");
