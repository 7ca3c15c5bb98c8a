import type { Caller, View } from "../core/call.ts";
import { withoutTasks } from "../core/extensions.ts";
import { concerns, type Front, type ListChange } from "../core/front.ts";
import type { Holding } from "../core/ledger-entries.ts";
import { ownerId, type Principal } from "../core/names.ts";
import { withoutNulls } from "../core/nulls.ts";
import { Payload } from "../core/payload.ts";
import type { Clock } from "../core/ports.ts";
import { Aborter, type Signal } from "../core/signal.ts";
import { ROOTS_CHANGED } from "../wire/capabilities.ts";
import { initializeResult, legacyAgent } from "../wire/legacy.ts";
import { type Invalid, type Message, notificationText, type RawId } from "../wire/message.ts";
import { LIST_CHANGED_OF } from "../wire/methods.ts";
import { CODES, wireError } from "../wire/rpc-errors.ts";
import { type LegacyVersion, negotiateLegacy } from "../wire/versions.ts";
import { contactOf } from "./agent-backchannel.ts";
import { agentName } from "./agent-name.ts";
import { type Interviewee, interview } from "./elicit.ts";
import { type Exchange, reply } from "./exchange.ts";
import { createOutbox, type OwnStream } from "./outbox.ts";
import { createQuestions } from "./questions.ts";
import type { EventRing } from "./resume.ts";
import { type AgentRequest, type Answer, type Ending, endingOf, serve } from "./serve.ts";
import { sessionMethods } from "./session-methods.ts";
import { isLimited, refusalOf } from "./slow-refusal.ts";
import { atMostEvery } from "./throttle.ts";
import { createWatches } from "./watches.ts";

type Request = Extract<Message, { kind: "request" }>;
type Notification = Extract<Message, { kind: "notification" }>;

/** The conversation with one agent that opened it with `initialize`. Knows no transport. */
export interface Session {
  readonly id: string;
  readonly version: LegacyVersion;
  readonly view: View;
  readonly principal: Principal;
  /** Where what is kept for it is counted. */
  readonly held: Holding;
  /** Whether requests of its agent are being answered. */
  readonly isBusy: boolean;
  /** What was sent on its streams, for an agent that lost one. */
  readonly events: EventRing;
  /** Takes a message of the agent, and calls `dealtWith` once it is answered, or needs no answer. */
  receive(message: Message, exchange: Exchange, dealtWith: () => void): void;
  /** Whether a request with this id is being answered. */
  runs(id: RawId): boolean;
  /** Takes what is no message: a question that it seems to answer is not waited for any longer. */
  garbled(text: Invalid): void;
  /** Tells that lists changed, on the stream for messages of our own, now or when there is one. */
  listsChanged(change: ListChange): void;
  /** Opens the way for messages of our own; a later one takes the place of an earlier one. */
  attach(stream: OwnStream): () => void;
  /** Ends calls that still run, streams, and conversations that upstreams hold for this agent. */
  close(): void;
}

export interface SessionOptions {
  readonly front: Front;
  readonly clock: Clock;
  readonly events: EventRing;
  readonly view: View;
  readonly id: string;
  readonly principal: Principal;
  /** Where what is kept for it is counted. */
  readonly held: Holding;
  /** Where its agent comes from. */
  readonly address: string;
  /** Parameters of its `initialize`. */
  readonly params: Payload;
}

/** An agent's word goes to many upstreams. */
const ROOTS_NEWS_MS = 1_000;

interface Running {
  readonly aborted: Aborter;
  readonly exchange: Exchange;
}

const EMPTY = Payload.of({});

export function openSession(options: SessionOptions): { session: Session; answer: Answer } {
  const { front, clock, events, view, id, principal, params, held, address } = options;
  const keeper = { principal, address };
  const version = negotiateLegacy(params.string("protocolVersion"));
  const declared = withoutTasks(withoutNulls(params.object("capabilities") ?? EMPTY, 1));
  const isTooLarge = declared.size > MAX_CAPABILITIES_BYTES;
  const capabilities = isTooLarge ? EMPTY : declared;
  const caller: Caller = {
    principal,
    agent: agentName(params.object("clientInfo")),
    owner: ownerId(id),
    // An agent of these revisions could not follow a task, whatever it says.
    capabilities: capabilities.detached(),
    converses: true,
  };
  const running = new Map<string, Running>();
  const questions = createQuestions(clock);
  const outbox = createOutbox(held);
  const watches = createWatches({
    ...{ front, view, caller, held },
    updated(uri, changed) {
      held.worked();
      outbox.post(uri, notificationText("notifications/resources/updated", changed));
    },
  });
  const rootsNews = atMostEvery(ROOTS_NEWS_MS, clock, () => {
    front.tell(caller.owner, { method: ROOTS_CHANGED, params: EMPTY });
  });
  let logLevel: string | undefined;
  const ownMethods = sessionMethods({
    watches,
    setLogLevel(level) {
      logLevel = level;
    },
  });
  const contact = contactOf({ ...{ version, questions, outbox }, ...caller, logLevel: () => logLevel });
  const leave = front.attend(caller.owner, contact);

  function request(message: Request, exchange: Exchange, dealtWith: () => void): void {
    const key = message.id.toString("utf8");
    const earlier = running.get(key);
    if (earlier) {
      // Where both share a channel, an error with that id would be taken for the answer of the one that runs.
      const id = earlier.exchange === exchange ? undefined : message.id;
      exchange.error(id, wireError(CODES.invalidRequest, `Request id ${key} is already in use`));
      return dealtWith();
    }
    const aborted = new Aborter();
    running.set(key, { aborted, exchange });
    const answered = (answer: Answer): void => {
      if (running.get(key)?.aborted === aborted) running.delete(key);
      if (!aborted.aborted) reply(exchange, message.id, answer);
    };
    const ending = endingOf(front, answered, dealtWith);
    const answer = (): void => answerRequest(message, { exchange, signal: aborted.signal, ending });
    try {
      if (!isLimited(message.method)) return answer();
      refusalOf(message.method, { front, clock, keeper })
        .then(refusal => (refusal ? ending.answer(refusal) : answer()))
        .catch(ending.broke);
    } catch (error) {
      ending.broke(error);
    }
  }

  function answerRequest(
    message: Request,
    { exchange, signal, ending }: { exchange: Exchange; signal: Signal; ending: Ending },
  ): void {
    const params = message.params ?? EMPTY;
    const own = ownMethods.get(message.method)?.(params);
    if (own instanceof Promise) return void own.then(ending.answer, ending.broke);
    if (own) return ending.answer(own);
    held.worked();
    const interviewee: Interviewee = {
      ...{ version, clock },
      ask: async (question, until) =>
        exchange.canTell ? questions.ask(question, { send: exchange.notify, signal: until }) : UNREACHABLE,
    };
    const request: AgentRequest = {
      ...{ method: message.method, params, signal },
      notify(text) {
        return signal.aborted ? undefined : exchange.notify(text);
      },
      postponed() {
        if (!signal.aborted) exchange.postponed?.();
      },
      converse: (call, done) => interview(front.handle, call, { agent: interviewee, done }),
    };
    serve(front, { caller, view, era: legacyAgent, logLevel }, request, ending);
  }

  function end(key: string): void {
    const ending = running.get(key);
    if (!ending) return;
    running.delete(key);
    ending.aborted.abort();
    ending.exchange.abandon();
  }

  function notification({ method, params = EMPTY }: Notification): void {
    if (method === ROOTS_CHANGED) rootsNews.ask();
    if (method !== "notifications/cancelled") return;
    const requestId = params.raw("requestId")?.toString("utf8");
    if (requestId !== undefined) end(requestId);
  }

  const session: Session = {
    ...{ id, version, view, principal, events, held },
    get isBusy() {
      return running.size > 0;
    },
    receive(message, exchange, dealtWith) {
      if (message.kind === "request") return request(message, exchange, dealtWith);
      if (message.kind === "notification") notification(message);
      else questions.settle(message);
      dealtWith();
    },
    runs: id => running.has(id.toString("utf8")),
    garbled({ id }) {
      questions.settle({ kind: "error", id, error: NO_VALID_ANSWER });
    },
    listsChanged(change) {
      if (!concerns(change, view, caller.owner)) return;
      for (const method of new Set(change.kinds.map(kind => LIST_CHANGED_OF[kind]))) {
        outbox.post(method, notificationText(method));
      }
    },
    attach: outbox.attach,
    close() {
      for (const key of [...running.keys()]) end(key);
      leave();
      rootsNews.stop();
      questions.close();
      watches.close();
      outbox.close();
      events.close();
      front.release(caller.owner);
      held.end();
    },
  };
  const profile = front.view(view)?.profile(caller);
  if (isTooLarge) return { session, answer: CAPABILITIES_TOO_LARGE };
  const answer: Answer = profile
    ? { kind: "result", result: initializeResult(version, profile) }
    : { kind: "error", error: wireError(CODES.invalidParams, "This upstream is not configured") };
  return { session, answer };
}

/** They are kept as long as the session. */
export const MAX_CAPABILITIES_BYTES = 64 * 1024;
const CAPABILITIES_TOO_LARGE: Answer = {
  kind: "error",
  error: wireError(CODES.requestTooLarge, `capabilities are larger than ${MAX_CAPABILITIES_BYTES} bytes`),
};
const NO_VALID_ANSWER = wireError(CODES.internalError, "The agent gave no valid answer").error;
const UNREACHABLE = {
  kind: "error",
  error: wireError(CODES.internalError, "The agent cannot be asked: it reads no event stream for this request").error,
} as const;
