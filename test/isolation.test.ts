import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { answerTo, connect, type EraAgent } from "./eras/agents.ts";
import { AGENTS, type AgentKind, isModern, UPSTREAMS } from "./eras/kinds.ts";
import { type RunningUpstream, startKind } from "./eras/upstreams.ts";
import { configToml, type GatewayRun, startGateway } from "./fixtures/gateway.ts";
import { asObject, type Json, type RpcMessage } from "./fixtures/upstream/contract.ts";
import { QUESTIONS } from "./fixtures/upstream/converse-tool.ts";

/**
 * Agents that use the same request ids and the same progress tokens at the same time, with delays, questions and calls
 * that are taken back: what belongs to one call reaches nobody else. `CALLS=100000` for a long run.
 */
const CALLS = Number(process.env.CALLS ?? 2_000);
const AT_ONCE = 4;
/** Progress of a call counts from a number of its own. */
const STEP_RANGE = 100;

const named = (index: number, name: string): AgentKind => ({ ...(AGENTS[index] as AgentKind), name });
const KINDS = [named(2, "ann"), named(3, "bob"), named(4, "cid"), named(4, "dot")];
const MIXED = UPSTREAMS.filter(({ name }) =>
  ["sse-2411", "http-2506", "http-2511", "http-2607", "stdio-2511", "stdio-2607", "shared-2511"].includes(name),
);

let gateway: GatewayRun;
const upstreams: RunningUpstream[] = [];
const agents: EraAgent[] = [];

beforeAll(async () => {
  upstreams.push(...(await Promise.all(MIXED.map(startKind))));
  const security = { rate_limit_per_minute: 0 };
  gateway = await startGateway({
    toml: configToml(
      upstreams.map(({ table }) => table),
      { security },
    ),
  });
  await gateway.until(({ upstreams: all }) => all.every(({ state }) => state === "ready"));
  agents.push(...(await Promise.all(KINDS.map(kind => connect(kind, gateway)))));
});

afterAll(async () => {
  await Promise.all(agents.map(agent => agent.close()));
  await gateway?.close();
  await Promise.all(upstreams.map(upstream => upstream.close()));
});

/** The same numbers in every run: `at` is the number of the call, `turn` which draw of it. */
const draw = (at: number, turn: number, below: number): number => {
  let hash = (at * 2_654_435_761 + turn * 40_503) >>> 0;
  hash ^= hash >>> 15;
  return (Math.imul(hash, 2_246_822_519) >>> 0) % below;
};

interface Plan {
  readonly agent: EraAgent;
  readonly at: number;
  /** Which of the calls that this agent has open at once. */
  readonly slot: number;
}

/** Everything that is wrong with what came back for one call. */
async function trial({ agent, at, slot }: Plan): Promise<string[]> {
  const upstream = upstreams[draw(at, 1, upstreams.length)] as RunningUpstream;
  const nonce = `${agent.kind.name}-${at}`;
  const givesUp = draw(at, 6, 10) === 0;
  // A question that nobody comes back for keeps its call open, and this agent's next calls on that line wait for it.
  const asks = !upstream.kind.shared && !givesUp && draw(at, 2, 3) === 0;
  const rounds = asks ? (draw(at, 3, 2) === 0 ? [["sampling"]] : [["sampling", "sampling"], ["sampling"]]) : [];
  const [base, steps] = [(at + 1) * STEP_RANGE, draw(at, 4, 4)];
  const args = { nonce, rounds, base, steps, ms: draw(at, 5, 6) };
  const params = {
    name: `${upstream.kind.name}__converse`,
    arguments: args,
    _meta: { progressToken: `token ${slot}`, "io.modelcontextprotocol/logLevel": "info" },
  };
  if (givesUp) {
    await agent.giveUp(params, sleep(draw(at, 7, 15)));
    return [];
  }
  const { last, before, asked } = await agent.converse("tools/call", params);
  const wrong = before.flatMap(message => foreign(message, { nonce, base, steps, token: `token ${slot}` }));
  for (const { params: question } of asked) {
    if (!JSON.stringify(question).includes(`"${agent.kind.name}-`)) wrong.push(`was asked ${JSON.stringify(question)}`);
  }
  const answers = Object.fromEntries(
    rounds.flatMap((kinds, round) =>
      kinds.map((_, index) => {
        const key = `r${round}q${index}`;
        return [key, answerTo(agent.kind.name, QUESTIONS.sampling.ask(`${nonce}/${key}`))];
      }),
    ),
  );
  const [block] = (last.message?.result?.content ?? []) as Json[];
  const got = block?.text ?? JSON.stringify(last.message);
  if (!same(got, { nonce, answers })) wrong.push(`expected ${nonce}, got ${got}`);
  const runs = isModern(upstream.kind) ? rounds.length + 1 : 1;
  if (upstream.executions(nonce) !== runs) wrong.push(`ran ${upstream.executions(nonce)} times`);
  return wrong.map(text => `${nonce} at ${upstream.kind.name}: ${text}`);
}

function same(text: unknown, expected: Json): boolean {
  try {
    expect(JSON.parse(String(text))).toEqual(expected);
    return true;
  } catch {
    return false;
  }
}

interface Own {
  readonly nonce: string;
  readonly base: number;
  readonly steps: number;
  readonly token: string;
}

function foreign({ method, params = {} }: RpcMessage, own: Own): string[] {
  if (method === "notifications/progress") {
    const step = Number(params.progress) - own.base;
    const fits = step >= 1 && step <= own.steps && params.progressToken === own.token;
    return fits ? [] : [`heard progress ${JSON.stringify(params)}`];
  }
  if (method !== "notifications/message") return [];
  return asObject(params.data).nonce === own.nonce ? [] : [`heard ${JSON.stringify(params)}`];
}

describe(`${CALLS} calls of agents with the same ids and tokens`, () => {
  test(
    "reach nobody else with an answer, progress, a log line or a question",
    async () => {
      let next = 0;
      const wrong: string[] = [];
      const work = async (agent: EraAgent, slot: number) => {
        for (let at = next++; at < CALLS; at = next++) {
          const problems = await trial({ agent, at, slot }).catch(error => [
            `${agent.kind.name}-${at}: ${String(error)}`,
          ]);
          wrong.push(...problems);
        }
      };
      const slots = Array.from({ length: AT_ONCE }, (_, slot) => slot);
      await Promise.all(agents.flatMap(agent => slots.map(slot => work(agent, slot))));
      expect(wrong.slice(0, 20), `${wrong.length} in all`).toEqual([]);
    },
    60_000 + 50 * CALLS,
  );
});
