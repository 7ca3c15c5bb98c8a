import { expect } from "vitest";
import type { Answered } from "../fixtures/agents/answered.ts";
import { asObject, type Json } from "../fixtures/upstream/contract.ts";
import { QUESTIONS, type QuestionKind } from "../fixtures/upstream/converse-tool.ts";
import { answerTo } from "./agents.ts";
import { type Answer, asks, IMPOSSIBLE, unaskable } from "./answers.ts";
import { type Cell, call, type Feature, publicName } from "./features.ts";
import { type AgentKind, isModern, type UpstreamKind } from "./kinds.ts";

type Rounds = readonly (readonly QuestionKind[])[];

/** How often the upstream is called: with a handshake the call stays open, else each round is a call. */
const legs = ({ upstream }: Cell, rounds: Rounds): number => (isModern(upstream.kind) ? rounds.length + 1 : 1);

const label = (nonce: string, round: number, at: number): string => `${nonce}/r${round}q${at}`;

/** Every answer reaches the tool that asked, every question the agent that called, and the tool runs once. */
async function conversation(cell: Cell, rounds: Rounds): Promise<void> {
  const { agent, nonce, upstream } = cell;
  const { last, asked } = await agent.converse("tools/call", call(cell, "converse", { rounds }));
  const questions = rounds.flatMap((kinds, round) =>
    kinds.map((kind, at) => ({
      key: `r${round}q${at}`,
      kind,
      question: QUESTIONS[kind].ask(label(nonce, round, at)),
    })),
  );
  const answers = Object.fromEntries(questions.map(({ key, question }) => [key, answerTo(agent.kind.name, question)]));
  expect(last.message?.error).toBeUndefined();
  const [block] = (last.message?.result?.content ?? []) as Json[];
  expect(JSON.parse(String(block?.text))).toEqual({ nonce, answers });
  const sorted = (all: readonly Json[]) => [...all].sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
  expect(sorted(asked.map(plain))).toEqual(sorted(questions.map(({ question }) => plain(question))));
  for (const { params } of asked) if (asObject(params).mode === "url") expectId(agent.kind, asObject(params));
  expect(upstream.executions(nonce)).toBe(legs(cell, rounds));
}

/** A question without what only some revisions have. */
function plain({ method, params }: Json): Json {
  const { elicitationId, _meta, mode, ...rest } = asObject(params);
  return { method, params: { ...rest, ...(mode === "url" && { mode }) } };
}

/** `elicitationId` exists between the handshake and nothing: only 2025-11-25 knows it. */
function expectId(agent: AgentKind, params: Json): void {
  if (isModern(agent)) expect(params).not.toHaveProperty("elicitationId");
  else expect(params.elicitationId).toEqual(expect.any(String));
}

const EXPECT: Record<Exclude<Answer, "nothing">, (answered: Answered, capability: readonly string[]) => void> = {
  own_error: ({ message }, capability) =>
    expect(message?.error).toEqual({ code: -32600, message: `client does not support ${capability.join(".")}` }),
  tool_error: ({ message }, capability) => {
    expect(message?.result).toMatchObject({ isError: true });
    expect(JSON.stringify(message?.result?.content)).toContain(capability[0]);
  },
  missing_capability: ({ message, status }, capability) => {
    const requiredCapabilities = capability.reduceRight<Json>((inner, key) => ({ [key]: inner }), {});
    expect(message?.error).toMatchObject({ code: -32021, data: { requiredCapabilities } });
    expect([0, 400]).toContain(status);
  },
  refused: ({ message, status }) => {
    expect(message?.error).toMatchObject({ code: -32600 });
    expect(status).toBe(400);
  },
};

/** Asks one question, or expects the answer of the table. */
const question =
  (kind: QuestionKind): Feature =>
  async cell => {
    const impossible = unaskable(cell.agent.kind, cell.upstream.kind, kind);
    if (!impossible) return conversation(cell, [[kind]]);
    const { last, asked } = await cell.agent.converse("tools/call", call(cell, "converse", { rounds: [[kind]] }));
    expect(asked).toEqual([]);
    EXPECT[IMPOSSIBLE[impossible].answer](last, QUESTIONS[kind].capability);
  };

const askable = ({ agent, upstream }: Cell): QuestionKind[] =>
  (["sampling", "roots", "form", "url"] as const).filter(
    kind => asks(upstream.kind, kind) && !unaskable(agent.kind, upstream.kind, kind),
  );

const rounds: Feature = async cell => {
  const kinds = askable(cell);
  await conversation(cell, [kinds.slice(0, 1), kinds.slice(1, 2), kinds.slice(0, 1), kinds.slice(-1)]);
};
const atOnce: Feature = async cell =>
  conversation(cell, [
    [...askable(cell), "sampling"],
    ["sampling", "sampling"],
  ]);

const LOAD = 8;
const underLoad: Feature = async cell => {
  const { agent, nonce, upstream } = cell;
  const calls = Array.from({ length: LOAD }, async (_, at) => {
    const args = { nonce: `${nonce}-${at}`, rounds: [["sampling"]] };
    const params = { name: publicName(cell, "converse"), arguments: args };
    const { last } = await agent.converse("tools/call", params);
    const r0q0 = answerTo(agent.kind.name, QUESTIONS.sampling.ask(label(args.nonce, 0, 0)));
    const [block] = (last.message?.result?.content ?? []) as Json[];
    expect(JSON.parse(String(block?.text ?? JSON.stringify(last.message)))).toEqual({
      nonce: args.nonce,
      answers: { r0q0 },
    });
    expect(upstream.executions(args.nonce)).toBe(legs(cell, [["sampling"]]));
  });
  await Promise.all(calls);
};

const askingPrompt: Feature = async cell => {
  const { last, asked } = await cell.agent.converse("prompts/get", {
    name: publicName(cell, "test_input_required_result_prompt"),
  });
  expect(asked).toHaveLength(1);
  expect(last.message?.result?.messages).toHaveLength(1);
};

/** Some questions are not asked by every upstream: `applies` says by which. */
export const QUESTION_FEATURES: Readonly<
  Record<string, { readonly run: Feature; applies(agent: AgentKind, upstream: UpstreamKind): boolean }>
> = {
  ...Object.fromEntries(
    (Object.keys(QUESTIONS) as QuestionKind[]).map(kind => [
      kind === "vendor" ? "an undeclared question" : `a question: ${kind}`,
      { run: question(kind), applies: (_agent: AgentKind, upstream: UpstreamKind) => asks(upstream, kind) },
    ]),
  ),
  "several rounds": { run: rounds, applies: (_agent, { shared }) => !shared },
  "several questions at once": { run: atOnce, applies: (_agent, { shared }) => !shared },
  "questions under load": { run: underLoad, applies: (_agent, { shared }) => !shared },
  "a prompt that asks": {
    run: askingPrompt,
    applies: (agent, upstream) => isModern(upstream) && agent.revision >= "2025-06-18",
  },
};
