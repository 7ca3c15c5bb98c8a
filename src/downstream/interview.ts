import { randomUUID } from "node:crypto";
import type { Call, Handle, Outcome } from "../core/call.ts";
import type { AgentAnswer } from "../core/front.ts";
import { Payload } from "../core/payload.ts";
import type { Clock } from "../core/ports.ts";
import { lacking, phrase, type Question, questionsOf } from "../wire/questions.ts";
import { CODES, wireError } from "../wire/rpc-errors.ts";
import type { LegacyVersion } from "../wire/versions.ts";

/** An agent that is asked in the middle of its call. */
export interface Interviewee {
  readonly version: LegacyVersion;
  readonly clock: Clock;
  ask(question: Question, signal: AbortSignal): Promise<AgentAnswer>;
}

/** How a call ends once every question is settled. */
export type Finished =
  | Exclude<Outcome, { kind: "asks" }>
  /** `required`: what the agent would have to declare, in the shape of its capabilities. */
  | { readonly kind: "lacks"; readonly required: Payload };

export const ROUNDS = {
  max: 10,
  /** An upstream that only wants to be called again is not called in a tight loop. */
  paceMs: 250,
} as const;

const EMPTY = Payload.of({});

/**
 * Handles a call whose agent cannot take questions as a result: asks each one, and goes on with the answers the way an
 * agent of a newer revision would, until there is a result.
 */
export async function interview(handle: Handle, call: Call, agent: Interviewee): Promise<Finished> {
  let outcome = await handle(call);
  for (let round = 0; outcome.kind === "asks"; round++) {
    const { questions, ticket } = outcome;
    const answers = round < ROUNDS.max ? await askAll(questions, call, agent) : TOO_MANY;
    if (answers.kind !== "answers") {
      // Tells an upstream that holds the call open that nobody waits for it any more.
      const dropped = { ...resumed(call, { ticket, answers: EMPTY }), signal: AbortSignal.abort() };
      handle(dropped).catch(() => {});
      return answers;
    }
    outcome = await handle(resumed(call, { ticket, answers: answers.answers }));
  }
  return outcome;
}

function resumed(call: Call, { ticket, answers }: { ticket: string; answers: Payload }): Call {
  const params = call.params.with({
    requestState: ticket === "" ? undefined : JSON.stringify(ticket),
    inputResponses: answers.bytes,
  });
  return { ...call, params };
}

type Answers = { readonly kind: "answers"; readonly answers: Payload } | Finished;

async function askAll(questions: Payload, call: Call, agent: Interviewee): Promise<Answers> {
  const asked = questionsOf(questions);
  if (asked.length === 0) {
    await pause(agent.clock, call.signal);
    return call.signal.aborted ? CANCELLED : { kind: "answers", answers: EMPTY };
  }
  const { capabilities } = call.caller;
  const phrased = asked.map(
    ([key, question]) => [key, phrase(question, { version: agent.version, capabilities, mint: randomUUID })] as const,
  );
  const toAsk = phrased.flatMap(([, one]) => (one.kind === "ask" ? [one.question] : []));
  const required = lacking(toAsk, capabilities);
  if (required) return { kind: "lacks", required };

  const others = new AbortController();
  const signal = AbortSignal.any([call.signal, others.signal]);
  let refusal: Payload | undefined;
  const answers = await Promise.all(
    phrased.map(async ([key, one]) => {
      if (one.kind === "answered") return [key, one.result.bytes] as const;
      const answer = await agent.ask(one.question, signal);
      if (answer.kind === "result") return [key, answer.result.bytes] as const;
      refusal ??= answer.error;
      others.abort();
      return [key, undefined] as const;
    }),
  );
  if (call.signal.aborted) return CANCELLED;
  if (refusal) return { kind: "failed", failure: { kind: "answered", error: refusal } };
  return { kind: "answers", answers: EMPTY.with(Object.fromEntries(answers)) };
}

function pause(clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const finish = (): void => {
      cancel();
      signal.removeEventListener("abort", finish);
      resolve();
    };
    const cancel = clock.after(ROUNDS.paceMs, finish);
    signal.addEventListener("abort", finish);
    if (signal.aborted) finish();
  });
}

const CANCELLED: Finished = { kind: "failed", failure: { kind: "cancelled" } };
const TOO_MANY: Finished = {
  kind: "failed",
  failure: {
    kind: "answered",
    error: wireError(CODES.internalError, `The upstream still needs input after ${ROUNDS.max} rounds`).error,
  },
};
