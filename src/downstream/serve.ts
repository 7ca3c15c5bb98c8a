import type { Call, Caller, Notice, Outcome, View } from "../core/call.ts";
import type { Catalog, Entry, Resolution } from "../core/catalog.ts";
import type { Front, ViewQueries } from "../core/front.ts";
import { Payload } from "../core/payload.ts";
import type { AgentEra } from "../wire/era.ts";
import { notificationText } from "../wire/message.ts";
import {
  CALL_METHODS,
  type CallMethod,
  isSevereEnough,
  LIST_METHODS,
  type ListMethod,
  type Target,
} from "../wire/methods.ts";
import { CODES, errorOf, type WireError, wireError } from "../wire/rpc-errors.ts";

/** The other side of one request. */
export interface Agent {
  readonly caller: Caller;
  readonly view: View;
  readonly era: AgentEra;
  /** Least severe log level that it has asked for, if it has asked. */
  readonly logLevel: string | undefined;
}

export interface AgentRequest {
  readonly method: string;
  readonly params: Payload;
  readonly signal: AbortSignal;
  /** Takes the text of a notification that comes before the answer. */
  notify(notification: Buffer): void;
  /** A last look at a tool call before it goes on; the answer is why it may not. */
  check?(entry: Entry): WireError | undefined;
}

export type Answer =
  | { readonly kind: "result"; readonly result: Payload }
  | { readonly kind: "error"; readonly error: WireError };

/** How long a list, or a name that is not known, waits for upstreams that have never been seen. */
const FIRST_WAIT_MS = 1_000;

/** Answers the requests that every revision has: lists from the catalog, calls through the waist. */
export function serve(front: Front, agent: Agent, request: AgentRequest): Promise<Answer> | Answer {
  const queries = front.view(agent.view);
  if (!queries) return failed(wireError(CODES.invalidParams, "This upstream is no longer configured"));
  const list = LIST_METHODS.get(request.method);
  if (list) return answerList(queries, agent, { list, request });
  const method = CALL_METHODS.get(request.method);
  if (method) return answerCall(front, agent, { queries, method, request });
  return failed(errorOf({ kind: "unknown_method", method: request.method }));
}

const failed = (error: WireError): Answer => ({ kind: "error", error });

async function answerCall(
  front: Front,
  agent: Agent,
  what: { queries: ViewQueries; method: CallMethod; request: AgentRequest },
): Promise<Answer> {
  const { request, queries } = what;
  const target = what.method.target(request.params);
  const found = target && find(queries, target);
  const subject = found instanceof Promise ? await found : found;
  const entry = subject?.kind === "found" ? subject.entry : undefined;
  const objection = entry && request.check?.(entry);
  if (objection) return failed(objection);
  const call: Call = {
    caller: agent.caller,
    view: agent.view,
    method: request.method,
    target: target?.name,
    subject,
    params: request.params,
    continues: undefined,
    signal: request.signal,
    logLevel: agent.logLevel,
    notify: notice => passOn(notice, agent, request),
  };
  return answerOf(await front.handle(call), agent.era, { method: request.method, definition: entry?.definition });
}

/** A name may belong to an upstream that is still being seen for the first time. */
function find(queries: ViewQueries, { kind, name }: Target): Promise<Resolution> | Resolution {
  const catalog = queries.catalog();
  const found = catalog.resolve(kind, name);
  if (found.kind !== "unknown" || catalog.missing.length === 0) return found;
  return queries.settled(FIRST_WAIT_MS).then(() => queries.catalog().resolve(kind, name));
}

function answerOf(outcome: Outcome, era: AgentEra, about: { method: string; definition: Payload | undefined }): Answer {
  switch (outcome.kind) {
    case "done":
      return { kind: "result", result: era.result(outcome.result, about) };
    case "asks": {
      const question = era.asks(outcome.questions, outcome.ticket);
      return question ? { kind: "result", result: question } : failed(CANNOT_ASK);
    }
    case "failed":
      return failed(errorOf(outcome.failure));
  }
}

const CANNOT_ASK = wireError(CODES.internalError, "The upstream needs input that this agent cannot give");

/** A notification reaches the agent in its own terms: its progress token, its log level. */
function passOn(notice: Notice, agent: Agent, request: AgentRequest): void {
  if (notice.method === "notifications/progress") {
    const token = request.params.object("_meta")?.raw("progressToken");
    if (token) request.notify(notificationText(notice.method, notice.params.with({ progressToken: token })));
    return;
  }
  const least = agent.logLevel ?? (agent.era.logsUnasked ? "debug" : undefined);
  if (least === undefined || !isSevereEnough(notice.params.string("level"), least)) return;
  request.notify(notificationText(notice.method, notice.params));
}

/** A list is the same for everybody who sees the same snapshot, so its text is made once; it goes with the snapshot. */
const LISTS = new WeakMap<Catalog, Map<string, Payload>>();

async function answerList(
  queries: ViewQueries,
  agent: Agent,
  what: { list: ListMethod; request: AgentRequest },
): Promise<Answer> {
  const { list, request } = what;
  if (request.params.has("cursor")) return failed(wireError(CODES.invalidParams, "Unknown cursor"));
  await queries.settled(FIRST_WAIT_MS);
  const catalog = queries.catalog();
  const made = LISTS.get(catalog) ?? new Map<string, Payload>();
  LISTS.set(catalog, made);
  const key = `${agent.era.name} ${list.member}`;
  const result = made.get(key) ?? makeList(queries, catalog, { list, era: agent.era });
  made.set(key, result);
  return { kind: "result", result };
}

function makeList(queries: ViewQueries, catalog: Catalog, what: { list: ListMethod; era: AgentEra }): Payload {
  const { list, era } = what;
  const definitions = catalog.entries[list.kind].map(entry => era.definition(entry.definition).bytes);
  const joined = Buffer.concat([
    OPEN,
    ...definitions.flatMap((text, at) => (at === 0 ? [text] : [COMMA, text])),
    CLOSE,
  ]);
  const page = queries.page(list.kind) ?? Payload.parse(`{"${list.member}":[]}`);
  const whole = page.with({ [list.member]: joined, nextCursor: undefined });
  return era.list(catalog.missing.length === 0 ? whole : withMissing(whole, catalog));
}

/** An upstream that was never seen cannot be listed; saying so beats a list that looks complete. */
function withMissing(result: Payload, catalog: Catalog): Payload {
  const meta = result.object("_meta") ?? Payload.of({});
  return result.with({ _meta: meta.with({ "radium-mcp-proxy/missing": JSON.stringify(catalog.missing) }).bytes });
}

const OPEN = Buffer.from("[");
const COMMA = Buffer.from(",");
const CLOSE = Buffer.from("]");
