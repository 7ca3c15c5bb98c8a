import type { Front } from "../core/front.ts";
import { Payload } from "../core/payload.ts";
import { legacyAgent } from "../wire/legacy.ts";
import type { Message } from "../wire/message.ts";
import { errorOf } from "../wire/rpc-errors.ts";
import { isLegacy, isModern, readsEmptyEvents, takesBatches } from "../wire/versions.ts";
import { accepts } from "./accept.ts";
import type { SendAnswer } from "./answers.ts";
import type { Backlog } from "./backlog.ts";
import { type Batch, serveBatch } from "./batch.ts";
import { type Exchange, postExchange, reply } from "./exchange.ts";
import type { Inbound } from "./inbound.ts";
import { answerText, firstId, NO_BATCH, refuse } from "./refuse.ts";
import type { Session } from "./session.ts";
import { sessionPost } from "./session-post.ts";
import { openStream } from "./session-stream.ts";
import type { Sessions } from "./sessions.ts";
import type { Streams } from "./streams.ts";
import type { Visit } from "./visit.ts";

type Request = Extract<Message, { kind: "request" }>;

export interface SessionVisitsOptions {
  readonly front: Front;
  readonly sessions: Sessions;
  readonly streams: Streams;
  readonly backlog: Backlog;
  readonly send: SendAnswer;
}

/** What agents with sessions send. */
export interface SessionVisits {
  /** A POST whose body has been read. */
  post(visit: Visit, message: Message | Extract<Batch, { kind: "batch" }>): void;
  /** A GET: the stream of a session. */
  stream(visit: Visit): void;
  /** A DELETE: the end of a session. */
  end(visit: Visit): void;
}

const STREAM = "text/event-stream";
const EMPTY = Payload.of({});
const IGNORE = (): void => {};
/** Where nothing is expected. */
const NOWHERE: Exchange = { canTell: false, notify() {}, result() {}, error() {}, abandon() {} };

export function createSessionVisits(options: SessionVisitsOptions): SessionVisits {
  const { front, sessions, streams, backlog, send } = options;

  function post(visit: Visit, message: Message | Extract<Batch, { kind: "batch" }>): void {
    const { request, response } = visit;
    if (
      message.kind === "request" &&
      message.method === "initialize" &&
      request.headers["mcp-session-id"] === undefined
    )
      return initialize(visit, message);
    const session = findSession(sessions, visit, message.kind === "request" ? message.id : undefined);
    if (!session) return;
    if (message.kind === "request") return session.receive(message, exchangeFor(visit, session), IGNORE);
    if (message.kind === "batch") return batch(visit, session, message);
    response.writeHead(202).end();
    session.receive(message, NOWHERE, IGNORE);
  }

  function initialize({ request, response, view, broke }: Visit, message: Request): void {
    const about = { statusOf: legacyAgent.status, backlog, send };
    if (front.pressure.sheds("sessions")) {
      postExchange(response, { ...about, headers: {} }).error(message.id, errorOf({ kind: "overloaded" }));
      return;
    }
    const address = request.socket.remoteAddress ?? "";
    sessions
      .open({ view, address, params: message.params ?? EMPTY })
      .then(({ session, answer }) => {
        const headers = session && answer.kind === "result" ? { "mcp-session-id": session.id } : {};
        const exchange = postExchange(response, { ...about, headers });
        const { accept } = request.headers;
        if (!accepts(accept, "application/json") && accepts(accept, STREAM)) exchange.begin();
        reply(exchange, message.id, answer);
      })
      .catch(broke);
  }

  function batch(visit: Visit, session: Session, { items, answers }: Extract<Batch, { kind: "batch" }>): void {
    if (!takesBatches(session.version))
      return refuse(visit.response, { status: 400, why: NO_BATCH, id: firstId(items) });
    const exchange = answers > 0 ? exchangeFor(visit, session, answers) : NOWHERE;
    if (answers === 0) visit.response.writeHead(202).end();
    serveBatch(items, { exchange, receive: session.receive, dealtWith: IGNORE });
  }

  function exchangeFor({ request, response }: Visit, session: Session, batched?: number): Exchange {
    const { accept } = request.headers;
    return sessionPost({
      ...{ response, backlog, send, streams, batched, events: session.events },
      headers: { "mcp-session-id": session.id },
      primes: readsEmptyEvents(session.version),
      acceptsStream: accepts(accept, STREAM),
      acceptsJson: accepts(accept, "application/json"),
    });
  }

  return {
    post,
    stream(visit) {
      const session = findNamedSession(sessions, visit);
      if (session) openStream(visit, session, { ledger: front.ledger, sessions, streams, backlog });
    },
    end(visit) {
      const session = findNamedSession(sessions, visit);
      if (!session) return;
      sessions.close(session.id);
      visit.response.writeHead(204).end();
    },
  };
}

/** Answers the visit itself when there is no such session. */
function findSession(
  sessions: Sessions,
  { request, response, view }: Visit,
  id: Request["id"] | undefined,
): Session | undefined {
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
function findNamedSession(sessions: Sessions, visit: Visit): Session | undefined {
  const { "mcp-session-id": sessionId, "mcp-protocol-version": version } = visit.request.headers;
  if (sessionId !== undefined && !(typeof version === "string" && isModern(version))) {
    return findSession(sessions, visit, undefined);
  }
  const why = "This is an MCP endpoint: agents POST to it. GET opens the stream of a session, and DELETE ends one";
  const headers = { allow: "POST" };
  if (isBrowser(visit.request)) answerText(visit.response, { status: 405, text: FOR_PEOPLE, headers });
  else refuse(visit.response, { status: 405, why, headers });
  return undefined;
}

/** Whether somebody typed the address, or followed a link. */
const isBrowser = ({ method, headers }: Inbound): boolean =>
  method === "GET" && headers.accept?.includes("text/html") === true;
const FOR_PEOPLE = `This is an MCP endpoint of Radium MCP Proxy. It is meant for agents; a browser cannot use it.
Give your agent this address. What is behind it, \`rad mcp proxy status\` shows.
`;
