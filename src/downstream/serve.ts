import type { Call, Caller, Notice, Outcome, Room } from "../core/call.ts";
import type { Entry, Resolution } from "../core/catalog.ts";
import type { Front, ViewQueries } from "../core/front.ts";
import { isAboutTasks, namingOf, type Target } from "../core/methods.ts";
import { Payload } from "../core/payload.ts";
import type { Signal } from "../core/signal.ts";
import type { AgentEra, CallAnswer } from "../wire/era.ts";
import { notificationText } from "../wire/message.ts";
import { isForwarded, isSevereEnough, isVendors, LIST_METHODS } from "../wire/methods.ts";
import { withoutOwnMeta, withPlainError } from "../wire/own-words.ts";
import { lacking, questionsOf } from "../wire/questions.ts";
import { CODES, errorOf, type WireError, wireError } from "../wire/rpc-errors.ts";
import type { Agent } from "./agent.ts";
import type { Finished } from "./elicit.ts";
import { answerList, FIRST_WAIT_MS } from "./lists.ts";

export interface AgentRequest {
  readonly method: string;
  readonly params: Payload;
  readonly signal: Signal;
  /** Takes the text of a notification that comes before the answer. */
  notify(notification: Buffer): Room;
  /** The answer has been put off. */
  postponed?(): void;
  /** A last look at a tool call before it goes on; the answer is why it may not. */
  check?(entry: Entry): WireError | undefined;
  /** Handles the call of an agent that is asked while it waits; without it, questions go back as the era has it. */
  converse?(call: Call, done: (finished: Finished) => void): void;
}

export type Answer = CallAnswer;

/** What a request ends with that ran into a bug of ours. */
export const INTERNAL: Answer = { kind: "error", error: errorOf({ kind: "internal", detail: "" }) };

/**
 * The end of one request of an agent, which comes once. Neither method throws: whatever brings an answer here works for
 * others too, and a bug that one agent's answer runs into is that agent's internal error and told to who runs the gateway.
 */
export interface Ending {
  answer(answer: Answer): void;
  broke(error: unknown): void;
}

/** `reply` writes the answer; `closed` is called once, after it. */
export function endingOf(
  { trouble }: Pick<Front, "trouble">,
  reply: (answer: Answer) => void,
  closed?: () => void,
): Ending {
  let ended = false;

  function write(answer: Answer): void {
    try {
      reply(answer);
    } catch (error) {
      trouble(error);
      if (answer !== INTERNAL) write(INTERNAL);
    }
  }

  function answer(answer: Answer): void {
    if (ended) return;
    ended = true;
    write(answer);
    closed?.();
  }

  return {
    answer,
    broke(error) {
      trouble(error);
      answer(INTERNAL);
    },
  };
}

/** Answers the requests that every revision has: lists from the catalog, calls through the waist. */
export function serve(front: Front, agent: Agent, request: AgentRequest, ending: Ending): void {
  const queries = front.view(agent.view);
  if (!queries) return ending.answer(failed(wireError(CODES.invalidParams, "This upstream is no longer configured")));
  const list = LIST_METHODS.get(request.method);
  if (list && front.pressure.sheds("lists")) return ending.answer(failed(errorOf({ kind: "overloaded" })));
  if (list) {
    answerList(front, agent, { queries, list, params: request.params }).then(ending.answer, ending.broke);
    return;
  }
  const aim = aimOf(queries, agent, request);
  if (!aim) return ending.answer(failed(errorOf({ kind: "unknown_method", method: request.method })));
  const { target, subject } = aim;
  const served = { front, agent, request, ending, target };
  if (subject instanceof Promise) subject.then(found => answerCall(served, found)).catch(ending.broke);
  else answerCall(served, subject);
}

const failed = (error: WireError): Answer => ({ kind: "error", error });

/** What a request that is none for a list is about. */
interface Aim {
  readonly target: string | undefined;
  readonly subject: Resolution | undefined | Promise<Resolution>;
}

/** `undefined` when nobody here knows the method. */
function aimOf(queries: ViewQueries, { era, caller }: Agent, { method, params }: AgentRequest): Aim | undefined {
  const known = namingOf(method);
  if (known) {
    const target = known.target(params);
    return { target: target?.name, subject: target && find(queries, target, caller) };
  }
  // Only the sealed id tells whose task it is.
  if (era.tasks && isAboutTasks(method)) return { target: params.string("taskId"), subject: undefined };
  const owner = isForwarded(method) ? queries.owner(method, caller) : undefined;
  return owner?.kind === "found" ? { target: undefined, subject: owner } : undefined;
}

interface Served {
  readonly front: Front;
  readonly agent: Agent;
  readonly request: AgentRequest;
  readonly ending: Ending;
  readonly target: string | undefined;
}

function answerCall({ front, agent, request, ending, target }: Served, subject: Resolution | undefined): void {
  const entry = subject?.kind === "found" ? subject.entry : undefined;
  const objection = entry && request.check?.(entry);
  if (objection) return ending.answer(failed(objection));
  const call: Call = {
    caller: agent.caller,
    view: agent.view,
    method: request.method,
    target,
    subject,
    params: request.params,
    continues: undefined,
    signal: request.signal,
    logLevel: agent.logLevel,
    // What an upstream says is handed over where others wait for theirs.
    notify(notice) {
      try {
        return passOn(notice, agent, request);
      } catch (error) {
        ending.broke(error);
      }
    },
    postponed: request.postponed,
  };
  const done = (outcome: Outcome | Finished): void => {
    let answer: Answer;
    const bug = outcome.kind === "failed" && outcome.failure.kind === "internal" && outcome.failure;
    if (bug) front.trouble(bug.cause ?? bug.detail);
    try {
      answer = answerOf(outcome, agent.era, { call, definition: entry?.definition });
    } catch (error) {
      return ending.broke(error);
    }
    ending.answer(answer);
  };
  if (request.converse) request.converse(call, done);
  else front.handle(call, done);
}

/** A name may belong to an upstream that is still being seen for the first time, or be new. */
function find(queries: ViewQueries, { kind, name }: Target, caller: Caller): Promise<Resolution> | Resolution {
  const catalog = queries.catalog(caller);
  const found = catalog.resolve(kind, name);
  if (found.kind !== "unknown") return found;
  const read = (): Promise<void> | undefined => queries.fresh(kind, caller);
  const seen = catalog.missing.length === 0 ? read() : queries.settled(FIRST_WAIT_MS).then(read);
  return seen ? seen.then(() => queries.catalog(caller).resolve(kind, name)) : found;
}

interface Answered {
  readonly call: Call;
  readonly definition: Payload | undefined;
}

function answerOf(outcome: Outcome | Finished, era: AgentEra, { call, definition }: Answered): Answer {
  const { method, caller } = call;
  switch (outcome.kind) {
    case "done":
      return { kind: "result", result: era.result(resultOf(outcome, method), { method, definition }) };
    case "asks": {
      const asked = questionsOf(outcome.questions).map(([, question]) => question);
      const question = era.asks(outcome.questions, outcome.ticket);
      const required = lacking(asked, question ? caller.capabilities : NOTHING);
      if (required) return era.lacks(method, { required, error: undefined });
      return question ? { kind: "result", result: question } : failed(CANNOT_ASK);
    }
    case "lacks":
      return era.lacks(method, { required: outcome.required, error: undefined });
    case "failed": {
      const error = era.error(errorOf(outcome.failure));
      return error.code === CODES.missingCapability
        ? era.lacks(method, { required: requiredOf(error), error })
        : failed(error);
    }
  }
}

/** What asks about a task may be told of the error that it ended with. */
const resultOf = ({ result, route }: Extract<Outcome, { kind: "done" }>, method: string): Payload =>
  route && isAboutTasks(method) ? withPlainError(result, route.upstream) : result;

const NOTHING = Payload.of({});
const requiredOf = ({ error }: WireError): Payload => error.object("data")?.object("requiredCapabilities") ?? NOTHING;

const CANNOT_ASK = wireError(CODES.internalError, "The upstream needs input that this agent cannot give");

/** A notification reaches the agent in its own terms: its progress token, its log level. */
function passOn({ method, params }: Notice, agent: Agent, request: AgentRequest): Room {
  const notice = { method, params: withoutOwnMeta(params) };
  if (notice.method === "notifications/progress") {
    const meta = request.params.object("_meta");
    const token = meta?.raw("progressToken");
    if (!token || !meta?.given("progressToken")) return;
    return request.notify(notificationText(notice.method, notice.params.with({ progressToken: token })));
  }
  if (isVendors(notice.method)) return request.notify(notificationText(notice.method, notice.params));
  const least = agent.logLevel ?? (agent.era.logsUnasked ? "debug" : undefined);
  if (least === undefined || !isSevereEnough(notice.params.string("level"), least)) return;
  return request.notify(notificationText(notice.method, notice.params));
}
