import { refuseTransport } from "./no-transport.ts";
import { openPlainTransport } from "./plain-transport.ts";
import { type Environment, proxyFor } from "./proxy.ts";
import { isEventStream, type ReplyHead } from "./statuses.ts";
import type { HttpRequest, Ongoing, ReplyReceiver, Transport, TransportOptions } from "./transport.ts";
import { ProxyError } from "./tunnel.ts";
import { openUndiciTransport } from "./undici-transport.ts";

export interface DispatcherOptions extends Omit<TransportOptions, "proxy"> {
  /** The gateway's own, which may name a proxy; by default none. */
  readonly environment?: Environment;
  /** How many calls may be under way before the next ones queue. More connections make every call slower. */
  readonly connections?: number;
  /** Whether credentials would be sent that everybody on the way could read: nothing is sent at all. */
  readonly isExposed?: boolean;
  /** How requests travel; by default what suits the URL. */
  readonly openTransport?: (options: TransportOptions) => Transport;
}

/** Connections to one origin with one set of credentials; no connection is shared with another. */
export interface UpstreamDispatcher {
  send(request: HttpRequest, receiver: ReplyReceiver): Ongoing;
  /** Breaks every exchange and closes every connection. */
  close(): Promise<void>;
}

/** A queued call gets a connection of its own after this long: slow calls must not starve quick ones. */
const MAX_QUEUE_MS = 50;

function openTransport(options: DispatcherOptions): Transport {
  const { url, ca, environment = {} } = options;
  const proxy = proxyFor(url, environment);
  if (options.isExposed) return refuseTransport(Object.assign(new Error("exposed"), { code: "PLAIN_HTTP" }));
  if (options.openTransport) return options.openTransport(options);
  if (proxy.kind === "unusable") return refuseTransport(new ProxyError(proxy, "PROXY_UNUSABLE"));
  if (proxy.kind === "proxy") return openUndiciTransport({ ...options, proxy });
  return (ca === undefined && new URL(url).protocol === "http:" ? openPlainTransport : openUndiciTransport)(options);
}

export function openDispatcher(options: DispatcherOptions): UpstreamDispatcher {
  const { clock, connections = 32 } = options;
  const transport = openTransport(options);
  /** To the same host over TLS, opened when the upstream sends us there. */
  let upgraded: Transport | undefined;
  const carrierOf = (request: HttpRequest): Transport => {
    if (!request.upgraded) return transport;
    upgraded ??= openTransport({ ...options, url: options.url.replace(/^http:/i, "https:") });
    return upgraded;
  };
  const waiting: Exchange[] = [];
  let running = 0;
  let timerSet = false;

  const queue: Queue = {
    start(exchange) {
      running++;
      exchange.start(carrierOf);
    },
    left() {
      running--;
      while (running < connections) {
        const next = waiting.shift();
        if (!next) return;
        queue.start(next);
      }
    },
    forget(exchange) {
      const at = waiting.indexOf(exchange);
      if (at >= 0) waiting.splice(at, 1);
    },
  };
  const relieve = (): void => {
    timerSet = false;
    while (waiting[0] && clock.now() - waiting[0].queuedAt >= MAX_QUEUE_MS) queue.start(waiting.shift()!);
    watchQueue();
  };
  const watchQueue = (): void => {
    const first = waiting[0];
    if (timerSet || !first) return;
    timerSet = true;
    clock.after(Math.max(first.queuedAt + MAX_QUEUE_MS - clock.now(), 1), relieve);
  };

  return {
    send(request, receiver) {
      if (request.lane !== "call") return new Exchange(request, receiver, undefined).start(carrierOf);
      const exchange = new Exchange(request, receiver, queue);
      if (running < connections) queue.start(exchange);
      else {
        exchange.queuedAt = clock.now();
        waiting.push(exchange);
        watchQueue();
      }
      return exchange;
    },
    async close() {
      const closed = Object.assign(new Error("closed"), { code: "CLOSED" });
      for (const exchange of waiting.splice(0)) exchange.broken(closed);
      await Promise.all([transport.close(closed), upgraded?.close(closed)]);
    },
  };
}

interface Queue {
  start(exchange: Exchange): void;
  /** A started exchange no longer takes a place. */
  left(): void;
  /** It has been given up before it was started. */
  forget(exchange: Exchange): void;
}

/** One exchange, from its place in the queue to the end of its reply. Gives its place free once. */
class Exchange implements ReplyReceiver, Ongoing {
  queuedAt = 0;
  readonly #request: HttpRequest;
  readonly #receiver: ReplyReceiver;
  #queue: Queue | undefined;
  #ongoing: Ongoing | undefined;
  #started = false;
  #over = false;

  constructor(request: HttpRequest, receiver: ReplyReceiver, queue: Queue | undefined) {
    this.#request = request;
    this.#receiver = receiver;
    this.#queue = queue;
  }

  start(carrierOf: (request: HttpRequest) => Transport): this {
    this.#started = true;
    const ongoing = carrierOf(this.#request).start(this.#request, this);
    if (this.#over) ongoing.abandon();
    else this.#ongoing = ongoing;
    return this;
  }

  abandon(): void {
    if (this.#over) return;
    this.#over = true;
    this.#ongoing?.abandon();
    if (!this.#started) this.#queue?.forget(this);
    else this.#leaveQueue();
  }

  pause(): void {
    this.#ongoing?.pause();
  }

  resume(): void {
    this.#ongoing?.resume();
  }

  sent(): void {
    if (!this.#over) this.#receiver.sent();
  }

  head(head: ReplyHead): void {
    if (this.#over) return;
    if (isEventStream(head)) this.#leaveQueue();
    this.#receiver.head(head);
  }

  data(chunk: Buffer): void {
    if (!this.#over) this.#receiver.data(chunk);
  }

  end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#leaveQueue();
    this.#receiver.end();
  }

  broken(error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#started) this.#leaveQueue();
    this.#receiver.broken(error);
  }

  #leaveQueue(): void {
    const queue = this.#queue;
    this.#queue = undefined;
    queue?.left();
  }
}
