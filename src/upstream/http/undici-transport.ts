import { isIP } from "node:net";
import { buildConnector, type Dispatcher, Pool } from "undici";
import { codeOf } from "./faults.ts";
import { ATTEMPT_TIMEOUT_MS, keepLastGood } from "./lookup.ts";
import type { HttpProxy } from "./proxy.ts";
import type { Carrier, Exchange, HttpRequest, Transport, TransportOptions } from "./transport.ts";
import { ProxyError, tunnelConnector } from "./tunnel.ts";
import { hostOf } from "./url-parts.ts";

/** Connecting through a proxy takes what the proxy needs besides. */
const PROXY_TIMEOUT_MS = 10_000;

/** Connections to an upstream with TLS, or through a proxy. */
export function openUndiciTransport(options: TransportOptions): Transport {
  const url = new URL(options.url);
  const { keepAliveMs = 4_000, proxy } = options;
  // A proxy takes requests for plain HTTP itself, and lets through what is encrypted.
  const forwards = proxy !== undefined && url.protocol === "http:";
  const pool = new Pool(forwards ? `${proxy.secure ? "https" : "http"}://${proxy.address}` : url.origin, {
    connect: connectorTo(url, options),
    pipelining: 1,
    allowH2: false,
    keepAliveTimeout: keepAliveMs,
    keepAliveMaxTimeout: 60_000,
    // Time is the caller's: progress may extend it.
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: 65_536,
  });
  const authority = options.authority ?? (forwards ? url.host : undefined);
  const ownHeaders = [
    ...(authority === undefined ? [] : ["host", authority]),
    ...(forwards && proxy.authorization !== undefined ? ["proxy-authorization", proxy.authorization] : []),
  ];
  const prefix = forwards ? url.origin : "";
  return {
    start(exchange) {
      new Carried(exchange, forwards ? proxy : undefined).dispatch(pool, { prefix, ownHeaders });
    },
    close: error => pool.destroy(error),
  };
}

/** Said aloud, since Node lets its environment and its flags decide what is not. */
const tlsRules = (skipsVerification = false) =>
  ({ rejectUnauthorized: !skipsVerification, minVersion: "TLSv1.2" }) as const;

/** Connects to that origin, through the proxy where there is one. */
export function connectorTo(url: URL, options: TransportOptions): buildConnector.connector {
  const { clock, ca, proxy } = options;
  const { connectTimeoutMs = proxy ? PROXY_TIMEOUT_MS : 3_000 } = options;
  const lookup = keepLastGood(clock, options.lookup);
  const connecting = {
    ...{ timeout: connectTimeoutMs, lookup, keepAliveInitialDelay: 30_000, ...(ca !== undefined && { ca }) },
    ...{ autoSelectFamily: true, autoSelectFamilyAttemptTimeout: ATTEMPT_TIMEOUT_MS },
  };
  const connect = buildConnector({ ...connecting, ...tlsRules(options.skipsVerification) });
  // The name in the certificate is that of the URL, whatever the `Host` header says, and has no dot at its end.
  const named: buildConnector.connector = (target, callback) =>
    connect({ ...target, servername: serverName(hostOf(url)) }, callback);
  if (!proxy) return named;
  if (url.protocol === "https:") {
    return tunnelConnector({ proxy, clock, timeoutMs: connectTimeoutMs, lookup, connect: named });
  }
  const connectToProxy = buildConnector({ ...connecting, ...tlsRules(false) });
  return (target, callback) =>
    connectToProxy({ ...target, servername: serverName(proxy.hostname) }, (...outcome) => {
      const [error, socket] = outcome;
      if (error) callback(new ProxyError(proxy, codeOf(error)), null);
      else callback(null, socket);
    });
}

const serverName = (host: string): string => (isIP(host) === 0 ? host : "");

/**
 * After a larger request a connection is not used again: where the answer came before all of it was sent, undici would
 * put the next request behind the rest, which nobody reads.
 */
const MAX_REUSED_BYTES = 1024 * 1024;

const PROXY_AUTHENTICATION = 407;
/** Replies that say that the reply is yet to come. */
const MAX_INTERIM = 100;
const NOT_HTTP = (): Error => Object.assign(new Error("interim replies without end"), { code: "NOT_HTTP" });

/** Translates undici's handler into ours. */
class Carried implements Dispatcher.DispatchHandler, Carrier {
  readonly #exchange: Exchange;
  /** Whoever forwards the request, and answers instead of the upstream when it will not. */
  readonly #proxy: HttpProxy | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #interim = 0;
  #paused = false;
  #over = false;

  constructor(exchange: Exchange, proxy: HttpProxy | undefined) {
    this.#exchange = exchange;
    this.#proxy = proxy;
  }

  dispatch(pool: Pool, added: { readonly prefix: string; readonly ownHeaders: readonly string[] }): void {
    const { head, headers, body }: HttpRequest = this.#exchange.request;
    this.#exchange.carrier = this;
    const bytes = body && Buffer.concat(body);
    const lines = [...added.ownHeaders, ...head.headers, ...Object.entries(headers).flat()];
    const reset = (bytes?.length ?? 0) > MAX_REUSED_BYTES;
    pool.dispatch({ method: head.method, path: added.prefix + head.path, headers: lines, body: bytes, reset }, this);
  }

  abandon(): void {
    this.#over = true;
    this.#controller?.abort(new Error("abandoned"));
  }

  pause(): void {
    this.#paused = true;
    this.#controller?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#controller?.resume();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#over) controller.abort(new Error("abandoned"));
    else this.#exchange.sent();
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (this.#over) return;
    if (status < 200) {
      if (++this.#interim > MAX_INTERIM) this.#break(NOT_HTTP());
    } else if (status === PROXY_AUTHENTICATION && this.#proxy) {
      this.#break(new ProxyError(this.#proxy, "PROXY_UNAUTHENTICATED", status));
    } else {
      const length = headers["content-length"];
      this.#exchange.head({ status, headers, bytes: typeof length === "string" ? Number(length) : undefined });
    }
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#over) this.#exchange.data(chunk);
  }

  onResponseEnd(): void {
    if (this.#leave()) this.#exchange.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#leave()) this.#exchange.fail(error);
  }

  #break(error: Error): void {
    this.abandon();
    this.#exchange.carrier = undefined;
    this.#exchange.fail(error);
  }

  /** The exchange may be sent again from now on, on another connection. Tells whether it still wants to know. */
  #leave(): boolean {
    if (this.#over) return false;
    this.#over = true;
    if (this.#paused) this.resume();
    this.#exchange.carrier = undefined;
    return true;
  }
}
