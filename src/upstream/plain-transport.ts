import { type ConnectionOwner, headerLines, PlainConnection } from "./plain-connection.ts";
import type { Transport, TransportOptions } from "./transport.ts";

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
  /** Free since this turn of the event loop: what comes unasked after a reply is seen before the next request is sent. */
  let resting: PlainConnection[] = [];
  let cancelSweep: (() => void) | undefined;
  let closed: Error | undefined;

  const owner: ConnectionOwner = {
    host: hostname.replace(/^\[|\]$/g, ""),
    port: Number(port || 80),
    authority: host,
    clock,
    connectTimeoutMs,
    lines: headerLines(),
    free(connection, announcedMs) {
      const keptMs = announcedMs === undefined ? keepAliveMs : announcedMs - KEEP_ALIVE_MARGIN_MS;
      connection.expiresAt = clock.now() + Math.min(keptMs, MAX_KEEP_ALIVE_MS);
      if (resting.push(connection) === 1) setImmediate(rested);
    },
    gone(connection) {
      all.delete(connection);
    },
  };

  function rested(): void {
    for (const connection of resting) if (connection.isUsable) idle.push(connection);
    resting = [];
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
    start(request, receiver) {
      if (closed) {
        receiver.broken(closed);
        return { abandon: () => {} };
      }
      const connection = take();
      connection.begin(request, receiver);
      return connection;
    },
    async close(error) {
      closed = error;
      cancelSweep?.();
      for (const connection of [...all]) connection.close(error);
    },
  };
}
