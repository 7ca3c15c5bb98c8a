import { expect } from "vitest";
import { type ModernAgent, modernAgent } from "../fixtures/agents/http.ts";
import { configToml, startGateway } from "../fixtures/gateway.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { poll } from "../fixtures/poll.ts";
import type { Json } from "../fixtures/upstream/contract.ts";
import { TASKS } from "../fixtures/upstream/state.ts";
import { offerTasks } from "../fixtures/upstream/tasks.ts";
import { startUpstream, type Upstream } from "../fixtures/upstream/upstream.ts";
import { failureOf, resultOf, row } from "./lab.ts";

const keep = useCleanup();
const CAN = { capabilities: { elicitation: { form: {} }, extensions: { [TASKS]: {} } } };

/** Two replicas, of which the first is asked first. */
async function startTwo(era: "modern" | "legacy", prepare: (upstream: Upstream) => void = () => {}) {
  const upstreams = await Promise.all(["a", "b"].map(async name => keep(await startUpstream({ era, name }))));
  upstreams.forEach(prepare);
  const tables = upstreams.map(({ url, options: { name } }, at) => ({
    ...{ name, transport: "http", url, group: "pair", priority: at + 1, health_check_interval: 1 },
  }));
  const gateway = keep(await startGateway({ toml: configToml(tables) }));
  await gateway.until(({ upstreams }) => upstreams.every(({ state }) => state === "ready"));
  return { a: upstreams[0]!, b: upstreams[1]!, gateway, agent: modernAgent(gateway.url, CAN) };
}

const call = (agent: ModernAgent, name: string, more: Json = {}) =>
  agent.request("tools/call", { name, arguments: { message: "Who?" }, ...more });

for (const era of ["modern", "legacy"] as const) {
  row("F-55", `answers to a question whose upstream died since never start the call elsewhere (${era})`, async () => {
    const { a, b, agent } = await startTwo(era);
    const asked = resultOf(await call(agent, "test_elicitation"));
    expect(asked).toMatchObject({ resultType: "input_required" });
    const [key = ""] = Object.keys(asked.inputRequests as Json);
    const inputResponses = { [key]: { action: "accept", content: { username: "Ada", email: "a@b.c" } } };
    const more = { inputResponses, ...(asked.requestState !== undefined && { requestState: asked.requestState }) };
    const before = a.journal.executions.length;
    await a.down();
    const dead = failureOf(await call(agent, "test_elicitation", more));
    // A call that waited inside the upstream may have run on before it died; one that is made again was not sent.
    if (era === "modern") expect(dead).toMatchObject({ code: -31001, delivery: "not_sent", reason: "owner_down" });
    else expect(dead).toMatchObject({ code: -31003, delivery: "unknown", retryable: false });
    expect(b.journal.executions).toEqual([]);
    await a.up();
    if (era === "legacy") return expect(a.journal.executions).toHaveLength(before);
    const goesOn = async () => (await call(agent, "test_elicitation", more)).message?.result !== undefined;
    expect(await poll(goesOn, { everyMs: 200 })).toBe(true);
    expect(b.journal.executions).toEqual([]);
  });
}

row("F-56", "what an upstream says of a task that it forgot is passed on as it is", async () => {
  const { a, b, agent } = await startTwo("modern", offerTasks);
  const { taskId } = resultOf(await call(agent, "work"));
  expect(resultOf(await agent.request("tasks/get", { taskId }))).toMatchObject({ taskId });
  await a.down();
  offerTasks(a);
  await a.up();
  const get = () => agent.request("tasks/get", { taskId });
  expect(await poll(async () => (await get()).message?.error?.code === -32602, { everyMs: 200 })).toBe(true);
  expect((await get()).message?.error).toEqual({ code: -32602, message: "Unknown task" });
  expect(b.journal.sent("tasks/get")).toEqual([]);
});
