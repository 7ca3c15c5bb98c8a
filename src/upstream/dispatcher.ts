import { type Dispatcher, Pool } from "undici";
import type { Clock } from "../core/ports.ts";
import type { ReplyHead } from "./statuses.ts";

export interface DispatcherOptions {
  /** Any URL of the upstream; only its origin counts. */
  readonly url: string;
  readonly clock: Clock;
  /** How many calls may be under way before the next ones queue. More connections make every call slower. */
  readonly connections?: number;
  /** How long an unused connection is kept where the upstream does not say. */
  readonly keepAliveMs?: number;
  readonly connectTimeoutMs?: number;
  /** PEM certificates to trust instead of the system's. */
  readonly ca?: string;
}

/**
 * - `call`: queues behind other calls when there are many.
 * - `control`: sent at once, since calls may be waiting for it.
 * - `stream`: stays open for long, on connections of its own.
 */
export type Lane = "call" | "control" | "stream";

export interface HttpRequest {
  readonly lane: Lane;
  readonly method: "POST" | "GET" | "DELETE";
  readonly path: string;
  /** Name, value, name, value, … */
  readonly headers: string[];
  readonly body: Buffer | null;
}

/** Takes one reply: a head, data, then either the end or an error; nothing after it was aborted. */
export interface ReplyReceiver {
  /** The request is being written from now on. */
  sent(): void;
  head(head: ReplyHead): void;
  data(chunk: Buffer): void;
  end(): void;
  broken(error: unknown): void;
}

/** Connections to one origin with one set of credentials; no connection is shared with another. */
export interface UpstreamDispatcher {
  /** Returns the function that abandons the exchange and closes its connection. */
  send(request: HttpRequest, receiver: ReplyReceiver): () => void;
  /** Breaks every exchange and closes every connection. */
  close(): Promise<void>;
}

/** A queued call gets a connection of its own after this long: slow calls must not starve quick ones. */
const MAX_QUEUE_MS = 50;
const EVENT_STREAM = /^text\/event-stream\b/i;

export function openDispatcher(options: DispatcherOptions): UpstreamDispatcher {
  const { clock, connections = 32 } = options;
  const calls = openPool(options);
  const streams = openPool(options);
  const waiting: Exchange[] = [];
  let running = 0;
  let timerSet = false;

  const start = (exchange: Exchange): void => {
    running++;
    exchange.start(calls, released);
  };
  const released = (): void => {
    running--;
    while (running < connections) {
      const next = waiting.shift();
      if (!next) return;
      start(next);
    }
  };
  const relieve = (): void => {
    timerSet = false;
    while (waiting[0] && clock.now() - waiting[0].queuedAt >= MAX_QUEUE_MS) start(waiting.shift()!);
    watchQueue();
  };
  const watchQueue = (): void => {
    const first = waiting[0];
    if (timerSet || !first) return;
    timerSet = true;
    clock.after(Math.max(first.queuedAt + MAX_QUEUE_MS - clock.now(), 1), relieve);
  };
  const dequeue = (exchange: Exchange): void => {
    const at = waiting.indexOf(exchange);
    if (at >= 0) waiting.splice(at, 1);
  };

  return {
    send(request, receiver) {
      const exchange = new Exchange(request, receiver);
      if (request.lane !== "call") exchange.start(request.lane === "stream" ? streams : calls, undefined);
      else if (running < connections) start(exchange);
      else {
        exchange.queuedAt = clock.now();
        waiting.push(exchange);
        watchQueue();
      }
      return () => {
        dequeue(exchange);
        exchange.abort();
      };
    },
    async close() {
      const closed = Object.assign(new Error("closed"), { code: "UND_ERR_CLOSED" });
      for (const exchange of waiting.splice(0)) exchange.fail(closed);
      await Promise.all([calls.destroy(closed), streams.destroy(closed)]);
    },
  };
}

function openPool(options: DispatcherOptions): Pool {
  const { keepAliveMs = 4_000, connectTimeoutMs = 3_000, ca } = options;
  return new Pool(new URL(options.url).origin, {
    connect: { timeout: connectTimeoutMs, keepAliveInitialDelay: 30_000, ...(ca !== undefined && { ca }) },
    pipelining: 1,
    allowH2: false,
    keepAliveTimeout: keepAliveMs,
    keepAliveMaxTimeout: 60_000,
    // Time is the caller's: progress may extend it.
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: 16_384,
  });
}

/** One request on its way; translates undici's handler into ours and gives its place in the queue free once. */
class Exchange implements Dispatcher.DispatchHandler {
  queuedAt = 0;
  readonly #request: HttpRequest;
  readonly #receiver: ReplyReceiver;
  #release: (() => void) | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #over = false;

  constructor(request: HttpRequest, receiver: ReplyReceiver) {
    this.#request = request;
    this.#receiver = receiver;
  }

  start(pool: Pool, release: (() => void) | undefined): void {
    this.#release = release;
    const { method, path, headers, body } = this.#request;
    pool.dispatch({ method, path, headers, body }, this);
  }

  abort(): void {
    if (this.#over) return;
    this.#over = true;
    this.#controller?.abort(new Error("abandoned"));
    this.#leaveQueue();
  }

  fail(error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#leaveQueue();
    this.#receiver.broken(error);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#over) controller.abort(new Error("abandoned"));
    else this.#receiver.sent();
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (this.#over || status < 200) return;
    const type = headers["content-type"];
    if (typeof type === "string" && EVENT_STREAM.test(type)) this.#leaveQueue();
    this.#receiver.head({ status, headers });
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#over) this.#receiver.data(chunk);
  }

  onResponseEnd(): void {
    if (this.#over) return;
    this.#over = true;
    this.#leaveQueue();
    this.#receiver.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.fail(error);
  }

  #leaveQueue(): void {
    const release = this.#release;
    this.#release = undefined;
    release?.();
  }
}
