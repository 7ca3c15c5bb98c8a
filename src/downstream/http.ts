import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Config } from "../config/schema.ts";
import type { View } from "../core/call.ts";
import { createDrain } from "../core/drain.ts";
import type { Front } from "../core/front.ts";
import { upstreamName } from "../core/names.ts";
import type { Clock } from "../core/ports.ts";
import type { Message } from "../wire/message.ts";
import { errorOf } from "../wire/rpc-errors.ts";
import { type BacklogLimits, createBacklog } from "./backlog.ts";
import type { Batch } from "./batch.ts";
import { BODIES } from "./body.ts";
import { limitConnections, streamsWithin } from "./connections.ts";
import { createDoor, type DoorRules } from "./door.ts";
import { ENTRANCES } from "./entrances.ts";
import { beginsWork, DRAINING } from "./late.ts";
import { refuse } from "./refuse.ts";
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
  readonly door: Omit<DoorRules, "port">;
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
  maxHeaderSize: 16_384,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 5_000,
} as const;
/** A call has no end of its own: an agent that is gone without a word must be noticed. */
const KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelay: 30_000 } as const;
const MAX_HEADERS = 100;
/** What never became a request, by node's error code; anything else is 400. */
const CLIENT_ERRORS: ReadonlyMap<string, string> = new Map([
  ["HPE_HEADER_OVERFLOW", "431 Request Header Fields Too Large"],
  ["ERR_HTTP_REQUEST_TIMEOUT", "408 Request Timeout"],
]);
const OVERLOADED = errorOf({ kind: "overloaded" });
const CLOSE_AND_RETRY = { connection: "close", "retry-after": "1" };
const SSE_PATHS: ReadonlySet<string> = new Set(["/sse", "/messages"]);
const ALL: View = { kind: "all" };

/** The HTTP side towards agents: one port, every revision. */
export function createHttpFront(options: HttpFrontOptions): HttpFront {
  const { front, clock } = options;
  const entrances = new Set(ENTRANCES[options.transport]);
  const sessions = createSessions({ front, clock });
  const backlog = createBacklog(clock, options.limits);
  const bodies = { bytes: options.limits?.bodyBytes ?? BODIES.totalBytes };
  const streams = createStreams({ clock, backlog, maxEndless: streamsWithin(options.maxConnections) });
  const streamable = createStreamable({ front, clock, sessions, streams, backlog, bodies });
  const sse = createSseEndpoint({
    ...{ sessions, streams, backlog, bodies, sealer: front.sealer },
    isShedding: () => front.pressure.sheds("sessions"),
  });
  const unsubscribe = front.onChange((view, kinds) => sessions.listsChanged(view, kinds));
  const requests = createDrain(clock);
  let door = createDoor({ ...options.door, port: 0 });
  let draining = false;
  const server = createServer({ ...LIMITS, ...KEEP_ALIVE, ...options.limits }, (request, response) => {
    if (request.rawHeaders.length > 2 * MAX_HEADERS)
      return refuse(response, { status: 431, why: "There are too many headers", headers: { connection: "close" } });
    const objection = door(request);
    if (objection !== undefined)
      return refuse(response, { status: request.url?.startsWith("/") ? 403 : 400, why: objection });
    if (draining) {
      response.shouldKeepAlive = false;
      if (request.method !== "POST") return refuse(response, { status: 503, why: DRAINING, headers: CLOSE_AND_RETRY });
      return serve(request, response, { admits: text => admits(text, response) });
    }
    if (connections.areCrowded && connections.isOver(request.socket)) response.shouldKeepAlive = false;
    if (front.pressure.closing) response.shouldKeepAlive = false;
    count(response);
    serve(request, response, undefined);
  });
  const connections = limitConnections(server, options.maxConnections);
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    const status = CLIENT_ERRORS.get(error.code ?? "") ?? "400 Bad Request";
    // Whoever does not close its side either would keep the connection for ever.
    const destroy = (): void => void socket.destroy();
    if (socket.writable) socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`, destroy);
    else destroy();
  });

  function count(response: ServerResponse): void {
    requests.began();
    response.on("close", requests.ended);
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

  function serve(request: IncomingMessage, response: ServerResponse, late: Visit["late"]): void {
    if (response.socket === null) closeWithConnection(request, response);
    handle(request, response, late).catch(error => {
      options.trouble(error);
      refuse(response, { status: 500, why: "The gateway failed to handle this request; its log says why" });
      response.destroy();
    });
  }

  async function handle(request: IncomingMessage, response: ServerResponse, late: Visit["late"]): Promise<void> {
    const path = pathOf(request.url ?? "/");
    if (path === "/healthz") return answerText(response, 200, "ok\n");
    if (path === "/readyz")
      return options.ready() ? answerText(response, 200, "ready\n") : answerText(response, 503, "not ready\n");
    if (connections.areCrowded && connections.isOver(request.socket))
      return refuse(response, { status: 503, why: OVERLOADED, headers: CLOSE_AND_RETRY });
    const view = entrances.has("/mcp") ? viewOf(path) : undefined;
    if (view && front.view(view)) return streamable({ request, response, view, late });
    if (view) return refuse(response, { status: 404, why: `No upstream is configured for ${path}` });
    if (entrances.has("/sse") && SSE_PATHS.has(path)) return sse({ request, response, view: ALL, late });
    return notFound(response, path);
  }

  return {
    sessions,
    hears: true,
    get inFlight() {
      return requests.running;
    },
    listen: address =>
      listen(server, address).then(port => {
        // Without a descriptor to spare nothing can be accepted; what is open goes on.
        server.on("error", options.trouble);
        door = createDoor({ ...options.door, port });
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

function pathOf(url: string): string {
  const query = url.indexOf("?");
  return query < 0 ? url : url.slice(0, query);
}

function viewOf(path: string): View | undefined {
  if (path === "/mcp" || path === "/") return ALL;
  const name = /^\/mcp\/([^/]+)$/.exec(path)?.[1];
  if (name === undefined) return undefined;
  try {
    return { kind: "upstream", name: upstreamName(decodeURIComponent(name)) };
  } catch {
    return undefined;
  }
}

const notFound = (response: ServerResponse, path: string): void =>
  refuse(response, { status: 404, why: `There is nothing at ${path}; MCP is served at /mcp` });

function answerText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8", "content-length": text.length });
  response.end(text);
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
