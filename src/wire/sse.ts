/**
 * Server-Sent Events at the level of bytes, so that a message's data is never turned into a string on its way.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */

export interface SseEvent {
  /** `message` where the stream names none. */
  readonly event: string;
  /** Empty for a block that carries only an id or a retry time. */
  readonly data: Buffer;
  readonly id?: string;
  readonly retryMs?: number;
}

export interface SseParserOptions {
  /** Largest sum of one event's data and the line being read. */
  readonly maxEventBytes: number;
  onEvent(event: SseEvent): void;
  /** Said once; everything after it is ignored. */
  onTooLong(): void;
}

const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const SPACE = 0x20;
const NEWLINE = Buffer.from("\n");
const NOTHING = Buffer.alloc(0);
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);
const DATA = Buffer.from("data");

/** Takes the bytes of a stream however they are cut. Returns the function that takes the next ones. */
export function sseParser(options: SseParserOptions): (chunk: Buffer) => void {
  const parser = new Parser(options);
  return chunk => parser.push(chunk);
}

class Parser {
  readonly #options: SseParserOptions;
  /** The beginning of the line that the next chunk continues. */
  #head: Buffer[] = [];
  #headBytes = 0;
  #afterCr = false;
  #firstLine = true;
  #dead = false;
  #data: Buffer[] = [];
  #dataBytes = 0;
  #event = "";
  #id: string | undefined;
  #retryMs: number | undefined;

  constructor(options: SseParserOptions) {
    this.#options = options;
  }

  push(chunk: Buffer): void {
    let at = this.#afterCr && chunk[0] === LF ? 1 : 0;
    if (chunk.length > 0) this.#afterCr = false;
    // Each kind of line end is searched for from where it was last found, so that all searching stays linear.
    let nextLf = -1;
    let nextCr = -1;
    while (at < chunk.length && !this.#dead) {
      if (nextLf < at) nextLf = find(chunk, LF, at);
      if (nextCr < at) nextCr = find(chunk, CR, at);
      const end = Math.min(nextLf, nextCr);
      if (end === chunk.length) {
        this.#keep(chunk.subarray(at));
        return;
      }
      this.#line(this.#whole(chunk.subarray(at, end)));
      at = end + 1;
      if (chunk[end] === CR) {
        if (at === chunk.length) this.#afterCr = true;
        else if (chunk[at] === LF) at++;
      }
    }
  }

  #keep(part: Buffer): void {
    this.#head.push(part);
    this.#headBytes += part.length;
    this.#checkLength(0);
  }

  #whole(tail: Buffer): Buffer {
    if (this.#head.length === 0) return tail;
    this.#head.push(tail);
    const line = Buffer.concat(this.#head, this.#headBytes + tail.length);
    this.#head = [];
    this.#headBytes = 0;
    return line;
  }

  #checkLength(more: number): void {
    if (this.#dataBytes + this.#headBytes + more <= this.#options.maxEventBytes) return;
    this.#dead = true;
    this.#head = [];
    this.#data = [];
    this.#options.onTooLong();
  }

  #line(raw: Buffer): void {
    let line = raw;
    if (this.#firstLine) {
      this.#firstLine = false;
      if (line.subarray(0, 3).equals(BYTE_ORDER_MARK)) line = line.subarray(3);
    }
    if (line.length === 0) {
      this.#dispatch();
      return;
    }
    const colon = line.indexOf(COLON);
    if (colon === 0) return;
    const nameEnd = colon < 0 ? line.length : colon;
    const valueAt = colon < 0 ? line.length : line[colon + 1] === SPACE ? colon + 2 : colon + 1;
    const value = line.subarray(valueAt);
    if (nameEnd === 4 && line.compare(DATA, 0, 4, 0, 4) === 0) {
      this.#checkLength(value.length);
      if (this.#dead) return;
      this.#data.push(value);
      this.#dataBytes += value.length + 1;
    } else if (nameEnd <= 5) {
      this.#field(line.toString("latin1", 0, nameEnd), value);
    }
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
    const [only] = this.#data;
    const [id, retryMs] = [this.#id, this.#retryMs];
    const event = this.#event || "message";
    const parts = this.#data;
    this.#data = [];
    this.#dataBytes = 0;
    this.#event = "";
    this.#id = undefined;
    this.#retryMs = undefined;
    if (only === undefined && id === undefined && retryMs === undefined) return;
    const data = parts.length > 1 ? joinLines(parts) : (only ?? NOTHING);
    this.#options.onEvent({ event, data, ...(id !== undefined && { id }), ...(retryMs !== undefined && { retryMs }) });
  }
}

const find = (chunk: Buffer, byte: number, from: number): number => {
  const at = chunk.indexOf(byte, from);
  return at < 0 ? chunk.length : at;
};

function joinLines(lines: readonly Buffer[]): Buffer {
  return Buffer.concat(lines.flatMap((line, index) => (index === 0 ? [line] : [NEWLINE, line])));
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
