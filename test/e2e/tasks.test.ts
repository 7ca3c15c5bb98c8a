import { describe, expect, test } from "vitest";
import type { Agent, Answered } from "../fixtures/agents/answered.ts";
import { legacyAgent, modernAgent } from "../fixtures/agents/http.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { asObject, type Json } from "../fixtures/upstream/contract.ts";
import { TASKS } from "../fixtures/upstream/state.ts";
import { offerTasks } from "../fixtures/upstream/tasks.ts";
import { startUpstream, type Upstream } from "../fixtures/upstream/upstream.ts";

const keep = useCleanup();
const CAN = { capabilities: { extensions: { [TASKS]: {} }, elicitation: { form: {} } } };

async function behind({ upstreams: count = 2, era = "modern" as "modern" | "legacy" } = {}) {
  const upstreams: Upstream[] = [];
  const configs: Json[] = [];
  for (let at = 1; at <= count; at++) {
    const name = `up${at}`;
    const upstream = keep(await startUpstream({ era, name, scheme: name, tools: ["add"] }));
    upstreams.push(upstream);
    configs.push({ name, transport: "http", url: upstream.url, group: name });
  }
  const tasks = upstreams.map(upstream => offerTasks(upstream));
  const gateway = keep(await startGateway({ toml: configToml(configs) }));
  await gateway.until();
  return { gateway, upstreams, tasks };
}

const resultOf = ({ message, raw }: Answered): Json => {
  if (!message?.result) throw new Error(raw);
  return message.result;
};
const errorOf = ({ message }: Answered): Json => message?.error as unknown as Json;
const start = async (agent: Agent, name = "up2:work"): Promise<Json> =>
  resultOf(await agent.request("tools/call", { name, arguments: {} }));

describe("a task", () => {
  test("is started, looked at, answered and done, at the upstream that runs it", async () => {
    const { gateway, tasks } = await behind();
    const agent = modernAgent(gateway.url, CAN);
    const created = await start(agent);
    expect(created).toMatchObject({ resultType: "task", status: "working", ttlMs: 60_000, pollIntervalMs: 10 });
    const { taskId } = created;
    expect(taskId).not.toBe("up2-1");
    const asking = resultOf(await agent.request("tasks/get", { taskId }));
    expect(asking).toMatchObject({ resultType: "complete", taskId, status: "input_required" });
    expect(Object.keys(asObject(asking.inputRequests))).toEqual(["name"]);
    const inputResponses = { name: { action: "accept", content: { name: "Ada" } } };
    expect(resultOf(await agent.request("tasks/update", { taskId, inputResponses })).resultType).toBe("complete");
    const finished = resultOf(await agent.request("tasks/get", { taskId }));
    expect(finished).toMatchObject({ taskId, status: "completed" });
    expect(finished.result).toEqual({ content: [{ type: "text", text: "Hello, Ada!" }] });
    expect(tasks.map(each => each.size)).toEqual([0, 1]);
  });

  test("is cancelled where it runs, also when others run elsewhere", async () => {
    const { gateway, tasks } = await behind();
    const agent = modernAgent(gateway.url, CAN);
    const ids = [await start(agent, "up1:work"), await start(agent, "up2:work")].map(({ taskId }) => taskId);
    expect(resultOf(await agent.request("tasks/cancel", { taskId: ids[1] }))).toMatchObject({ resultType: "complete" });
    expect(tasks.map(each => [...each.values()].map(({ status }) => status))).toEqual([["working"], ["cancelled"]]);
  });

  test("outlives the gateway: its id opens after a restart", async () => {
    const key = "ab".repeat(32);
    const { gateway, upstreams } = await behind();
    const shared = async (): Promise<GatewayRun> => {
      const configs = upstreams.map(({ url, options }) => ({
        name: options.name,
        transport: "http",
        url,
        group: options.name,
      }));
      const run = keep(await startGateway({ toml: configToml(configs), env: { RADIUM_SEAL_KEY: key } }));
      await run.until();
      return run;
    };
    const [one, two] = [await shared(), await shared()];
    const { taskId } = await start(modernAgent(one.url, CAN));
    expect(resultOf(await modernAgent(two.url, CAN).request("tasks/get", { taskId }))).toMatchObject({ taskId });
    expect(errorOf(await modernAgent(gateway.url, CAN).request("tasks/get", { taskId })).code).toBe(-32602);
  });

  test("is looked at again when the connection broke, but not answered again", async () => {
    const { gateway, upstreams } = await behind();
    const agent = modernAgent(gateway.url, CAN);
    const { taskId } = await start(agent);
    upstreams[1]?.when({ method: "tasks/get", times: 1 }, { do: "reset" });
    expect(resultOf(await agent.request("tasks/get", { taskId }))).toMatchObject({ taskId });
    upstreams[1]?.when({ method: "tasks/update", times: 1 }, { do: "reset" });
    expect(errorOf(await agent.request("tasks/update", { taskId, inputResponses: {} })).code).toBe(-31003);
  });

  test("cannot be reached while its upstream is down, though another has the same tool", async () => {
    const { gateway, upstreams } = await behind();
    const agent = modernAgent(gateway.url, CAN);
    const { taskId } = await start(agent);
    await upstreams[1]?.down();
    expect(errorOf(await agent.request("tasks/get", { taskId }))).toMatchObject({
      code: -31001,
      data: { gateway: { upstream: "up2", retryable: true } },
    });
  });

  test("is unknown under its native id, to another agent and in another upstream's view", async () => {
    const { gateway } = await behind();
    const agent = modernAgent(gateway.url, CAN);
    const { taskId } = await start(agent);
    const asked: [Agent, unknown][] = [
      [agent, "up2-1"],
      [agent, `${String(taskId)}A`],
      [modernAgent(gateway.url, { ...CAN, name: "somebody-else" }), taskId],
      [modernAgent(gateway.of("up1"), CAN), taskId],
    ];
    for (const [who, id] of asked) {
      expect(errorOf(await who.request("tasks/get", { taskId: id }))).toMatchObject({
        code: -32602,
        message: "Unknown task",
      });
    }
    expect(resultOf(await modernAgent(gateway.of("up2"), CAN).request("tasks/get", { taskId }))).toMatchObject({
      taskId,
    });
  });

  test("is asked about with its id in the header", async () => {
    const { gateway } = await behind();
    const agent = modernAgent(gateway.url, CAN);
    const { taskId } = await start(agent);
    const answer = await agent.request("tasks/get", { taskId }, { headers: { "mcp-name": "up2-1" } });
    expect([answer.status, errorOf(answer).code]).toEqual([400, -32020]);
  });
});

describe("an agent that has not declared the extension", () => {
  test("gets a result at once, and may ask about no task", async () => {
    const { gateway, tasks } = await behind();
    const agent = modernAgent(gateway.url);
    expect((await start(agent)).content).toEqual([{ type: "text", text: "done at once" }]);
    for (const method of ["tasks/get", "tasks/update", "tasks/cancel"]) {
      const answer = await agent.request(method, { taskId: "x", inputResponses: {} });
      expect([answer.status, errorOf(answer)]).toEqual([
        400,
        expect.objectContaining({ code: -32021, data: { requiredCapabilities: { extensions: { [TASKS]: {} } } } }),
      ]);
    }
    expect(tasks.map(each => each.size)).toEqual([0, 0]);
  });

  test("of an earlier revision has none to declare, whatever it says", async () => {
    const { gateway, tasks } = await behind();
    const session = await legacyAgent(gateway.url, "2025-11-25", CAN);
    expect(asObject(session.opening.message?.result?.capabilities)).not.toHaveProperty("extensions");
    expect((await start(session)).content).toEqual([{ type: "text", text: "done at once" }]);
    expect(errorOf(await session.request("tasks/get", { taskId: "x" })).code).toBe(-32601);
    expect(tasks.map(each => each.size)).toEqual([0, 0]);
    await session.close();
  });

  test("is given no task by an upstream that does so anyway", async () => {
    const { gateway, upstreams } = await behind();
    const result = { resultType: "task", taskId: "x", status: "working" };
    upstreams[1]?.when({ method: "tools/call" }, { do: "result", result });
    const answer = await modernAgent(gateway.url).request("tools/call", { name: "up2:work", arguments: {} });
    expect(errorOf(answer).code).toBe(-31007);
  });
});

describe("the extension", () => {
  test("is promised exactly when an upstream has it", async () => {
    const discover = async (gateway: GatewayRun): Promise<unknown> =>
      asObject(resultOf(await modernAgent(gateway.url).request("server/discover")).capabilities).extensions;
    expect(await discover((await behind()).gateway)).toEqual({ [TASKS]: {} });
    const upstream = keep(await startUpstream({ era: "modern" }));
    const toml = configToml([{ name: "plain", transport: "http", url: upstream.url }]);
    const gateway = keep(await startGateway({ toml }));
    await gateway.until();
    expect(await discover(gateway)).toBeUndefined();
  });

  test("is the only reason for a result of a type that the protocol does not have", async () => {
    const { gateway, upstreams } = await behind();
    upstreams[1]?.when({ method: "tools/call" }, { do: "result", result: { resultType: "surprise", content: [] } });
    const answer = await modernAgent(gateway.url, CAN).request("tools/call", { name: "up2:work", arguments: {} });
    expect(errorOf(answer).code).toBe(-31007);
  });
});
