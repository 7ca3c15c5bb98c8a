import { randomUUID } from "node:crypto";
import { awaited, broken, type Call, type Handle, type Outcome } from "../core/call.ts";
import type { AgentAnswer } from "../core/front.ts";
import { Payload } from "../core/payload.ts";
import type { Clock } from "../core/ports.ts";
import { Aborter, aborted, type Signal } from "../core/signal.ts";
import { pause, whenAborted } from "../core/wait.ts";
import { lacking, phrase, type Question, questionsOf } from "../wire/questions.ts";
import { CODES, wireError } from "../wire/rpc-errors.ts";
import { elicitationIdOf } from "../wire/upstream-questions.ts";
import type { LegacyVersion } from "../wire/versions.ts";

/** An agent that is asked in the middle of its call. */
export interface Interviewee {
  readonly version: LegacyVersion;
  readonly clock: Clock;
  ask(question: Question, signal: Signal): Promise<AgentAnswer>;
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
const NO_ANSWERS: Answers = { kind: "answers", answers: EMPTY, refusals: EMPTY };

/**
 * Handles a call whose agent cannot take questions as a result: asks each one, and goes on with the answers the way an
 * agent of a newer revision would, until there is a result.
 */
export function interview(
  handle: Handle,
  call: Call,
  { agent, done }: { readonly agent: Interviewee; done(finished: Finished): void },
): void {
  handle(call, outcome => {
    if (outcome.kind !== "asks") return done(outcome);
    proceed(handle, call, { agent, asks: outcome }).then(done, error => done(broken(error) as Finished));
  });
}

async function proceed(
  handle: Handle,
  call: Call,
  { agent, asks }: { readonly agent: Interviewee; readonly asks: Outcome },
): Promise<Finished> {
  let outcome = asks;
  for (let round = 0; outcome.kind === "asks"; round++) {
    const { ticket } = outcome;
    const answers = round < ROUNDS.max ? await askAll(outcome, call, agent) : TOO_MANY;
    if (answers.kind !== "answers") {
      // Tells an upstream that holds the call open that nobody waits for it any more.
      handle({ ...resumed(call, ticket, NO_ANSWERS), signal: aborted() }, () => {});
      return answers;
    }
    outcome = await awaited(handle, resumed(call, ticket, answers));
  }
  return outcome;
}

function resumed(call: Call, ticket: string, { answers, refusals }: Answers): Call {
  const params = call.params.with({
    requestState: ticket === "" ? undefined : JSON.stringify(ticket),
    inputResponses: answers.bytes,
  });
  return refusals.isEmpty ? { ...call, params } : { ...call, params, refusals };
}

interface Answers {
  readonly kind: "answers";
  readonly answers: Payload;
  readonly refusals: Payload;
}

type Asking = Extract<Outcome, { kind: "asks" }>;

async function askAll(outcome: Asking, call: Call, agent: Interviewee): Promise<Answers | Finished> {
  const { questions, open, route } = outcome;
  const asked = questionsOf(questions);
  if (asked.length === 0) {
    await pause(agent.clock, ROUNDS.paceMs, call.signal);
    return call.signal.aborted ? CANCELLED : NO_ANSWERS;
  }
  const { capabilities } = call.caller;
  const elicitationId = (native: string | undefined): string =>
    native === undefined ? randomUUID() : elicitationIdOf(route?.upstream ?? "", native);
  const phrased = asked.map(
    ([key, question]) => [key, phrase(question, { version: agent.version, capabilities, elicitationId })] as const,
  );
  const toAsk = phrased.flatMap(([, one]) => (one.kind === "ask" ? [one.question] : []));
  const required = lacking(toAsk, capabilities);
  if (required) return { kind: "lacks", required };

  const others = new Aborter();
  const withdraw = whenAborted(call.signal, () => others.abort());
  // The keys are the upstream's.
  const answers = new Map<string, Buffer>();
  const refusals = new Map<string, Buffer>();
  let refusal: Payload | undefined;
  await Promise.all(
    phrased.map(async ([key, one]) => {
      const answer = one.kind === "ask" ? await agent.ask(one.question, others.signal) : one;
      if (answer.kind !== "error") {
        answers.set(key, answer.result.bytes);
        return;
      }
      refusals.set(key, answer.error.bytes);
      refusal ??= answer.error;
      // An upstream that is called again with the answers has no place for an error, so that is the end of the call.
      if (!open) others.abort();
    }),
  ).finally(withdraw);
  if (call.signal.aborted) return CANCELLED;
  if (refusal && !open) return { kind: "failed", failure: { kind: "answered", error: refusal } };
  return { kind: "answers", answers: objectOf(answers), refusals: objectOf(refusals) };
}

const objectOf = (members: ReadonlyMap<string, Buffer>): Payload => EMPTY.with(Object.fromEntries(members));

const CANCELLED: Finished = { kind: "failed", failure: { kind: "cancelled" } };
const TOO_MANY: Finished = {
  kind: "failed",
  failure: {
    kind: "answered",
    error: wireError(CODES.internalError, `The upstream still needs input after ${ROUNDS.max} rounds`).error,
  },
};
