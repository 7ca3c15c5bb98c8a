import type { IncomingMessage, ServerResponse } from "node:http";
import type { View } from "../core/call.ts";
import type { Front } from "../core/front.ts";
import { ownerId } from "../core/names.ts";
import { Payload } from "../core/payload.ts";
import { AGENT_TEXT } from "../core/scan.ts";
import { legacyAgent } from "../wire/legacy.ts";
import { type Message, readMessage } from "../wire/message.ts";
import { checkModern, claimsModern, discoverResult, type ModernEnvelope, modernAgent } from "../wire/modern.ts";
import { parameterHeaderMismatch } from "../wire/parameter-headers.ts";
import { CODES, wireError } from "../wire/rpc-errors.ts";
import { isLegacy } from "../wire/versions.ts";
import { readBody } from "./body.ts";
import { postExchange, reply, STREAM_HEADERS, streamExchange } from "./exchange.ts";
import { refuse } from "./refuse.ts";
import { type Answer, serve } from "./serve.ts";
import { agentName, anonymous } from "./session.ts";
import type { Sessions } from "./sessions.ts";
import type { Streams } from "./streams.ts";

type Request = Extract<Message, { kind: "request" }>;

export interface StreamableOptions {
  readonly front: Front;
  readonly sessions: Sessions;
  readonly streams: Streams;
}

/** One HTTP exchange of the MCP endpoint. */
export interface Visit {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly view: View;
}

const EMPTY = Payload.of({});

/** The MCP endpoint: POST in every revision, GET and DELETE for sessions of the legacy ones. */
export function createStreamable(options: StreamableOptions): (visit: Visit) => Promise<void> {
  const { front, sessions, streams } = options;
  const METHODS: Readonly<Record<string, (visit: Visit) => Promise<void> | void>> = {
    POST: post,
    GET: get,
    DELETE: end,
  };

  return async visit => {
    const method = METHODS[visit.request.method ?? ""];
    if (method) await method(visit);
    else
      refuse(visit.response, { status: 405, why: "Use POST, GET or DELETE", headers: { allow: "POST, GET, DELETE" } });
  };

  async function post(visit: Visit): Promise<void> {
    const { request, response } = visit;
    const body = await readBody(request);
    if (body.kind === "gone") return;
    if (body.kind === "refused") {
      return refuse(response, { status: body.status, why: body.message, headers: { connection: "close" } });
    }
    const message = readMessage(body.bytes, AGENT_TEXT);
    if (message.kind === "invalid") {
      const why = wireError(INVALID_CODES[message.reason], message.message);
      return refuse(response, { status: 400, why, id: message.id });
    }
    const version = request.headers["mcp-protocol-version"];
    const sessionId = request.headers["mcp-session-id"];
    const params = message.kind === "request" || message.kind === "notification" ? message.params : undefined;
    const modern = claimsModern(params, version as string | undefined);
    if (modern || (sessionId === undefined && typeof version === "string" && !isLegacy(version))) {
      return message.kind === "request" ? modernPost(visit, message) : modernOther(visit, message);
    }
    return legacyPost(visit, message);
  }

  async function modernPost({ request, response, view }: Visit, message: Request): Promise<void> {
    const exchange = postExchange(response, { statusOf: modernAgent.status, headers: {} });
    const checked = checkModern(message, request.headers);
    if (!checked.ok) return refuse(response, { status: checked.status, why: checked.error, id: message.id });
    const gone = new AbortController();
    response.on("close", () => {
      if (!response.writableFinished) gone.abort();
    });
    const answer = await answerModern(message, checked.envelope, {
      request,
      view,
      signal: gone.signal,
      notify: exchange.notify,
    });
    if (!gone.signal.aborted) reply(exchange, message.id, answer);
  }

  function answerModern(
    message: Request,
    envelope: ModernEnvelope,
    visit: { request: IncomingMessage; view: View; signal: AbortSignal; notify: (text: Buffer) => void },
  ): Promise<Answer> | Answer {
    const { view, signal, notify } = visit;
    const { headers, socket } = visit.request;
    const params = message.params ?? EMPTY;
    if (message.method === "server/discover") {
      const profile = front.view(view)?.profile();
      if (profile) return { kind: "result", result: discoverResult(profile) };
    }
    const principal = anonymous(socket.remoteAddress ?? "", envelope.clientInfo);
    const caller = {
      principal,
      agent: agentName(envelope.clientInfo),
      owner: ownerId(principal),
      capabilities: envelope.capabilities,
    };
    const agent = { caller, view, era: modernAgent, logLevel: envelope.logLevel };
    return serve(front, agent, {
      method: message.method,
      params,
      signal,
      notify,
      check(entry) {
        const mismatch = entry.kind === "tool" && parameterHeaderMismatch(entry.definition, params, headers);
        return mismatch ? wireError(CODES.headerMismatch, mismatch) : undefined;
      },
    });
  }

  /** Modern agents send nothing but requests; a notification does no harm, a response has nobody who waits for it. */
  function modernOther({ response }: Visit, message: Message): void {
    if (message.kind === "notification") response.writeHead(202).end();
    else refuse(response, { status: 400, why: "A response is not accepted here" });
  }

  async function legacyPost(visit: Visit, message: Message): Promise<void> {
    const { request, response, view } = visit;
    const sessionId = request.headers["mcp-session-id"];
    if (message.kind === "request" && message.method === "initialize" && sessionId === undefined) {
      const address = request.socket.remoteAddress ?? "";
      const { session, answer } = sessions.open({ view, address, params: message.params ?? EMPTY });
      const headers = answer.kind === "result" ? { "mcp-session-id": session.id } : {};
      return reply(postExchange(response, { statusOf: legacyAgent.status, headers }), message.id, answer);
    }
    const session = findSession(visit, message.kind === "request" ? message.id : undefined);
    if (!session) return;
    if (message.kind === "request") {
      const headers = { "mcp-session-id": session.id };
      return session.request(message, postExchange(response, { statusOf: legacyAgent.status, headers }));
    }
    if (message.kind === "notification") session.notification(message);
    response.writeHead(202).end();
  }

  /** Answers the visit itself when there is no such session. */
  function findSession({ request, response, view }: Visit, id: Request["id"] | undefined): ReturnType<Sessions["get"]> {
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

  function get(visit: Visit): void {
    const { request, response } = visit;
    if (request.headers["mcp-session-id"] === undefined || !request.headers.accept?.includes("text/event-stream")) {
      const why =
        "This is an MCP endpoint: agents POST to it. A GET needs Mcp-Session-Id and Accept: text/event-stream";
      refuse(response, { status: 405, why, headers: { allow: "POST" } });
      return;
    }
    const session = findSession(visit, undefined);
    if (!session) return;
    response.writeHead(200, { ...STREAM_HEADERS, "mcp-session-id": session.id });
    response.flushHeaders();
    const detach = session.attach(streamExchange(response).send);
    const release = sessions.holdStream(session.id);
    streams.keep(response, () => {
      detach();
      release();
    });
  }

  function end(visit: Visit): void {
    const session = findSession(visit, undefined);
    if (!session) return;
    sessions.close(session.id);
    visit.response.writeHead(204).end();
  }
}

const INVALID_CODES = {
  syntax: CODES.parseError,
  too_deep: CODES.requestTooLarge,
  shape: CODES.invalidRequest,
} as const;
