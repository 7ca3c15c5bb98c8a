import type { IncomingMessage } from "node:http";
import type { Room } from "../core/call.ts";
import type { Front } from "../core/front.ts";
import { Payload } from "../core/payload.ts";
import type { Clock } from "../core/ports.ts";
import { legacyAgent } from "../wire/legacy.ts";
import type { Invalid, Message } from "../wire/message.ts";
import { modernAgent } from "../wire/modern.ts";
import { checkModern, claimsModern, metaReader, objectionTo, type SaidInMeta } from "../wire/modern-envelope.ts";
import { CODES, errorOf, wireError } from "../wire/rpc-errors.ts";
import { SSE_COMMENT } from "../wire/sse.ts";
import { isLegacy, isModern, readsEmptyEvents, takesBatches } from "../wire/versions.ts";
import { accepts } from "./accept.ts";
import { createAnswers } from "./answers.ts";
import type { Backlog } from "./backlog.ts";
import { type Batch, INVALID_CODES, readText, serveBatch } from "./batch.ts";
import { readBody } from "./body.ts";
import type { BodyRoom } from "./body-room.ts";
import { goneSignals } from "./disconnect-signal.ts";
import { type Exchange, postExchange, reply } from "./exchange.ts";
import { answerModern, type Carrier } from "./modern-request.ts";
import { answerText, refuse, refuseBody } from "./refuse.ts";
import type { Session } from "./session.ts";
import { sessionPost } from "./session-post.ts";
import { openStream } from "./session-stream.ts";
import type { Sessions } from "./sessions.ts";
import type { Streams } from "./streams.ts";
import type { Visit } from "./visit.ts";

type Request = Extract<Message, { kind: "request" }>;

export interface StreamableOptions {
  readonly front: Front;
  readonly clock: Clock;
  readonly sessions: Sessions;
  readonly streams: Streams;
  readonly backlog: Backlog;
  readonly bodies: BodyRoom;
}

const EMPTY = Payload.of({});

/** The MCP endpoint: POST in every revision, GET and DELETE for sessions of the legacy ones. */
export function createStreamable(options: StreamableOptions): (visit: Visit) => Promise<void> | void {
  const { front, clock, sessions, streams, backlog, bodies } = options;
  const readMeta = metaReader();
  const signalOf = goneSignals();
  const out = { backlog, send: createAnswers(backlog) };
  const METHODS: Readonly<Record<string, (visit: Visit) => Promise<void> | void>> = {
    POST: post,
    GET: get,
    DELETE: end,
    OPTIONS: ({ response }) => void response.writeHead(204, { allow: "POST, GET, DELETE, OPTIONS" }).end(),
  };

  return visit => {
    const method = METHODS[visit.request.method ?? ""];
    if (method) return method(visit);
    refuse(visit.response, { status: 405, why: "Use POST, GET or DELETE", headers: { allow: "POST, GET, DELETE" } });
  };

  async function post(visit: Visit): Promise<void> {
    const { request, response } = visit;
    const body = await readBody(visit, bodies);
    if (body.kind === "gone") return;
    if (body.kind === "refused") return refuseBody(response, body);
    const message = readText(body.bytes);
    if (message.kind === "invalid") {
      const why = wireError(INVALID_CODES[message.reason], message.message);
      const ofSession = request.headers["mcp-session-id"];
      if (typeof ofSession === "string") sessions.get(ofSession, visit.view)?.garbled(message);
      return refuse(response, { status: 400, why, id: message.id });
    }
    if (visit.late && !visit.late.admits(message)) return;
    const version = request.headers["mcp-protocol-version"];
    const sessionId = request.headers["mcp-session-id"];
    const params = message.kind === "request" || message.kind === "notification" ? message.params : undefined;
    const said = readMeta(params);
    const modern = claimsModern(said, version as string | undefined);
    if (modern || (sessionId === undefined && typeof version === "string" && !isLegacy(version))) {
      return message.kind === "request" ? modernPost(visit, message, said) : modernOther(visit, message);
    }
    return legacyPost(visit, message);
  }

  function modernPost({ request, response, view }: Visit, message: Request, said: SaidInMeta): void {
    const exchange = postExchange(response, { statusOf: modernAgent.status, headers: {}, ...out });
    const checked = checkModern(message, request.headers, said);
    if (!checked.ok) return refuse(response, { status: checked.status, why: checked.error, id: message.id });
    const listens = message.method === "subscriptions/listen";
    if (listens && message.id.length + (message.params?.size ?? 0) > MAX_LISTEN_BYTES)
      return exchange.error(message.id, LISTEN_TOO_LARGE);
    const gone = signalOf(request);
    let kept = false;
    const keep = (): void => {
      if (!kept) streams.keep(response, {});
      kept = true;
    };
    const readsStreams = listens || accepts(request.headers.accept, STREAM);
    const notify = (text: Buffer): Room => {
      if (!readsStreams) return undefined;
      const room = exchange.notify(text);
      keep();
      return room;
    };
    const here = streams.whenSlow(() => {
      if (response.headersSent || response.destroyed || !readsStreams) return;
      exchange.begin();
      response.write(SSE_COMMENT);
      keep();
    });
    const asked = {
      kind: message.kind,
      id: listens ? Buffer.from(message.id) : message.id,
      method: message.method,
      params: listens ? message.params?.detached() : message.params,
      envelope: checked.envelope,
    };
    const carrier: Carrier = {
      view,
      clock,
      headers: request.headers,
      address: request.socket.remoteAddress ?? "",
      signal: gone,
      notify,
      admits: streams.admits,
      hold: stop => streams.keep(response, { stop }),
    };
    answerModern(front, asked, {
      carrier,
      done(answer) {
        here();
        if (!gone.aborted) reply(exchange, message.id, answer);
      },
    });
  }

  /** Modern agents send nothing but requests; a notification does no harm, a response has nobody who waits for it. */
  function modernOther({ request, response }: Visit, message: Message | Batch): void {
    const objection = message.kind === "notification" && objectionTo(message, request.headers);
    if (objection) refuse(response, { status: 400, why: objection });
    else if (message.kind === "notification") response.writeHead(202).end();
    else if (message.kind === "batch") refuse(response, { status: 400, why: NO_BATCH, id: firstId(message.items) });
    else refuse(response, { status: 400, why: "A response is not accepted here" });
  }

  async function legacyPost(visit: Visit, message: Message | Extract<Batch, { kind: "batch" }>): Promise<void> {
    const { request, response, view } = visit;
    const sessionId = request.headers["mcp-session-id"];
    if (message.kind === "request" && message.method === "initialize" && sessionId === undefined) {
      const address = request.socket.remoteAddress ?? "";
      if (front.pressure.sheds("sessions")) {
        const exchange = postExchange(response, { statusOf: legacyAgent.status, headers: {}, ...out });
        return exchange.error(message.id, errorOf({ kind: "overloaded" }));
      }
      const params = message.params ?? EMPTY;
      const { session, answer } = await sessions.open({ view, address, params });
      const headers = session && answer.kind === "result" ? { "mcp-session-id": session.id } : {};
      const exchange = postExchange(response, { statusOf: legacyAgent.status, headers, ...out });
      const { accept } = request.headers;
      if (!accepts(accept, "application/json") && accepts(accept, STREAM)) exchange.begin();
      return reply(exchange, message.id, answer);
    }
    const session = findSession(visit, message.kind === "request" ? message.id : undefined);
    if (!session) return;
    if (message.kind === "request") return session.receive(message, exchangeFor(visit, session), IGNORE);
    if (message.kind === "batch") return batchPost(visit, session, message);
    response.writeHead(202).end();
    session.receive(message, NOWHERE, IGNORE);
  }

  function batchPost(visit: Visit, session: Session, { items, answers }: Extract<Batch, { kind: "batch" }>): void {
    if (!takesBatches(session.version))
      return refuse(visit.response, { status: 400, why: NO_BATCH, id: firstId(items) });
    const exchange = answers > 0 ? exchangeFor(visit, session, answers) : NOWHERE;
    if (answers === 0) visit.response.writeHead(202).end();
    serveBatch(items, { exchange, receive: session.receive, dealtWith: IGNORE });
  }

  function exchangeFor({ request, response }: Visit, session: Session, batched?: number): Exchange {
    const { accept } = request.headers;
    return sessionPost({
      ...{ response, ...out, streams, batched, events: session.events },
      headers: { "mcp-session-id": session.id },
      primes: readsEmptyEvents(session.version),
      acceptsStream: accepts(accept, STREAM),
      acceptsJson: accepts(accept, "application/json"),
    });
  }

  /** Answers the visit itself when there is no such session. */
  function findSession({ request, response, view }: Visit, id: Request["id"] | undefined): Session | undefined {
    const sessionId = request.headers["mcp-session-id"];
    const version = request.headers["mcp-protocol-version"];
    if (typeof sessionId !== "string") {
      refuse(response, { status: 400, why: "Mcp-Session-Id header is required: open a session with initialize", id });
    } else if (typeof version === "string" && !isLegacy(version)) {
      refuse(response, { status: 400, why: `Unsupported protocol version: ${version}`, id });
    } else {
      const session = sessions.get(sessionId, view);
      if (!session) refuse(response, { status: 404, why: "Session not found: open a new one with initialize", id });
      return session;
    }
    return undefined;
  }

  /** These methods are of sessions, and not there where there are none. */
  function findNamedSession(visit: Visit): Session | undefined {
    const { "mcp-session-id": sessionId, "mcp-protocol-version": version } = visit.request.headers;
    if (sessionId !== undefined && !(typeof version === "string" && isModern(version))) {
      return findSession(visit, undefined);
    }
    const why = "This is an MCP endpoint: agents POST to it. GET opens the stream of a session, and DELETE ends one";
    const headers = { allow: "POST" };
    if (isBrowser(visit.request)) answerText(visit.response, { status: 405, text: FOR_PEOPLE, headers });
    else refuse(visit.response, { status: 405, why, headers });
    return undefined;
  }

  function get(visit: Visit): void {
    const session = findNamedSession(visit);
    if (session) openStream(visit, session, { ledger: front.ledger, sessions, streams, backlog });
  }

  function end(visit: Visit): void {
    const session = findNamedSession(visit);
    if (!session) return;
    sessions.close(session.id);
    visit.response.writeHead(204).end();
  }
}

/** They are kept as long as the stream. */
const MAX_LISTEN_BYTES = 256 * 1024;
const LISTEN_TOO_LARGE = wireError(
  CODES.requestTooLarge,
  `params of a subscription are larger than ${MAX_LISTEN_BYTES} bytes`,
);
const STREAM = "text/event-stream";

/** Which request an error is for that is about all of a batch: whoever sent it waits for that one at least. */
const firstId = (items: readonly (Message | Invalid)[]): Request["id"] | undefined =>
  items.find(item => item.kind === "request")?.id;

const NO_BATCH = "A batch is not accepted in this revision: send one message at a time";

/** Whether somebody typed the address, or followed a link. */
const isBrowser = ({ method, headers }: IncomingMessage): boolean =>
  method === "GET" && headers.accept?.includes("text/html") === true;
const FOR_PEOPLE = `This is an MCP endpoint of Radium MCP Proxy. It is meant for agents; a browser cannot use it.
Give your agent this address. What is behind it, \`rad mcp proxy status\` shows.
`;

const IGNORE = (): void => {};
/** Where nothing is expected. */
const NOWHERE: Exchange = { canTell: false, notify() {}, result() {}, error() {}, abandon() {} };
