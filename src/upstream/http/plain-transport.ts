import { keepLastGood } from "./lookup.ts";
import { type ConnectionOwner, PlainConnection } from "./plain-connection.ts";
import { headerLines } from "./request-head.ts";
import type { Exchange, Transport, TransportOptions } from "./transport.ts";

/** How much sooner than the upstream we stop using an idle connection, for what is on the way at that moment. */
const KEEP_ALIVE_MARGIN_MS = 1_000;
const MAX_KEEP_ALIVE_MS = 60_000;

/**
 * Connections to an upstream without TLS: one exchange at a time on each, the one last used is used first, and
 * whatever is not exactly HTTP/1.1 closes its connection.
 */
export function openPlainTransport(options: TransportOptions): Transport {
  const { clock, keepAliveMs = 4_000, connectTimeoutMs = 3_000 } = options;
  const { hostname, port, host } = new URL(options.url);
  const all = new Set<PlainConnection>();
  const idle: PlainConnection[] = [];
  /** Those that get a connection at the end of this turn of the event loop, when the ones that just broke are known. */
  let starting: Exchange[] = [];
  let resting: PlainConnection[] = [];
  let cancelSweep: (() => void) | undefined;
  let closed: Error | undefined;

  const owner: ConnectionOwner = {
    host: hostname.replace(/^\[|\]$/g, ""),
    port: Number(port || 80),
    authority: options.authority ?? host,
    clock,
    lookup: keepLastGood(clock, options.lookup),
    connectTimeoutMs,
    lines: headerLines(),
    free(connection, announcedMs) {
      const keptMs = announcedMs === undefined ? keepAliveMs : announcedMs - KEEP_ALIVE_MARGIN_MS;
      connection.expiresAt = clock.now() + Math.min(keptMs, MAX_KEEP_ALIVE_MS);
      resting.push(connection);
      if (resting.length + starting.length === 1) setImmediate(endTurn);
    },
    gone(connection) {
      all.delete(connection);
    },
  };

  /**
   * Everything that had arrived has been read. All requests are written one after the other, because each write wakes
   * the upstream and many in a row wake it once. Connections that had a reply in this turn take none of them: what comes
   * unasked after a reply is seen before the next request is sent.
   */
  function endTurn(): void {
    const [exchanges, rested] = [starting, resting];
    starting = [];
    resting = [];
    for (const exchange of exchanges) {
      if (exchange.isOver) continue;
      if (closed) exchange.fail(closed);
      else take().begin(exchange);
    }
    for (const connection of rested) if (connection.isUsable) idle.push(connection);
    sweepLater();
  }

  function sweepLater(): void {
    if (cancelSweep || idle.length === 0) return;
    cancelSweep = clock.after(keepAliveMs, () => {
      cancelSweep = undefined;
      const now = clock.now();
      for (const connection of idle.splice(0)) {
        if (connection.isUsable && connection.expiresAt > now) idle.push(connection);
        else connection.abandon();
      }
      sweepLater();
    });
  }

  function take(): PlainConnection {
    for (;;) {
      const connection = idle.pop();
      if (!connection) break;
      if (connection.isUsable && connection.expiresAt > clock.now()) return connection;
      connection.abandon();
    }
    const connection = new PlainConnection(owner);
    all.add(connection);
    return connection;
  }

  return {
    start(exchange) {
      starting.push(exchange);
      if (resting.length + starting.length === 1) setImmediate(endTurn);
    },
    async close(error) {
      closed = error;
      cancelSweep?.();
      for (const connection of [...all]) connection.close(error);
    },
  };
}
