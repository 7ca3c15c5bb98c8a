import { connect, type LookupFunction, type Socket } from "node:net";
import type { Clock } from "../../core/ports.ts";
import { ATTEMPT_TIMEOUT_MS } from "./lookup.ts";
import { ReplyParser, type ReplyParts } from "./reply-parser.ts";
import { type HeaderLines, headText } from "./request-head.ts";
import type { ReplyHead } from "./statuses.ts";
import type { Carrier, Exchange, HttpRequest } from "./transport.ts";

/** Where connections lead, and what becomes of them. */
export interface ConnectionOwner {
  readonly host: string;
  readonly port: number;
  /** As the `Host` header says it. */
  readonly authority: string;
  readonly clock: Clock;
  readonly lookup: LookupFunction;
  readonly connectTimeoutMs: number;
  readonly lines: HeaderLines;
  /** The exchange is over and another one may follow. */
  free(connection: PlainConnection, keepAliveMs: number | undefined): void;
  gone(connection: PlainConnection): void;
}

const READ_BYTES = 65_536;
/** Up to here head and body are copied together; beyond it copying costs more than a second piece. */
const JOINED_BYTES = 65_536;

/** One TCP connection that carries one exchange at a time. */
export class PlainConnection implements ReplyParts, Carrier {
  /** From then on it is not used again, in monotonic milliseconds. */
  expiresAt = 0;
  readonly #owner: ConnectionOwner;
  readonly #socket: Socket;
  readonly #parser = new ReplyParser(this);
  readonly #cancelConnectTimeout: () => void;
  #exchange: Exchange | undefined;
  #paused = false;
  #error: Error | undefined;

  constructor(owner: ConnectionOwner) {
    this.#owner = owner;
    const { host, port, clock, lookup, connectTimeoutMs } = owner;
    const socket = connect({
      ...{ host, port, lookup, noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 },
      ...{ autoSelectFamily: true, autoSelectFamilyAttemptTimeout: ATTEMPT_TIMEOUT_MS },
      // Its own buffer, filled again and again: no stream of chunks has to be kept for nobody.
      onread: {
        buffer: Buffer.allocUnsafeSlow(READ_BYTES),
        callback: (size, buffer) => {
          this.#read((buffer as Buffer).subarray(0, size));
          return true;
        },
      },
    });
    this.#socket = socket;
    this.#cancelConnectTimeout = clock.after(connectTimeoutMs, () => this.#break("CONNECT_TIMEOUT"));
    socket.on("connect", () => {
      this.#cancelConnectTimeout();
      if (this.#exchange) this.#write(this.#exchange);
    });
    socket.on("end", () => this.#parser.finish());
    socket.on("error", error => {
      this.#error = error;
    });
    socket.on("close", () => {
      this.#cancelConnectTimeout();
      owner.gone(this);
      this.#lose(this.#error ?? coded("CLOSED_EARLY"));
    });
  }

  get isUsable(): boolean {
    return this.#socket.readyState === "open";
  }

  begin(exchange: Exchange): void {
    this.#exchange = exchange;
    exchange.carrier = this;
    if (!this.#socket.connecting) this.#write(exchange);
  }

  abandon(): void {
    this.#exchange = undefined;
    this.#parser.stop();
    this.#socket.destroy();
  }

  pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#socket.resume();
  }

  /** Closes the connection and breaks its exchange. */
  close(error: Error): void {
    this.#error = error;
    this.#parser.stop();
    this.#socket.destroy();
  }

  head(head: ReplyHead): void {
    this.#exchange?.head(head);
  }

  data(chunk: Buffer): void {
    this.#exchange?.data(chunk);
  }

  end(reusable: boolean, keepAliveMs: number | undefined): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    // It may serve others from now on, whoever is behind.
    if (this.#paused) this.resume();
    // An answer that came before all of the request was sent leaves the rest of it in the way.
    if (reusable && this.#socket.writableLength === 0 && !this.#socket.writableEnded)
      this.#owner.free(this, keepAliveMs);
    else this.#socket.destroy();
    if (!exchange) return;
    exchange.carrier = undefined;
    exchange.end();
  }

  bad(code: string): void {
    this.#break(code);
  }

  /** A bug of ours in what reads them costs this connection, and no other. */
  #read(bytes: Buffer): void {
    try {
      this.#parser.push(bytes);
    } catch {
      this.#parser.stop();
      this.#break("READER_FAILED");
    }
  }

  #break(code: string): void {
    this.#error = coded(code);
    this.#socket.destroy();
    this.#lose(this.#error);
  }

  #lose(error: Error): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    if (!exchange) return;
    exchange.carrier = undefined;
    exchange.fail(error);
  }

  #write(exchange: Exchange): void {
    const { body } = exchange.request;
    const bytes = body === null ? 0 : sizeOf(body);
    const head = this.#headOf(exchange.request, bytes);
    if (head === "") {
      this.#break("UNSENDABLE");
      return;
    }
    exchange.sent();
    const socket = this.#socket;
    // Whoever was told may have given it up.
    if (socket.destroyed) return;
    this.#parser.expect();
    if (body === null) socket.write(head, "latin1");
    else if (bytes <= JOINED_BYTES) socket.write(joined(head, body, bytes));
    else {
      socket.cork();
      socket.write(head, "latin1");
      for (const part of body) socket.write(part);
      socket.uncork();
    }
  }

  /** Empty when something in it cannot stand in a head. */
  #headOf({ head, headers, body }: HttpRequest, bytes: number): string {
    const { authority, lines } = this.#owner;
    let text = headText(head, authority, lines);
    if (text === "") return text;
    for (const name in headers) {
      const line = lines(name, headers[name]!);
      if (line === undefined) return "";
      text += line;
    }
    return body === null ? `${text}\r\n` : `${text}content-length: ${bytes}\r\n\r\n`;
  }
}

function sizeOf(parts: readonly Buffer[]): number {
  let bytes = 0;
  for (const part of parts) bytes += part.length;
  return bytes;
}

function joined(head: string, body: readonly Buffer[], bytes: number): Buffer {
  const whole = Buffer.allocUnsafe(head.length + bytes);
  let at = whole.write(head, 0, "latin1");
  for (const part of body) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const coded = (code: string): Error => Object.assign(new Error("the exchange failed"), { code });
