import { describe, expect, test } from "vitest";
import type { Status } from "../../src/core/status.ts";
import { type ModernAgent, modernAgent } from "../fixtures/agents/http.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { poll } from "../fixtures/poll.ts";
import type { Json } from "../fixtures/upstream/contract.ts";
import { startUpstream, type Upstream } from "../fixtures/upstream/upstream.ts";

const keep = useCleanup();

async function fleetOf(
  names: readonly string[],
  { upstream = {}, proxy = {} }: { upstream?: Json; proxy?: Json } = {},
): Promise<{ upstreams: Upstream[]; gateway: GatewayRun; agent: ModernAgent }> {
  const upstreams = await Promise.all(names.map(async name => keep(await startUpstream({ name }))));
  const configs = upstreams.map(({ url, options }) => ({
    ...{ name: options.name, transport: "http", url, group: "fleet", health_check_interval: 1 },
    ...upstream,
  }));
  const toml = configToml(configs, { security: { rate_limit_per_minute: 0 }, ...proxy });
  const gateway = keep(await startGateway({ toml }));
  await gateway.until(status => status.upstreams.every(({ state }) => state === "ready"));
  return { upstreams, gateway, agent: modernAgent(gateway.url) };
}

const call = (agent: ModernAgent, name: string) => agent.request("tools/call", { name, arguments: {} });
const gatewayFacts = (answered: Awaited<ReturnType<typeof call>>) =>
  (answered.message?.error as unknown as { data: { gateway: Json } } | undefined)?.data.gateway;
const one =
  (name: string, check: (upstream: Status["upstreams"][number]) => boolean) =>
  (status: Status): boolean =>
    status.upstreams.some(upstream => upstream.name === name && check(upstream));

describe("an upstream whose calls fail", () => {
  test("is ejected, which status shows with the reason, and comes back after a check and one call", async () => {
    const { upstreams, gateway, agent } = await fleetOf(["a", "b"]);
    const a = upstreams[0]!;
    const heal = a.when({ method: "tools/call" }, { do: "reset", ran: false });
    await poll(async () => {
      await call(agent, "count");
      return one("a", ({ state }) => state === "ejected")(await gateway.status());
    });
    const { upstreams: shown } = await gateway.status();
    expect(shown.find(({ name }) => name === "a")).toMatchObject({ lastError: expect.stringMatching(/\S/) });
    const { stdout } = await gateway.rad("mcp", "proxy", "status");
    expect(stdout).toMatch(/a\s+(ejected|probing|down)/);
    heal();
    await gateway.until(one("a", ({ state }) => state === "probing" || state === "ready"));
    expect((await call(agent, "count")).message?.result).toBeDefined();
    expect((await call(agent, "count")).message?.result).toBeDefined();
    await gateway.until(one("a", ({ state }) => state === "ready"));
  });

  test("still gets calls when it is the only one", async () => {
    const { upstreams, gateway, agent } = await fleetOf(["a"]);
    const heal = upstreams[0]!.when({ method: "tools/call" }, { do: "reset", ran: false });
    for (let count = 0; count < 5; count++) await call(agent, "count");
    await gateway.until(one("a", ({ state }) => state !== "ready"));
    heal();
    expect((await call(agent, "count")).message?.result).toBeDefined();
  });
});

describe("a call that may be sent again", () => {
  test("leaves an upstream that hangs in time for another one to answer", async () => {
    const { upstreams, agent } = await fleetOf(["a", "b"], { upstream: { timeout: 4, safe_to_retry: ["count"] } });
    upstreams[0]!.when({ method: "tools/call" }, { do: "hang" });
    expect((await call(agent, "count")).message?.result).toBeDefined();
    expect((await call(agent, "count")).message?.result).toBeDefined();
    await upstreams[0]!.journal.until(({ cancelled }) => cancelled.some(({ name }) => name === "count"));
  });

  test("goes to the same upstream once more when there is no other", async () => {
    const { upstreams, agent } = await fleetOf(["a"], { upstream: { safe_to_retry: ["count"] } });
    upstreams[0]!.when({ method: "tools/call", times: 1 }, { do: "reset", ran: false });
    expect((await call(agent, "count")).message?.result).toBeDefined();
  });
});

describe("a question of an upstream that dies before it is answered", () => {
  test("leads nowhere, and least of all to another run on its replica", async () => {
    const { upstreams, gateway } = await fleetOf(["a", "b"]);
    const [a, b] = upstreams as [Upstream, Upstream];
    const agent = modernAgent(gateway.url, { capabilities: { elicitation: { form: {} } } });
    const name = "test_input_required_result_request_state";
    const ask = (more: Json = {}) => agent.request("tools/call", { name, arguments: {}, ...more });
    const { requestState } = (await ask()).message?.result ?? {};
    expect(requestState).toBeDefined();
    const [asked, other] = a.journal.executions.length > 0 ? [a, b] : [b, a];
    await asked.down();
    const inputResponses = { confirm: { action: "accept", content: { ok: true } } };
    const answered = await ask({ requestState, inputResponses });
    expect(answered.message?.error?.code).toBe(-31001);
    expect(gatewayFacts(answered)).toMatchObject({ reason: "owner_down", delivery: "not_sent", retryable: true });
    expect([asked, other].map(({ journal }) => journal.executions.length)).toEqual([1, 0]);
    await asked.up();
    await gateway.until(one(asked.options.name, ({ state }) => state === "ready"));
    expect((await ask({ requestState, inputResponses })).message?.result).toBeDefined();
  });
});

describe("the configuration", () => {
  test("gives single tools a time of their own", async () => {
    const { upstreams, agent } = await fleetOf(["a"], { upstream: { tool_timeouts: { slow: 0.2 } } });
    upstreams[0]!.when({ method: "tools/call" }, { do: "hang" });
    const late = await call(agent, "slow");
    expect(late.message?.error?.code).toBe(-31002);
    expect(gatewayFacts(late)).toMatchObject({ reason: "upstream_timeout", delivery: "unknown", retryable: false });
  });

  test("keeps an agent with one upstream under affinity", async () => {
    const { upstreams, agent } = await fleetOf(["a", "b"], { proxy: { load_balancing: "affinity" } });
    for (let count = 0; count < 6; count++) expect((await call(agent, "count")).message?.result).toBeDefined();
    expect(upstreams.map(({ journal }) => journal.executions.length).sort()).toEqual([0, 6]);
  });
});

describe("an upstream that wants credentials", () => {
  test("is shown as such, and gets no call of an agent until it lets us in", async () => {
    const { upstreams, gateway, agent } = await fleetOf(["a"]);
    const open = upstreams[0]!.when({}, { do: "status", status: 401, headers: { "www-authenticate": "Bearer" } });
    expect((await call(agent, "count")).message?.error?.code).toBe(-31009);
    await gateway.until(one("a", ({ state, lastError }) => state === "auth_required" && lastError !== null));
    const refused = await call(agent, "count");
    expect(refused.message?.error?.code).toBe(-31009);
    expect(gatewayFacts(refused)).toMatchObject({ delivery: "not_sent", retryable: false });
    open();
    await gateway.until(one("a", ({ state }) => state === "ready"));
    expect((await call(agent, "count")).message?.result).toBeDefined();
  });
});
