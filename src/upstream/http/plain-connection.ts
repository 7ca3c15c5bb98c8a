import { connect, type LookupFunction, type Socket } from "node:net";
import type { Clock } from "../../core/ports.ts";
import { ATTEMPT_TIMEOUT_MS } from "./lookup.ts";
import { ReplyParser, type ReplyParts } from "./reply-parser.ts";
import type { ReplyHead } from "./statuses.ts";
import type { HttpRequest, ReplyReceiver } from "./transport.ts";

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
const MAX_LINES = 64;
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const PATH = /^\/[\x21-\x7e]*$/;

/** One TCP connection that carries one exchange at a time. */
export class PlainConnection implements ReplyParts {
  /** From then on it is not used again, in monotonic milliseconds. */
  expiresAt = 0;
  readonly #owner: ConnectionOwner;
  readonly #socket: Socket;
  readonly #parser = new ReplyParser(this);
  readonly #cancelConnectTimeout: () => void;
  #request: HttpRequest | undefined;
  #receiver: ReplyReceiver | undefined;
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
          this.#parser.push((buffer as Buffer).subarray(0, size));
          return true;
        },
      },
    });
    this.#socket = socket;
    this.#cancelConnectTimeout = clock.after(connectTimeoutMs, () => this.#break("CONNECT_TIMEOUT"));
    socket.on("connect", () => {
      this.#cancelConnectTimeout();
      if (this.#receiver) this.#write();
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

  begin(request: HttpRequest, receiver: ReplyReceiver): void {
    this.#request = request;
    this.#receiver = receiver;
    if (!this.#socket.connecting) this.#write();
  }

  /** Closes the connection; the receiver hears nothing more. */
  abandon(): void {
    this.#receiver = undefined;
    this.#parser.stop();
    this.#socket.destroy();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Closes the connection and breaks its exchange. */
  close(error: Error): void {
    this.#error = error;
    this.#parser.stop();
    this.#socket.destroy();
  }

  head(head: ReplyHead): void {
    this.#receiver?.head(head);
  }

  data(chunk: Buffer): void {
    this.#receiver?.data(Buffer.from(chunk));
  }

  end(reusable: boolean, keepAliveMs: number | undefined): void {
    const receiver = this.#receiver;
    this.#receiver = undefined;
    // An answer that came before all of the request was sent leaves the rest of it in the way.
    if (reusable && this.#socket.writableLength === 0 && !this.#socket.writableEnded)
      this.#owner.free(this, keepAliveMs);
    else this.#socket.destroy();
    receiver?.end();
  }

  bad(code: string): void {
    this.#break(code);
  }

  #break(code: string): void {
    this.#error = coded(code);
    this.#socket.destroy();
    this.#lose(this.#error);
  }

  #lose(error: Error): void {
    const receiver = this.#receiver;
    this.#receiver = undefined;
    receiver?.broken(error);
  }

  #write(): void {
    const request = this.#request!;
    this.#request = undefined;
    const { body } = request;
    const bytes = body === null ? 0 : body.reduce((sum, part) => sum + part.length, 0);
    const head = headOf(request, this.#owner, bytes);
    if (head === undefined) {
      this.#break("UNSENDABLE");
      return;
    }
    this.#receiver?.sent();
    // Whoever was told may have given it up.
    if (this.#socket.destroyed) return;
    this.#parser.expect();
    const socket = this.#socket;
    if (body === null) socket.write(head, "latin1");
    else if (bytes <= JOINED_BYTES) socket.write(joined(head, body, bytes));
    else {
      socket.cork();
      socket.write(head, "latin1");
      for (const part of body) socket.write(part);
      socket.uncork();
    }
  }
}

/** A header as it is written; `undefined` when it cannot be. */
export type HeaderLines = (name: string, value: string) => string | undefined;

/** Most headers say the same in every request: the line last written with each name is kept. */
export function headerLines(): HeaderLines {
  const written = new Map<string, { readonly value: string; readonly line: string }>();
  return (name, value) => {
    const last = written.get(name);
    if (last?.value === value) return last.line;
    if (!NAME.test(name) || !VALUE.test(value)) return undefined;
    const line = `${name}: ${value}\r\n`;
    if (last || written.size < MAX_LINES) written.set(name, { value, line });
    return line;
  };
}

/** `undefined` when something in it cannot stand in a head. */
function headOf(
  { method, path, headers, body }: HttpRequest,
  owner: ConnectionOwner,
  bytes: number,
): string | undefined {
  if (!PATH.test(path)) return undefined;
  let head = `${method} ${path} HTTP/1.1\r\nhost: ${owner.authority}\r\nconnection: keep-alive\r\n`;
  for (let at = 0; at < headers.length; at += 2) {
    const line = owner.lines(headers[at]!, headers[at + 1]!);
    if (line === undefined) return undefined;
    head += line;
  }
  return body === null ? `${head}\r\n` : `${head}content-length: ${bytes}\r\n\r\n`;
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
