import type { Front } from "../core/front.ts";
import type { Clock } from "../core/ports.ts";
import type { Message } from "../wire/message.ts";
import { claimsModern, metaReader } from "../wire/modern-envelope.ts";
import { wireError } from "../wire/rpc-errors.ts";
import { isLegacy } from "../wire/versions.ts";
import { createAnswers } from "./answers.ts";
import type { Backlog } from "./backlog.ts";
import { type Batch, INVALID_CODES, readText } from "./batch.ts";
import { type Body, readBody } from "./body.ts";
import type { BodyRoom } from "./body-room.ts";
import { createModernPosts } from "./modern-post.ts";
import { refuse, refuseBody } from "./refuse.ts";
import { createSessionVisits } from "./session-visits.ts";
import type { Sessions } from "./sessions.ts";
import type { Streams } from "./streams.ts";
import type { Visit } from "./visit.ts";

export interface StreamableOptions {
  readonly front: Front;
  readonly clock: Clock;
  readonly sessions: Sessions;
  readonly streams: Streams;
  readonly backlog: Backlog;
  readonly bodies: BodyRoom;
}

/** The MCP endpoint: POST in every revision, GET and DELETE for sessions of the legacy ones. */
export function createStreamable(options: StreamableOptions): (visit: Visit) => void {
  const { front, clock, sessions, streams, backlog, bodies } = options;
  const readMeta = metaReader();
  const out = { front, streams, backlog, send: createAnswers(backlog) };
  const modern = createModernPosts({ ...out, clock });
  const legacy = createSessionVisits({ ...out, sessions });
  const METHODS: Readonly<Record<string, (visit: Visit) => void>> = {
    POST: visit => readBody(visit, bodies, body => take(visit, body)),
    GET: legacy.stream,
    DELETE: legacy.end,
    OPTIONS: ({ response }) => void response.writeHead(204, { allow: "POST, GET, DELETE, OPTIONS" }).end(),
  };

  return visit => {
    const method = METHODS[visit.request.method ?? ""];
    if (method) method(visit);
    else
      refuse(visit.response, { status: 405, why: "Use POST, GET or DELETE", headers: { allow: "POST, GET, DELETE" } });
  };

  function take(visit: Visit, body: Body): void {
    const { request, response } = visit;
    if (body.kind === "gone") return;
    if (body.kind === "refused") return void refuseBody(response, body);
    const message = readText(body.bytes);
    if (message.kind !== "invalid") {
      if (!visit.late || visit.late.admits(message)) post(visit, message);
      return;
    }
    const why = wireError(INVALID_CODES[message.reason], message.message);
    const ofSession = request.headers["mcp-session-id"];
    if (typeof ofSession === "string") sessions.get(ofSession, visit.view)?.garbled(message);
    refuse(response, { status: 400, why, id: message.id });
  }

  function post(visit: Visit, message: Message | Extract<Batch, { kind: "batch" }>): void {
    const { "mcp-protocol-version": version, "mcp-session-id": sessionId } = visit.request.headers;
    const params = message.kind === "request" || message.kind === "notification" ? message.params : undefined;
    const said = readMeta(params);
    const isModern =
      claimsModern(said, version as string | undefined) ||
      (sessionId === undefined && typeof version === "string" && !isLegacy(version));
    if (!isModern) legacy.post(visit, message);
    else if (message.kind === "request") modern.request(visit, message, said);
    else modern.other(visit, message);
  }
}
