import { randomUUID } from "node:crypto";
import type { AgentAnswer } from "../core/front.ts";
import { Payload } from "../core/payload.ts";
import type { Clock } from "../core/ports.ts";
import type { Signal } from "../core/signal.ts";
import { waitFor } from "../core/wait.ts";
import { type Message, notificationText } from "../wire/message.ts";
import { type Question, questionText } from "../wire/questions.ts";
import { CODES, wireError } from "../wire/rpc-errors.ts";

type Response = Extract<Message, { kind: "result" | "error" }>;

/** How a question gets to the agent, and until when its answer is wanted. */
export interface Way {
  send(message: Buffer): void;
  readonly signal: Signal;
}

/** The questions that one agent has been asked and has not answered. */
export interface Questions {
  /** Resolves with the agent's answer, or with an error when nobody wants it any more. */
  ask(question: Question, way: Way): Promise<AgentAnswer>;
  /** Takes a response of the agent; one that belongs to no question of this agent is passed over. */
  settle(response: Response): void;
  /** Ends them all. */
  close(): void;
}

export const QUESTIONS = {
  /** People take time; the ticket that the answers go back with lives a little longer. */
  patienceMs: 9.5 * 60_000,
  max: 256,
} as const;

export function createQuestions(clock: Clock): Questions {
  const pending = new Map<string, (answer: AgentAnswer) => void>();

  return {
    ask(question, { send, signal }) {
      if (signal.aborted) return Promise.resolve(WITHDRAWN);
      if (pending.size >= QUESTIONS.max) return Promise.resolve(TOO_MANY);
      const id = randomUUID();
      const withdrawn = (answer: AgentAnswer) => (): AgentAnswer => {
        send(cancelled(id));
        return answer;
      };
      const late = { clock, afterMs: QUESTIONS.patienceMs, gives: withdrawn(UNANSWERED) };
      return waitFor({ late, aborted: { signal, gives: withdrawn(WITHDRAWN) } }, end => {
        pending.set(id, end);
        send(questionText(id, question));
        return () => pending.delete(id);
      });
    },
    settle(response) {
      const id = response.id && idOf(response.id);
      const finish = id === undefined ? undefined : pending.get(id);
      finish?.(
        response.kind === "result"
          ? { kind: "result", result: response.result }
          : { kind: "error", error: response.error },
      );
    },
    close() {
      for (const finish of [...pending.values()]) finish(WITHDRAWN);
    },
  };
}

/** Ids of ours have no escapes, so any other spelling is not ours. */
const idOf = (raw: Buffer): string => raw.toString("utf8", 1, raw.length - 1);

const cancelled = (id: string): Buffer => notificationText("notifications/cancelled", Payload.of({ requestId: id }));

const noAnswer = (message: string): AgentAnswer => ({
  kind: "error",
  error: wireError(CODES.internalError, message).error,
});
const WITHDRAWN = noAnswer("The question was withdrawn");
const UNANSWERED = noAnswer("The agent did not answer a question in time");
const TOO_MANY = noAnswer("Too many questions to this agent are open");
