import { type Dispatcher, Pool } from "undici";
import { keepLastGood } from "./lookup.ts";
import type { HttpRequest, Ongoing, ReplyReceiver, Transport, TransportOptions } from "./transport.ts";

/** Connections to an upstream with TLS. */
export function openUndiciTransport(options: TransportOptions): Transport {
  const { clock, keepAliveMs = 4_000, connectTimeoutMs = 3_000, ca } = options;
  const lookup = keepLastGood(clock, options.lookup);
  const pool = new Pool(new URL(options.url).origin, {
    connect: { timeout: connectTimeoutMs, lookup, keepAliveInitialDelay: 30_000, ...(ca !== undefined && { ca }) },
    pipelining: 1,
    allowH2: false,
    keepAliveTimeout: keepAliveMs,
    keepAliveMaxTimeout: 60_000,
    // Time is the caller's: progress may extend it.
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: 16_384,
  });
  return {
    start(request, receiver) {
      const exchange = new Exchange(receiver);
      exchange.dispatch(pool, request);
      return exchange;
    },
    close: error => pool.destroy(error),
  };
}

/**
 * After a larger request a connection is not used again: where the answer came before all of it was sent, undici would
 * put the next request behind the rest, which nobody reads.
 */
const MAX_REUSED_BYTES = 1024 * 1024;

/** Translates undici's handler into ours. */
class Exchange implements Dispatcher.DispatchHandler, Ongoing {
  readonly #receiver: ReplyReceiver;
  #controller: Dispatcher.DispatchController | undefined;
  #over = false;

  constructor(receiver: ReplyReceiver) {
    this.#receiver = receiver;
  }

  dispatch(pool: Pool, { method, path, headers, body }: HttpRequest): void {
    const bytes = body && Buffer.concat(body);
    pool.dispatch({ method, path, headers, body: bytes, reset: (bytes?.length ?? 0) > MAX_REUSED_BYTES }, this);
  }

  abandon(): void {
    this.#over = true;
    this.#controller?.abort(new Error("abandoned"));
  }

  pause(): void {
    this.#controller?.pause();
  }

  resume(): void {
    this.#controller?.resume();
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
    if (!this.#over && status >= 200) this.#receiver.head({ status, headers });
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#over) this.#receiver.data(chunk);
  }

  onResponseEnd(): void {
    if (!this.#over) this.#receiver.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (!this.#over) this.#receiver.broken(error);
  }
}
