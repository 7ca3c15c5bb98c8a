import { randomUUID } from "node:crypto";
import type { AgentAnswer, AgentContact } from "../core/front.ts";
import type { Payload } from "../core/payload.ts";
import { notificationText } from "../wire/message.ts";
import { isSevereEnough } from "../wire/methods.ts";
import { lacking, phrase, readQuestion } from "../wire/questions.ts";
import { CODES, wireError } from "../wire/rpc-errors.ts";
import { ELICITED } from "../wire/upstream-questions.ts";
import { asksRichly, type LegacyVersion } from "../wire/versions.ts";
import type { Outbox } from "./outbox.ts";
import type { Questions } from "./questions.ts";

export interface ContactOptions {
  readonly version: LegacyVersion;
  readonly capabilities: Payload;
  readonly questions: Questions;
  readonly outbox: Outbox;
  /** What the agent has asked for, if it has. */
  logLevel(): string | undefined;
}

/** An agent as it can be reached outside its requests: on its own stream, while it has one. */
export function contactOf({ version, capabilities, questions, outbox, logLevel }: ContactOptions): AgentContact {
  const knowsUrls = capabilities.object("elicitation")?.has("url") === true && asksRichly(version);
  const elicitationId = (given: string | undefined): string => given ?? randomUUID();

  return {
    async ask(raw, signal) {
      const phrased = phrase(readQuestion(raw), { version, capabilities, elicitationId });
      if (phrased.kind === "answered") return { kind: "result", result: phrased.result };
      if (lacking([phrased.question], capabilities)) return refused(`Method not found: ${phrased.question.method}`);
      if (!outbox.isOpen) return refused("The client has no stream on which it can be asked");
      return questions.ask(phrased.question, { send: outbox.send, signal });
    },
    tell({ method, params }) {
      if (method === ELICITED) {
        // People take their time, also while the agent has no stream.
        if (knowsUrls) outbox.post(`${method} ${params.string("elicitationId")}`, notificationText(method, params));
        return;
      }
      const isLog = method === "notifications/message";
      if (isLog && !isSevereEnough(params.string("level"), logLevel() ?? "debug")) return;
      outbox.send(notificationText(method, params));
    },
  };
}

const refused = (message: string): AgentAnswer => ({
  kind: "error",
  error: wireError(CODES.methodNotFound, message).error,
});
