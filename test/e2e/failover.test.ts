import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Answered, listAll, namesOf } from "../fixtures/agents/answered.ts";
import { legacyAgent, type ModernAgent, modernAgent } from "../fixtures/agents/http.ts";
import { upstreamCommand } from "../fixtures/build.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { descendants, isAlive, useCleanup } from "../fixtures/leaks.ts";
import { poll } from "../fixtures/poll.ts";
import type { Json } from "../fixtures/upstream/contract.ts";
import type { Then } from "../fixtures/upstream/script.ts";
import { type StartOptions, startUpstream, type Upstream } from "../fixtures/upstream/upstream.ts";

const keep = useCleanup();
const SECURITY = { security: { rate_limit_per_minute: 0 } };

const start = async (name: string, options: StartOptions = {}) => keep(await startUpstream({ name, ...options }));
const config = (upstream: Upstream, more: Json = {}): Json => ({
  name: upstream.options.name,
  transport: "http",
  url: upstream.url,
  health_check_interval: 1,
  ...more,
});

async function gatewayOf(...upstreams: Json[]): Promise<{ gateway: GatewayRun; agent: ModernAgent }> {
  const gateway = keep(await startGateway({ toml: configToml(upstreams, SECURITY) }));
  await gateway.until();
  return { gateway, agent: modernAgent(gateway.url) };
}

/** Two replicas in one group; `b` has the priority that is given. */
async function pair(priority: number, more: Json = {}, options: StartOptions = {}) {
  const [a, b] = [await start("a", options), await start("b", options)];
  const group = { group: "pair", ...more };
  return { a, b, ...(await gatewayOf(config(a, group), config(b, { ...group, priority }))) };
}

const count = (agent: ModernAgent): Promise<Answered> => agent.request("tools/call", { name: "count", arguments: {} });
const runs = (...upstreams: Upstream[]) => upstreams.map(({ journal }) => journal.executions.length);
const stateOf = (name: string, state: string) => (status: { upstreams: readonly { name: string; state: string }[] }) =>
  status.upstreams.find(upstream => upstream.name === name)?.state === state;

describe("replicas", () => {
  test("of the same priority take turns, and a tool of both is listed once", async () => {
    const { a, b, agent } = await pair(1);
    for (let calls = 0; calls < 6; calls++) expect((await count(agent)).message?.result).toBeDefined();
    expect(runs(a, b)).toEqual([3, 3]);
    const names = namesOf((await listAll(agent, "tools/list")).items);
    expect(names.filter(name => name.includes("count"))).toEqual(["count"]);
  });

  test("of a worse priority serve only while the better one is down, and it gets its calls back", async () => {
    const { a, b, agent, gateway } = await pair(2);
    await count(agent);
    expect(runs(a, b)).toEqual([1, 0]);
    await a.down();
    expect((await count(agent)).message?.result).toBeDefined();
    expect(runs(a, b)).toEqual([1, 1]);
    await gateway.until(stateOf("a", "down"));
    await a.up();
    await gateway.until(stateOf("a", "ready"));
    await count(agent);
    expect(runs(a, b)).toEqual([2, 1]);
  });

  test("keep the catalog as it is when one goes and comes", async () => {
    const { a, b, agent, gateway } = await pair(1);
    const names = async () => namesOf((await listAll(agent, "tools/list")).items);
    const before = await names();
    await a.down();
    await gateway.until(stateOf("a", "down"));
    expect(await names()).toEqual(before);
    await b.down();
    await gateway.until(stateOf("b", "down"));
    expect(await names()).toEqual(before);
    const { message, status } = await count(agent);
    expect(status).toBe(200);
    expect(message?.error).toMatchObject({
      code: -31001,
      data: { gateway: { retryable: true, delivery: "not_sent" } },
    });
  });

  test("one that refuses is passed over without a trace", async () => {
    const { a, b, agent } = await pair(2);
    a.when({ name: "count" }, { do: "status", status: 503, headers: { "retry-after": "1" } });
    expect((await count(agent)).message?.result).toBeDefined();
    expect(runs(a, b)).toEqual([0, 1]);
  });
});

describe("a call that may have run", () => {
  const BREAKS: readonly (readonly [string, Then, number])[] = [
    ["a reset", { do: "reset" }, -31003],
    ["a closed connection", { do: "close" }, -31003],
    ["a stream that ends without the answer", { do: "close", head: true }, -31003],
    ["half an answer", { do: "truncated" }, -31003],
    ["500", { do: "status", status: 500 }, -31003],
    ["an answer that is no JSON", { do: "garbage", text: "<html>hello</html>" }, -31007],
    ["an answer with somebody else's id", { do: "wrong_id" }, -31007],
    ["an answer with invalid UTF-8", { do: "garbage", text: "7b226aff7d", encoding: "hex" }, -31007],
  ];

  test.each(BREAKS)("is not repeated after %s", async (_name, then, code) => {
    const { a, b, agent } = await pair(2);
    a.when({ name: "count" }, then);
    const { message, status } = await count(agent);
    expect(status).toBe(200);
    expect(message?.error?.code).toBe(code);
    const more = message?.error as unknown as { data: { gateway: { retryable: boolean } } };
    expect(more.data.gateway.retryable).toBe(false);
    expect(runs(b)).toEqual([0]);
  });

  test("goes to a replica when the operator says that the tool may be repeated", async () => {
    const { a, b, agent } = await pair(2, { safe_to_retry: ["count"] });
    a.when({ name: "count" }, { do: "reset" });
    expect((await count(agent)).message?.result).toBeDefined();
    expect(runs(a, b)).toEqual([1, 1]);
  });

  test("is answered once when the upstream answers twice", async () => {
    const { a, agent } = await pair(2, {}, { era: "legacy" });
    a.when({ name: "count", times: 1 }, { do: "duplicate" });
    expect((await count(agent)).message?.result).toMatchObject({ content: [{ text: "1" }] });
    expect((await count(agent)).message?.result).toMatchObject({ content: [{ text: "2" }] });
  });
});

describe("an upstream that", () => {
  test("hangs is given up after its timeout, and keeps nobody else waiting", async () => {
    const [a, b] = [await start("a", { tools: ["slow"] }), await start("b", { tools: ["add"] })];
    const { agent } = await gatewayOf(config(a, { timeout: 1 }), config(b));
    a.when({ method: "tools/call" }, { do: "hang" });
    const stuck = agent.request("tools/call", { name: "slow", arguments: {} });
    const sum = await agent.request("tools/call", { name: "add", arguments: { a: 1, b: 2 } });
    expect(sum.message?.result).toMatchObject({ content: [{ text: "3" }] });
    expect((await stuck).message?.error?.code).toBe(-31002);
  });

  test("answers with more than the limit is stopped", async () => {
    const a = await start("a");
    const { agent, gateway } = await gatewayOf(config(a));
    const { message } = await agent.request("tools/call", { name: "big", arguments: { bytes: 64 * 1024 * 1024 } });
    expect(message?.error?.code).toBe(-31008);
    expect(await gateway.status()).toMatchObject({ running: true });
    expect((await count(agent)).message?.result).toBeDefined();
  });

  test("forgets its sessions is greeted anew, and the agent does not notice", async () => {
    const a = await start("a", { era: "legacy" });
    const { gateway } = await gatewayOf(config(a));
    const agent = keep(await legacyAgent(gateway.url));
    const ask = () => agent.request("tools/call", { name: "count", arguments: {} });
    expect((await ask()).message?.result).toBeDefined();
    await a.restart();
    expect((await ask()).message?.result).toMatchObject({ content: [{ text: "2" }] });
    expect(runs(a)).toEqual([2]);
  });

  test("never answers its handshake delays neither the start nor the others", async () => {
    const [a, b] = [await start("a"), await start("b")];
    a.when({}, { do: "hang" });
    const toml = configToml([config(a), config(b)], SECURITY);
    const gateway = keep(await startGateway({ toml }));
    const agent = modernAgent(gateway.url);
    await gateway.until(stateOf("b", "ready"));
    expect(
      (await agent.request("tools/call", { name: "add", arguments: { a: 1, b: 1 } })).message?.result,
    ).toBeDefined();
  });

  test.each(["legacy", "modern"] as const)("(%s) loses an agent's interest is told so", async era => {
    const a = await start("a", { era });
    const { agent } = await gatewayOf(config(a));
    const controller = new AbortController();
    const params = { name: "slow", arguments: { ms: 60_000 } };
    const given = agent.request("tools/call", params, { signal: controller.signal });
    await a.journal.until(({ executions }) => executions.length === 1);
    controller.abort();
    await expect(given).rejects.toThrow();
    await a.journal.until(({ cancelled }) => cancelled.some(({ name }) => name === "slow"));
  });

  test("changes its tools changes the catalog, and agents with a stream hear of it", async () => {
    const a = await start("a");
    const { gateway } = await gatewayOf(config(a));
    const agent = keep(await legacyAgent(gateway.url));
    const { inbox } = await agent.listen();
    const definition = { name: "brand_new", description: "New", inputSchema: { type: "object" } };
    a.tools.set("brand_new", { definition, run: () => ({ content: [{ type: "text", text: "new" }] }) });
    a.announce("tools");
    await inbox.next(({ method }) => method === "notifications/tools/list_changed");
    const { message } = await agent.request("tools/call", { name: "brand_new", arguments: {} });
    expect(message?.result).toMatchObject({ content: [{ text: "new" }] });
  });
});

describe("a child", () => {
  const child = (...args: string[]): Json => ({ name: "child", transport: "stdio", ...upstreamCommand(...args) });

  test("that is killed in a call is started again, and the call is not repeated", async () => {
    const { agent, gateway } = await gatewayOf(child("--journal", "journal.jsonl"));
    const journal = () => readFileSync(join(gateway.dir, "journal.jsonl"), "utf8").trim().split("\n");
    const stuck = agent.request("tools/call", { name: "slow", arguments: { ms: 60_000 } });
    await poll(() => {
      try {
        return journal().length === 1;
      } catch {
        return false;
      }
    });
    for (const pid of descendants(gateway.pid)) process.kill(pid, "SIGKILL");
    expect((await stuck).message?.error?.code).toBe(-31003);
    const again = await poll(async () => (await count(agent)).message?.result !== undefined, { everyMs: 300 });
    expect(again).toBe(true);
    expect(journal().filter(line => line.includes('"slow"'))).toHaveLength(1);
  });

  test("that prints other things than messages is understood all the same", async () => {
    const { agent } = await gatewayOf(
      child("--banner", "\u001b[32mWelcome!\u001b[0m {not json", "--stderr", "starting"),
    );
    expect((await count(agent)).message?.result).toBeDefined();
  });

  test("that ends at once is shown as such, with its last words, and does not spin", async () => {
    const { gateway } = await gatewayOf(child("--stderr", "no API_KEY given", "--exit", "3"));
    const { upstreams } = await gateway.until(({ upstreams }) => upstreams[0]?.state !== "connecting");
    expect(["down", "crashlooping"]).toContain(upstreams[0]?.state);
    expect(JSON.stringify(upstreams[0])).toContain("no API_KEY given");
  });

  test("and its own children are gone when the gateway has stopped, however stubborn", async () => {
    const { gateway } = await gatewayOf(child("--stubborn", "--grandchild"));
    const before = descendants(gateway.pid);
    expect(before.length).toBeGreaterThanOrEqual(2);
    await gateway.stop();
    expect(await poll(() => before.every(pid => !isAlive(pid)), { withinMs: 5_000 })).toBe(true);
  });
});
