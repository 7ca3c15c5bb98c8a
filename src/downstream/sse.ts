import { randomUUID } from "node:crypto";
import { Payload } from "../core/payload.ts";
import { AGENT_TEXT } from "../core/scan.ts";
import { readMessage } from "../wire/message.ts";
import { CODES, wireError } from "../wire/rpc-errors.ts";
import { sseEvent } from "../wire/sse.ts";
import { readBody } from "./body.ts";
import { reply, STREAM_HEADERS, streamExchange } from "./exchange.ts";
import { refuse } from "./refuse.ts";
import type { Session } from "./session.ts";
import type { StreamableOptions, Visit } from "./streamable.ts";

const EMPTY = Payload.of({});

/** A stream whose agent has not said `initialize` yet, or the session that this opened. */
interface Connection {
  readonly exchange: ReturnType<typeof streamExchange>;
  readonly address: string;
  session: Session | undefined;
}

/**
 * HTTP+SSE: a GET opens the stream that carries everything to the agent, POSTs carry everything from it.
 * https://modelcontextprotocol.io/specification/2024-11-05/basic/transports#http-with-sse
 */
export function createSseEndpoint(options: StreamableOptions): (visit: Visit) => Promise<void> {
  const { sessions, streams } = options;
  const connections = new Map<string, Connection>();

  return async visit => {
    const { request, response } = visit;
    const isStream = request.url?.startsWith("/sse");
    if (isStream && request.method === "GET") open(visit);
    else if (!isStream && request.method === "POST") await post(visit);
    else
      refuse(response, {
        status: 405,
        why: "GET /sse opens the stream, POST goes to its endpoint",
        headers: { allow: isStream ? "GET" : "POST" },
      });
  };

  function open({ request, response }: Visit): void {
    const id = randomUUID();
    const connection: Connection = {
      exchange: streamExchange(response),
      address: request.socket.remoteAddress ?? "",
      session: undefined,
    };
    connections.set(id, connection);
    response.writeHead(200, STREAM_HEADERS);
    for (const part of sseEvent({ event: "endpoint", data: [Buffer.from(`/messages?sessionId=${id}`)] }))
      response.write(part);
    streams.keep(response, () => {
      connections.delete(id);
      if (connection.session) sessions.close(connection.session.id);
    });
  }

  async function post({ request, response, view }: Visit): Promise<void> {
    const id = new URLSearchParams(request.url?.slice("/messages".length)).get("sessionId") ?? "";
    const connection = connections.get(id);
    if (!connection) return refuse(response, { status: 404, why: "Session not found: open a new stream at /sse" });
    const body = await readBody(request);
    if (body.kind === "gone") return;
    if (body.kind === "refused") return refuse(response, { status: body.status, why: body.message });
    const message = readMessage(body.bytes, AGENT_TEXT);
    if (message.kind === "invalid") {
      const code = message.reason === "shape" ? CODES.invalidRequest : CODES.parseError;
      return refuse(response, { status: 400, why: wireError(code, message.message), id: message.id });
    }
    response.writeHead(202).end("Accepted");
    if (message.kind === "request" && message.method === "initialize" && !connection.session) {
      const { address, exchange } = connection;
      const { session, answer } = sessions.open({ view, address, params: message.params ?? EMPTY });
      reply(exchange, message.id, answer);
      if (answer.kind === "error") return;
      connection.session = session;
      sessions.holdStream(session.id);
      session.attach(exchange.send);
    } else if (message.kind === "request") {
      if (connection.session) await connection.session.request(message, connection.exchange);
      else
        connection.exchange.error(message.id, wireError(CODES.invalidRequest, "The first request must be initialize"));
    } else if (message.kind === "notification") connection.session?.notification(message);
  }
}
