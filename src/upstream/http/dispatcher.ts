import { refuseTransport } from "./no-transport.ts";
import { openPlainTransport } from "./plain-transport.ts";
import { type Environment, proxyFor } from "./proxy.ts";
import type { Exchange, Transport, TransportOptions } from "./transport.ts";
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
  /** Sends the request of the exchange: at once, or when those before it in its lane leave it a place. */
  start(exchange: Exchange): void;
  /** The exchange takes no place any more: it is over, or has turned out to stay open for long. */
  leave(exchange: Exchange): void;
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
  const waiting: Exchange[] = [];
  let running = 0;
  let timerSet = false;
  let giving = false;

  const send = (exchange: Exchange): void => {
    if (exchange.request.upgraded) {
      upgraded ??= openTransport({ ...options, url: options.url.replace(/^http:/i, "https:") });
      upgraded.start(exchange);
    } else transport.start(exchange);
  };
  const run = (exchange: Exchange): void => {
    running++;
    exchange.turn = "running";
    send(exchange);
  };
  const relieve = (): void => {
    timerSet = false;
    while (waiting[0] && clock.now() - waiting[0].queuedAt >= MAX_QUEUE_MS) run(waiting.shift()!);
    watchQueue();
  };
  const watchQueue = (): void => {
    const first = waiting[0];
    if (timerSet || !first) return;
    timerSet = true;
    clock.after(Math.max(first.queuedAt + MAX_QUEUE_MS - clock.now(), 1), relieve);
  };
  /** One after the other: what fails as soon as it has its turn stands no deeper than the one before. */
  const giveTurns = (): void => {
    if (giving) return;
    giving = true;
    while (running < connections && waiting[0]) run(waiting.shift()!);
    giving = false;
  };

  return {
    start(exchange) {
      if (exchange.request.lane !== "call") send(exchange);
      else if (running < connections) run(exchange);
      else {
        exchange.turn = "waiting";
        exchange.queuedAt = clock.now();
        waiting.push(exchange);
        watchQueue();
      }
    },
    leave(exchange) {
      const { turn } = exchange;
      exchange.turn = "none";
      if (turn === "waiting") waiting.splice(waiting.indexOf(exchange), 1);
      else if (turn === "running") {
        running--;
        giveTurns();
      }
    },
    async close() {
      const closed = Object.assign(new Error("closed"), { code: "CLOSED" });
      const ended = waiting.splice(0);
      // All of them first: one that fails may end another one, which does not stand here any more.
      for (const exchange of ended) exchange.turn = "none";
      for (const exchange of ended) exchange.fail(closed);
      await Promise.all([transport.close(closed), upgraded?.close(closed)]);
    },
  };
}
