import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import type { Config } from "../config/schema.ts";
import { createDrain } from "../core/drain.ts";
import type { Front } from "../core/front.ts";
import type { Clock } from "../core/ports.ts";
import type { Message } from "../wire/message.ts";
import { errorOf } from "../wire/rpc-errors.ts";
import { type BacklogLimits, createBacklog } from "./backlog.ts";
import type { Batch } from "./batch.ts";
import { BODIES, createBodyRoom } from "./body-room.ts";
import { createClientErrors, MAX_HEAD_BYTES } from "./client-errors.ts";
import { type Connections, limitConnections, streamsWithin } from "./connections.ts";
import { answerPreflight, isPreflight, openTo } from "./cors.ts";
import { beginsWork, DRAINING } from "./draining.ts";
import { ENTRANCES } from "./entrances.ts";
import { createDoor, type DoorRules } from "./origin-check.ts";
import { type Place, pathOf, placeOf } from "./paths.ts";
import { answerText, refuse } from "./refuse.ts";
import { createSessions, type Sessions } from "./sessions.ts";
import { createSseEndpoint } from "./sse.ts";
import { createStreamable } from "./streamable.ts";
import { createStreams } from "./streams.ts";
import type { Visit } from "./visit.ts";

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
/** A call has no end of its own: an agent that is gone without a word must be noticed. */
const KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelay: 30_000 } as const;
const MAX_HEADERS = 100;
const ALL: Visit["view"] = { kind: "all" };
const OVERLOADED = errorOf({ kind: "overloaded" });
const CLOSE_AND_RETRY = { connection: "close", "retry-after": "1" };

/** The HTTP side towards agents: one port, every revision. */
export function createHttpFront(options: HttpFrontOptions): HttpFront {
  const { front, clock } = options;
  const entrances = new Set(ENTRANCES[options.transport]);
  const sessions = createSessions({ front, clock });
  const backlog = createBacklog(clock, options.limits);
  const bodies = createBodyRoom({ clock, maxBytes: options.limits?.bodyBytes ?? BODIES.totalBytes });
  const { ledger } = front;
  const streams = createStreams({ ledger, clock, backlog, maxEndless: streamsWithin(options.maxConnections) });
  const streamable = createStreamable({ front, clock, sessions, streams, backlog, bodies });
  const sse = createSseEndpoint({
    ...{ front, ledger, sessions, streams, backlog, bodies, sealer: front.sealer },
    isShedding: () => front.pressure.sheds("sessions"),
  });
  const unsubscribe = front.onChange(sessions.listsChanged);
  const requests = createDrain(clock);
  const door = createDoor(options.door);
  const clientErrors = createClientErrors();
  let draining = false;
  const receive: RequestListener = (request, response) => {
    const { url: target = "", method = "" } = request;
    const path = pathOf(target);
    const place = placeOf(path, { target, method });
    const objection = door(request, place.kind === "health");
    if (objection !== undefined)
      return refuse(response, { status: target.startsWith("/") ? 403 : 400, why: objection });
    if (request.headers.origin !== undefined) openTo(request.headers.origin, response);
    if (request.rawHeaders.length > 2 * MAX_HEADERS)
      return refuse(response, { status: 431, why: "There are too many headers", headers: { connection: "close" } });
    const isBeyond = isOver(request);
    if (isBeyond || draining || front.pressure.closing) response.shouldKeepAlive = false;
    if (isPreflight(request)) return answerPreflight(request, response);
    if (place.kind === "health") return health(response, place.asks);
    if (isBeyond) return refuse(response, { status: 503, why: OVERLOADED, headers: CLOSE_AND_RETRY });
    if (!draining) count(response);
    else if (method !== "POST") return refuse(response, { status: 503, why: DRAINING, headers: CLOSE_AND_RETRY });
    if (response.socket === null) {
      clientErrors.queued(response, request.socket);
      closeWithConnection(request, response);
    }
    const late = draining ? { admits: (text: Message | Batch) => admits(text, response) } : undefined;
    serve({ request, response, late }, { path, place }).catch(error => {
      options.trouble(error);
      refuse(response, { status: 500, why: "The gateway failed to handle this request; its log says why" });
      response.destroy();
    });
  };

  const server = createServer({ ...LIMITS, ...KEEP_ALIVE, ...options.limits }, receive);
  // Leave to send a body is given where it is read.
  server.on("checkContinue", receive);
  const connections = limitConnections(server, {
    ...{ max: options.maxConnections, clock },
    turnAway: response => refuse(response, { status: 503, why: OVERLOADED, headers: CLOSE_AND_RETRY }),
  });
  server.on("clientError", clientErrors.answer);
  server.on("connect", (_request, connection) => clientErrors.refuseTunnel(connection));

  const isOver = ({ socket }: IncomingMessage): boolean => connections.areCrowded && connections.isOver(socket);

  function count(response: ServerResponse): void {
    requests.began();
    const connection = connections.began(response);
    response.on("close", () => {
      requests.ended();
      connections.ended(connection, response);
    });
  }

  /** Only what is let in is waited for: a crowd that is turned away must not keep the gateway from ending. */
  function admits(text: Message | Batch, response: ServerResponse): boolean {
    if (beginsWork(text)) {
      const id = text.kind === "request" ? text.id : undefined;
      refuse(response, { status: 503, why: DRAINING, id, headers: CLOSE_AND_RETRY });
      return false;
    }
    count(response);
    return true;
  }

  async function serve(
    { request, response, late }: Omit<Visit, "view">,
    { path, place }: { path: string; place: Exclude<Place, { kind: "health" }> },
  ): Promise<void> {
    if (place.kind === "nowhere" || !entrances.has(place.kind === "mcp" ? "/mcp" : "/sse"))
      return refuse(response, { status: 404, why: `There is nothing at ${path}; MCP is served at /mcp` });
    if (place.kind !== "mcp") return sse[place.kind]({ request, response, view: ALL, late });
    if (front.view(place.view)) return streamable({ request, response, view: place.view, late });
    return refuse(response, { status: 404, why: `No upstream is configured for ${path}` });
  }

  /** Probes come under any method, and are told also while the gateway ends. */
  function health(response: ServerResponse, asks: "lives" | "ready"): void {
    const isReady = !draining && options.ready();
    if (asks === "lives") answerText(response, { status: 200, text: draining ? "stopping\n" : "ok\n" });
    else answerText(response, isReady ? { status: 200, text: "ready\n" } : { status: 503, text: "not ready\n" });
  }

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
      if (!draining) {
        draining = true;
        unsubscribe();
        server.closeIdleConnections();
        streams.stop();
      }
      await requests.over(graceMs);
      return requests.running;
    },
    close() {
      server.close();
      sessions.stop();
      server.closeAllConnections();
    },
  };
}

/** A response that waits for an earlier one of its connection is not told when that closes. */
function closeWithConnection({ socket }: IncomingMessage, response: ServerResponse): void {
  const closed = (): void => {
    response.destroy();
    response.emit("close");
  };
  socket.setMaxListeners(0).once("close", closed);
  response.once("socket", () => socket.removeListener("close", closed));
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
