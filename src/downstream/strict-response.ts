import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { FewEvents } from "./few-events.ts";
import type { Inbound } from "./inbound.ts";
import type { Outbound, OutboundEvent, OutboundHeaders } from "./outbound.ts";

/** The connection of a response, as far as that knows it. */
export interface ResponseLine {
  readonly socket: Socket;
  /** Announced to agents, in whole seconds. */
  readonly keepAliveSeconds: number;
  /** As it stands in a head. */
  date(): string;
  /** The kernel has all of it. */
  finished(response: StrictResponse): void;
}

/** Up to here a head and a body are copied together; beyond it copying costs more than another piece. */
const JOINED_BYTES = 65_536;
/** As much may wait until somebody who writes is told to wait. */
const HIGH_WATER_BYTES = 16_384;
/** Anything else in a value could end the header. */
const UNSAFE = /[^\t\x20-\x7e\x80-\xff]/;
const NONE: OutboundHeaders = [];
const LAST_CHUNK = "0\r\n\r\n";

/** A response as `node:http` would send it, to the byte; written at once where it is all there. */
export class StrictResponse extends FewEvents<OutboundEvent> implements Outbound {
  readonly req: Inbound;
  shouldKeepAlive = true;
  headersSent = false;
  destroyed = false;
  writableEnded = false;
  writableFinished = false;
  writableNeedDrain = false;
  /** Whether the connection closes after it. */
  isLast = false;
  readonly #line: ResponseLine;
  /** Whether all earlier ones are over. */
  #hasTurn: boolean;
  /** Set before the head: name, value, name, value, … */
  #preset: string[] | undefined;
  /** What has not gone to the socket. */
  #waiting: (Buffer | string)[] = [];
  #waitingBytes = 0;
  #isChunked = false;
  #isCorked = false;
  #timeoutMs: number | undefined;

  constructor(line: ResponseLine, req: Inbound, hasTurn: boolean) {
    super();
    this.#line = line;
    this.req = req;
    this.#hasTurn = hasTurn;
  }

  get socket(): Socket | null {
    return this.#hasTurn ? this.#line.socket : null;
  }

  get writableLength(): number {
    return this.#waitingBytes + (this.#hasTurn ? this.#line.socket.writableLength : 0);
  }

  /** Whoever waits for leave is never read strictly. */
  writeContinue(): void {}

  setHeader(name: string, value: string): void {
    this.#preset ??= [];
    this.#preset.push(name, value);
  }

  writeHead(status: number, headers: OutboundHeaders = NONE): this {
    if (this.headersSent) throw new Error("The head of this response has been written");
    this.headersSent = true;
    this.#push(this.#headOf(status, headers));
    return this;
  }

  write(chunk: Buffer | string): boolean {
    if (this.writableEnded || this.destroyed) return false;
    if (!this.headersSent) this.writeHead(200);
    this.#body(chunk);
    this.#flush();
    return !this.writableNeedDrain;
  }

  end(chunk?: Buffer | string): void {
    if (this.writableEnded || this.destroyed) return;
    if (!this.headersSent) this.writeHead(200, ["content-length", String(chunk?.length ?? 0)]);
    if (chunk !== undefined) this.#body(chunk);
    if (this.#isChunked) this.#push(LAST_CHUNK);
    this.#isCorked = false;
    this.writableEnded = true;
    this.#flush();
  }

  whole(status: number, headers: string[], body: { parts: readonly Buffer[]; bytes: number }): void {
    if (this.writableEnded || this.destroyed) return;
    this.writeHead(status, headers);
    for (const part of body.parts) this.#push(part);
    this.writableEnded = true;
    this.#flush();
  }

  cork(): void {
    this.#isCorked = true;
  }

  destroy(): this {
    this.#line.socket.destroy();
    this.close();
    return this;
  }

  setTimeout(ms: number, listener?: () => void): this {
    if (listener) this.on("timeout", listener);
    this.#timeoutMs = ms;
    if (this.#hasTurn) this.#line.socket.setTimeout(ms);
    return this;
  }

  /** All earlier ones are over. */
  takeTurn(): void {
    this.#hasTurn = true;
    if (this.#timeoutMs !== undefined) this.#line.socket.setTimeout(this.#timeoutMs);
    this.#flush();
  }

  /** The kernel has taken everything that was written to the connection. */
  drained(): void {
    if (this.writableEnded || !this.writableNeedDrain) return;
    this.writableNeedDrain = false;
    this.emit("drain");
  }

  /** Nothing more can be said. */
  close(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.emit("close");
  }

  #body(chunk: Buffer | string): void {
    const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
    if (!this.#isChunked) return void this.#push(bytes);
    if (bytes.length === 0) return;
    this.#push(`${bytes.length.toString(16)}\r\n`);
    this.#push(bytes);
    this.#push("\r\n");
  }

  /** A string has one byte for each character. */
  #push(part: Buffer | string): void {
    if (part.length === 0) return;
    this.#waiting.push(part);
    this.#waitingBytes += part.length;
  }

  #flush(): void {
    const { socket } = this.#line;
    if (this.#isCorked || this.destroyed) return;
    if (!this.#hasTurn) {
      this.writableNeedDrain = this.#waitingBytes >= HIGH_WATER_BYTES;
      return;
    }
    const parts = this.#waiting;
    const bytes = this.#waitingBytes;
    this.#waiting = [];
    this.#waitingBytes = 0;
    let hasRoom = true;
    if (socket.writable) hasRoom = send(socket, parts, bytes);
    if (this.writableEnded) this.#finishWhenSent();
    else if (!hasRoom) this.writableNeedDrain = true;
    else this.drained();
  }

  #finishWhenSent(): void {
    const { socket } = this.#line;
    const finish = (): void => {
      if (this.destroyed) return;
      this.writableFinished = true;
      this.emit("finish");
      this.close();
      this.#line.finished(this);
    };
    // Where it is not writable any more, it closes.
    if (!socket.writable) return;
    if (socket.writableLength === 0) finish();
    else
      socket.write("", error => {
        if (!error) finish();
      });
  }

  /** In the order and the spelling of `node:http`. */
  #headOf(status: number, headers: OutboundHeaders): string {
    const line = this.#line;
    let text = "";
    let hasLength = false;
    let hasConnection = false;
    this.isLast = !this.shouldKeepAlive;
    const add = (name: string, value: string): void => {
      if (UNSAFE.test(value)) throw new Error(`The header ${name} would not stay one`);
      text += `${name}: ${value}\r\n`;
      if (name === "content-length") hasLength = true;
      if (name !== "connection") return;
      hasConnection = true;
      this.isLast = value === "close";
    };
    const preset = this.#preset ?? [];
    for (let at = 0; at < preset.length; at += 2) add(preset[at]!, preset[at + 1]!);
    if (isList(headers)) for (let at = 0; at < headers.length; at += 2) add(headers[at]!, headers[at + 1]!);
    else for (const name in headers) add(name, String(headers[name]));
    // No POST is answered with a status that has no body.
    this.#isChunked = !hasLength;
    const keeps = `Connection: keep-alive\r\nKeep-Alive: timeout=${line.keepAliveSeconds}\r\n`;
    const connection = hasConnection ? "" : this.isLast ? "Connection: close\r\n" : keeps;
    const framing = this.#isChunked ? "Transfer-Encoding: chunked\r\n" : "";
    return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${text}Date: ${line.date()}\r\n${connection}${framing}\r\n`;
  }
}

const isList = (headers: OutboundHeaders): headers is string[] => Array.isArray(headers);

/** Writes as few pieces as is cheap. Returns whether there is room for more. */
function send(socket: Socket, parts: readonly (Buffer | string)[], bytes: number): boolean {
  if (bytes === 0) return !socket.writableNeedDrain;
  if (bytes <= JOINED_BYTES) return socket.write(joined(parts, bytes));
  socket.cork();
  let hasRoom = true;
  for (const part of parts) hasRoom = typeof part === "string" ? socket.write(part, "latin1") : socket.write(part);
  socket.uncork();
  return hasRoom;
}

function joined(parts: readonly (Buffer | string)[], bytes: number): Buffer {
  const whole = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const part of parts) at += typeof part === "string" ? whole.write(part, at, "latin1") : part.copy(whole, at);
  return whole;
}
