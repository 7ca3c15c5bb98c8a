import { describe, expect, test } from "vitest";
import type { Answered } from "../fixtures/agents/answered.ts";
import { type ModernAgent, modernAgent } from "../fixtures/agents/http.ts";
import { configToml, startGateway } from "../fixtures/gateway.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { poll } from "../fixtures/poll.ts";
import type { Json } from "../fixtures/upstream/contract.ts";
import { startUpstream } from "../fixtures/upstream/upstream.ts";

const keep = useCleanup();
const CAN = { capabilities: { elicitation: { form: {} }, sampling: {}, roots: {} } };
const ROUNDS = "test_input_required_result_multi_round";
const STATELESS = "test_input_required_result_elicitation";

async function behind(security: Json = {}) {
  const upstream = keep(await startUpstream({ era: "modern" }));
  const toml = configToml([{ name: "up", transport: "http", url: upstream.url }], { security });
  const gateway = keep(await startGateway({ toml }));
  await gateway.until();
  return { gateway, upstream, agent: modernAgent(gateway.url, CAN) };
}

const call = (agent: ModernAgent, name: string, more: Json = {}): Promise<Answered> =>
  agent.request("tools/call", { name, arguments: {}, ...more });
const accepts = (content: Json): Json => ({ action: "accept", content });
const errorOf = ({ message }: Answered): Json => message?.error as unknown as Json;
const textOf = ({ message }: Answered): unknown => (message?.result?.content as Json[] | undefined)?.[0]?.text;

describe("a ticket over the wire", () => {
  test("carries a call through its rounds, of which only the first counts towards the limit", async () => {
    const { gateway, agent } = await behind({ rate_limit_per_minute: 1 });
    const first = (await call(agent, ROUNDS)).message?.result ?? {};
    expect(first).toMatchObject({ resultType: "input_required", inputRequests: { step1: {} } });
    const step1 = { step1: accepts({ name: "Ada" }) };
    const second = (await call(agent, ROUNDS, { inputResponses: step1, requestState: first.requestState })).message
      ?.result;
    expect(second).toMatchObject({ resultType: "input_required", inputRequests: { step2: {} } });
    const step2 = { step2: accepts({ color: "blue" }) };
    const third = await call(agent, ROUNDS, { inputResponses: step2, requestState: second?.requestState });
    expect(textOf(third)).toBe("Ada likes blue");
    expect(errorOf(await call(agent, ROUNDS)).code).toBe(-31004);
    const lines = () => gateway.logLines().filter(line => line.target === ROUNDS);
    await poll(() => lines().length === 4);
    expect(lines().map(({ outcome, round }) => [outcome, round])).toEqual([
      ["asks", undefined],
      ["asks", true],
      ["ok", true],
      ["failed", undefined],
    ]);
  });

  test("is made for an upstream that has none, too", async () => {
    const { agent } = await behind();
    const { requestState } = (await call(agent, STATELESS)).message?.result ?? {};
    expect(typeof requestState).toBe("string");
    const inputResponses = { user_name: accepts({ name: "Ada" }), unknown: accepts({}) };
    expect(textOf(await call(agent, STATELESS, { inputResponses, requestState }))).toBe("Hello, Ada!");
  });

  test("is refused to everybody else and for everything else, and the upstream hears nothing of it", async () => {
    const { gateway, upstream, agent } = await behind();
    const { requestState } = (await call(agent, ROUNDS)).message?.result ?? {};
    const inputResponses = { step1: accepts({ name: "Ada" }) };
    const before = upstream.journal.executions.length;
    const others: Promise<Answered>[] = [
      call(agent, ROUNDS, { inputResponses, requestState: `${String(requestState)}-TAMPERED` }),
      call(agent, ROUNDS, { inputResponses, requestState, arguments: { other: 1 } }),
      call(agent, STATELESS, { inputResponses, requestState }),
      call(modernAgent(gateway.url, { ...CAN, name: "somebody-else" }), ROUNDS, { inputResponses, requestState }),
      call(modernAgent(gateway.of("up"), CAN), ROUNDS, { inputResponses, requestState }),
      call(agent, ROUNDS, { inputResponses, requestState: 5 }),
      call(agent, ROUNDS, { inputResponses: null, requestState }),
    ];
    expect((await Promise.all(others)).map(answer => errorOf(answer).code)).toEqual(others.map(() => -32602));
    expect(upstream.journal.executions).toHaveLength(before);
  });

  test("is not needed for answers that an agent gives of its own accord: the upstream decides", async () => {
    const { agent } = await behind();
    const wrong = await call(agent, STATELESS, { inputResponses: { wrong_key: accepts({}) } });
    expect(wrong.message?.result).toMatchObject({ resultType: "input_required" });
    const right = await call(agent, STATELESS, { inputResponses: { user_name: accepts({ name: "Ada" }) } });
    expect(textOf(right)).toBe("Hello, Ada!");
  });
});
