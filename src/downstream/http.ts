import type { Server } from "node:http";
import type { Config } from "../config/schema.ts";
import { createDrain } from "../core/drain.ts";
import type { Front } from "../core/front.ts";
import type { Clock } from "../core/ports.ts";
import { type BacklogLimits, createBacklog } from "./backlog.ts";
import { BODIES, createBodyRoom } from "./body-room.ts";
import { MAX_HEAD_BYTES } from "./client-errors.ts";
import { type Connections, limitConnections, streamsWithin } from "./connections.ts";
import type { DoorRules } from "./origin-check.ts";
import { openReaders } from "./readers.ts";
import { createReception, turnAway } from "./reception.ts";
import { createSessions, type Sessions } from "./sessions.ts";
import { createSseEndpoint } from "./sse.ts";
import { createStreamable } from "./streamable.ts";
import { createStreams } from "./streams.ts";

export interface HttpFrontOptions {
  readonly front: Front;
  readonly clock: Clock;
  readonly transport: Config["transport"];
  readonly maxConnections: number;
  readonly door: DoorRules;
  /** For `/healthz` and `/readyz`: whether calls can be served. */
  ready(): boolean;
  /** A bug of ours that a request ran into. */
  trouble(error: unknown): void;
  /** For tests, which must not wait as long as agents may. */
  readonly limits?: Partial<HttpLimits>;
}

export type HttpLimits = BacklogLimits & { readonly [Limit in keyof typeof LIMITS | "bodyBytes"]: number };

export interface HttpFront {
  /** Rejects with the error of `net.Server`. Resolves with the port. */
  listen(address: { host: string; port: number }): Promise<number>;
  readonly sessions: Sessions;
  readonly hears: boolean;
  readonly inFlight: number;
  readonly connections: Pick<Connections, "open" | "counts">;
  /**
   * Refuses what begins anything, and lets what runs finish, with the answers that it waits for. Resolves with how many
   * requests still run after `graceMs`. A second time shortens the wait.
   */
  drain(graceMs: number): Promise<number>;
  /** Ends what is left. */
  close(): void;
}

const LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  maxHeaderSize: MAX_HEAD_BYTES,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 5_000,
} as const;

/** The HTTP side towards agents: one port, every revision. */
export function createHttpFront(options: HttpFrontOptions): HttpFront {
  const { front, clock, maxConnections } = options;
  const { ledger, pressure } = front;
  const limits = { ...LIMITS, ...options.limits };
  const sessions = createSessions({ front, clock });
  const backlog = createBacklog(clock, options.limits);
  const bodies = createBodyRoom({ clock, maxBytes: options.limits?.bodyBytes ?? BODIES.totalBytes });
  const streams = createStreams({ ledger, clock, backlog, maxEndless: streamsWithin(maxConnections) });
  const streamable = createStreamable({ front, clock, sessions, streams, backlog, bodies });
  const sse = createSseEndpoint({
    ...{ front, ledger, sessions, streams, backlog, bodies, sealer: front.sealer },
    isShedding: () => pressure.sheds("sessions"),
  });
  const unsubscribe = front.onChange(sessions.listsChanged);
  const requests = createDrain(clock);
  const { receive, beginDraining } = createReception({
    ...{ ...options, requests, streamable, sse },
    connections: () => connections,
  });
  const { server, strict } = openReaders(limits, { bodies, receive });
  const connections = limitConnections(server, { max: maxConnections, clock, turnAway });

  return {
    sessions,
    hears: true,
    connections,
    get inFlight() {
      return requests.running;
    },
    listen: address =>
      listen(server, address).then(port => {
        // Without a descriptor to spare nothing can be accepted; what is open goes on.
        server.on("error", options.trouble);
        return port;
      }),
    async drain(graceMs) {
      if (beginDraining()) {
        unsubscribe();
        strict.closeIdle();
        server.closeIdleConnections();
        streams.stop();
      }
      await requests.over(graceMs);
      return requests.running;
    },
    close() {
      server.close();
      sessions.stop();
      strict.closeAll();
      server.closeAllConnections();
    },
  };
}

function listen(server: Server, address: { host: string; port: number }): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ ...address, exclusive: true }, () => {
      server.removeListener("error", reject);
      const bound = server.address();
      resolve(typeof bound === "object" && bound ? bound.port : address.port);
    });
  });
}
