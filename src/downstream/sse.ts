import type { Front } from "../core/front.ts";
import type { Ledger } from "../core/ledger.ts";
import type { Sealer } from "../core/ports.ts";
import { wireError } from "../wire/rpc-errors.ts";
import { sseEvent } from "../wire/sse.ts";
import { placeOf } from "./address.ts";
import { anonymous } from "./agent-name.ts";
import type { Backlog } from "./backlog.ts";
import { INVALID_CODES, readText } from "./batch.ts";
import { type Body, readBody } from "./body.ts";
import type { BodyRoom } from "./body-room.ts";
import { type ChannelAgent, createChannelAgent } from "./channel-agent.ts";
import { STREAM_HEADERS, streamExchange } from "./exchange.ts";
import { endpointOf, streamIdOf } from "./paths.ts";
import { refuse, refuseBody, refuseStream } from "./refuse.ts";
import { createSessionIds } from "./session-ids.ts";
import type { Sessions } from "./sessions.ts";
import { holdStream, type Streams } from "./streams.ts";
import type { Visit } from "./visit.ts";

interface Connection {
  readonly agent: ChannelAgent;
  /** Messages that are being worked on. */
  busy: number;
  /** Ends the stream once nothing is. */
  settle(): void;
}

export interface SseEndpoint {
  /** Opens a stream. */
  stream(visit: Visit): void;
  /** Takes what agents send. */
  messages(visit: Visit): void;
}

/**
 * HTTP+SSE: a GET opens the stream that carries everything to the agent, POSTs carry everything from it.
 * https://modelcontextprotocol.io/specification/2024-11-05/basic/transports#http-with-sse
 */
export function createSseEndpoint(options: {
  front: Pick<Front, "trouble">;
  ledger: Ledger;
  sessions: Sessions;
  streams: Streams;
  sealer: Sealer;
  backlog: Backlog;
  bodies: BodyRoom;
  /** Whether no new session is taken for now. */
  isShedding(): boolean;
}): SseEndpoint {
  const { ledger, sessions, streams, backlog, bodies, isShedding } = options;
  const ids = createSessionIds(options.sealer);
  const connections = new Map<string, Connection>();

  return {
    stream: visit => (visit.request.method === "GET" ? open(visit) : notHere(visit, "GET")),
    messages: visit => (visit.request.method === "POST" ? post(visit) : notHere(visit, "POST")),
  };

  function notHere({ response }: Visit, allow: string): void {
    const why = "GET /sse opens the stream, POST goes to the endpoint that it names";
    refuse(response, { status: 405, why, headers: { allow } });
  }

  function open({ request, response, view }: Visit): void {
    const address = request.socket.remoteAddress ?? "";
    const principal = anonymous(address, undefined);
    const keeper = { principal, address: placeOf(address) };
    const stop = (): void => void response.end();
    const held =
      !isShedding() && streams.admits(keeper) && holdStream(ledger, keeper, { stop, of: () => agent.session?.held });
    if (!held) {
      refuseStream(response);
      return;
    }
    const id = ids.session(principal);
    const agent = createChannelAgent({
      front: options.front,
      end: stop,
      exchange: streamExchange(response, backlog),
      // What comes late is told by the status of its POST.
      isDraining: () => false,
      async open(params) {
        const opened = await sessions.open({ view, address, params });
        // The stream is the session: it lives as long.
        if (opened.session && opened.answer.kind === "result") sessions.holdStream(opened.session.id);
        // Its agent may have left meanwhile.
        if (opened.session && response.destroyed) sessions.close(opened.session.id);
        return opened;
      },
    });
    let ending = false;
    const connection: Connection = {
      ...{ agent, busy: 0 },
      settle() {
        if (ending && connection.busy === 0) response.end();
      },
    };
    connections.set(id, connection);
    response.writeHead(200, STREAM_HEADERS);
    response.write(sseEvent({ event: "endpoint", data: [Buffer.from(endpointOf(id))] }));
    streams.keep(response, {
      closed() {
        connections.delete(id);
        held.end();
        if (agent.session) sessions.close(agent.session.id);
      },
      stop() {
        ending = true;
        connection.settle();
      },
    });
  }

  function post(visit: Visit): void {
    const { request, response } = visit;
    const id = streamIdOf(request.url ?? "") ?? "";
    const connection = connections.get(id);
    if (!connection) refuse(response, { status: 404, why: "Session not found: open a new stream at /sse" });
    else readBody(visit, bodies, body => take(visit, body, { id, connection }));
  }

  function take(
    { response, late }: Visit,
    body: Body,
    { id, connection }: { id: string; connection: Connection },
  ): void {
    if (body.kind === "gone") return;
    // The stream may have closed while the body came in, and took its session with it.
    if (!connections.has(id))
      return void refuse(response, { status: 404, why: "The stream of this session has closed" });
    if (body.kind === "refused") return void refuseBody(response, body);
    const text = readText(body.bytes);
    if (text.kind === "invalid") {
      const why = wireError(INVALID_CODES[text.reason], text.message);
      connection.agent.session?.garbled(text);
      return void refuse(response, { status: 400, why, id: text.id });
    }
    if (late && !late.admits(text)) return;
    response.writeHead(202).end("Accepted");
    connection.busy++;
    connection.agent.receive(text, () => {
      connection.busy--;
      connection.settle();
    });
  }
}
