import type { Continuation } from "../../core/call.ts";
import { Payload } from "../../core/payload.ts";
import { errorText, type Message, type RawId, resultParts } from "../../wire/message.ts";
import { QUESTIONS } from "../../wire/questions.ts";
import { CODES, wireError } from "../../wire/rpc-errors.ts";
import { questionFor } from "../../wire/upstream-questions.ts";

export type UpstreamRequest = Extract<Message, { kind: "request" }>;

/** The questions of one call that its agent has not answered yet; each is a request that the upstream waits for. */
export interface OpenQuestions {
  readonly size: number;
  /** Takes a request, if the agent can be asked that; otherwise the upstream is told so. Tells which. */
  add(request: UpstreamRequest): boolean;
  /** Key → `{method, params}`. */
  payload(): Payload;
  /** Hands the agent's answers to the upstream, errors too. A question without an answer stays. */
  answer(given: Pick<Continuation, "answers" | "refusals">): void;
  /** The upstream does not want to know any more. */
  withdraw(id: RawId): void;
  /** Tells the upstream that there is no place for its questions. */
  refuse(): void;
  /** Takes out what is left. */
  drain(): readonly UpstreamRequest[];
}

interface Open {
  readonly request: UpstreamRequest;
  readonly question: Payload;
  /** What both take. */
  readonly bytes: number;
}

/** `declared`: what the agent can be asked for. */
export function openQuestions(declared: Payload, respond: (text: Buffer) => void): OpenQuestions {
  const open = new Map<string, Open>();
  let asked = 0;
  let bytes = 0;

  function remove(key: string, one: Open): void {
    if (open.delete(key)) bytes -= one.bytes;
  }

  return {
    get size() {
      return open.size;
    },
    add(request) {
      const { id, method, params } = request;
      const found = questionFor(method, params, declared);
      if (found.kind === "refused") {
        respond(errorText(id, found.error.error));
        return false;
      }
      const question = found.questions;
      const size = id.length + (params?.size ?? 0) + question.size;
      if (open.size >= QUESTIONS.max || bytes + size > QUESTIONS.maxBytes) {
        respond(errorText(id, TOO_MANY));
        return false;
      }
      bytes += size;
      open.set(`input-${++asked}`, { request, question, bytes: size });
      return true;
    },
    payload: () => NOTHING.with(Object.fromEntries([...open].map(([key, { question }]) => [key, question.bytes]))),
    answer({ answers, refusals }) {
      for (const [key, question] of [...open]) {
        const { id } = question.request;
        const result = answers.object(key);
        const error = refusals.object(key);
        if (!result && !error) continue;
        remove(key, question);
        if (result) respond(Buffer.concat(resultParts(id, result)));
        else if (error) respond(errorText(id, error));
      }
    },
    withdraw(id) {
      for (const [key, question] of [...open]) if (id.equals(question.request.id)) remove(key, question);
    },
    refuse() {
      for (const [key, question] of [...open]) {
        remove(key, question);
        respond(errorText(question.request.id, TOO_MANY));
      }
    },
    drain() {
      const left = [...open.values()].map(({ request }) => request);
      open.clear();
      return left;
    },
  };
}

const NOTHING = Payload.of({});
const TOO_MANY = wireError(CODES.internalError, "Too many questions are open for this client").error;
