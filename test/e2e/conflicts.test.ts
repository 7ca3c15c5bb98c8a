import { describe, expect, test } from "vitest";
import { listAll, namesOf } from "../fixtures/agents/answered.ts";
import { type ModernAgent, modernAgent } from "../fixtures/agents/http.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import type { Json } from "../fixtures/upstream/contract.ts";
import { startUpstream, type Upstream } from "../fixtures/upstream/upstream.ts";

const keep = useCleanup();

/** An upstream with these tools, each of which answers with the upstream's name. */
async function holder(name: string, ...tools: string[]): Promise<Upstream> {
  const upstream = keep(await startUpstream({ name, tools: [] }));
  upstream.prompts.clear();
  for (const tool of tools) {
    const definition = { name: tool, description: `${tool} of ${name}`, inputSchema: { type: "object" } };
    upstream.tools.set(tool, { definition, run: () => ({ content: [{ type: "text", text: name }] }) });
  }
  return upstream;
}

interface Setting {
  readonly gateway: GatewayRun;
  readonly agent: ModernAgent;
  tools(): Promise<string[]>;
  /** The text that a tool answers with, or the error's message. */
  call(name: string): Promise<string>;
}

async function behind(proxy: Json, ...upstreams: readonly (readonly [Upstream, Json])[]): Promise<Setting> {
  const tables = upstreams.map(([upstream, more]) => ({
    name: upstream.options.name,
    transport: "http",
    url: upstream.url,
    health_check_interval: 1,
    ...more,
  }));
  const gateway = keep(await startGateway({ toml: configToml(tables, proxy) }));
  await gateway.until();
  const agent = modernAgent(gateway.url);
  return {
    gateway,
    agent,
    tools: async () => namesOf((await listAll(agent, "tools/list")).items),
    call: async name => {
      const { message } = await agent.request("tools/call", { name, arguments: {} });
      const content = message?.result?.content as Json[] | undefined;
      return String(content?.[0]?.text ?? message?.error?.message);
    },
  };
}

describe("two upstreams with a tool of the same name", () => {
  const two = async () =>
    [
      [await holder("first", "search", "only_first"), { priority: 2 }],
      [await holder("second", "search", "only_second"), { priority: 1 }],
    ] as const;

  test("auto_prefix: both are listed with a prefix, and the bare name names the choices", async () => {
    const { tools, call, gateway } = await behind({}, ...(await two()));
    expect((await tools()).sort()).toEqual(["first__search", "only_first", "only_second", "second__search"]);
    expect(await call("first__search")).toBe("first");
    expect(await call("second__search")).toBe("second");
    const said = await call("search");
    expect(said).toContain("first__search");
    expect(said).toContain("second__search");
    const { catalog } = await gateway.status();
    expect(catalog.conflicts).toMatchObject([{ kind: "tool", name: "search", upstreams: ["first", "second"] }]);
  });

  test("reject: the first in the file keeps the name, and the status says what was hidden", async () => {
    const { tools, call, gateway } = await behind({ conflict_strategy: "reject" }, ...(await two()));
    expect((await tools()).sort()).toEqual(["only_first", "only_second", "search"]);
    expect(await call("search")).toBe("first");
    const { catalog } = await gateway.status();
    expect(catalog.hidden).toMatchObject([{ upstream: "second", kind: "tool", name: "search" }]);
    expect(catalog.hidden[0]?.reason).toMatch(/\w/);
  });

  test("priority_override: the better priority keeps the name", async () => {
    const { tools, call, gateway } = await behind({ conflict_strategy: "priority_override" }, ...(await two()));
    expect((await tools()).sort()).toEqual(["only_first", "only_second", "search"]);
    expect(await call("search")).toBe("second");
    expect((await gateway.status()).catalog.hidden).toMatchObject([{ upstream: "first", name: "search" }]);
  });

  test.each(["auto_prefix", "reject", "priority_override"])(
    "%s: each can be named as upstream:tool",
    async conflict_strategy => {
      const { call } = await behind({ conflict_strategy }, ...(await two()));
      expect(await call("second:only_second")).toBe("second");
      expect(await call("first:only_first")).toBe("first");
      if (conflict_strategy !== "auto_prefix") return;
      expect(await call("first:search")).toBe("first");
      expect(await call("second:search")).toBe("second");
    },
  );

  test("alone, each has its own names", async () => {
    const { gateway } = await behind({}, ...(await two()));
    for (const name of ["first", "second"]) {
      const agent = modernAgent(gateway.of(name));
      const { items } = await listAll(agent, "tools/list");
      expect(items.map(item => item.name)).toEqual(["search", `only_${name}`]);
      const { message } = await agent.request("tools/call", { name: "search", arguments: {} });
      expect(message?.result).toMatchObject({ content: [{ text: name }] });
    }
  });

  test("keep their public names while one of them is down, and after a restart of the gateway", async () => {
    const [first, second] = await two();
    const { tools, gateway } = await behind({}, first, second);
    const before = (await tools()).sort();
    await second[0].down();
    await gateway.until(({ upstreams }) => upstreams[1]?.state === "down");
    expect((await tools()).sort()).toEqual(before);
    const { code } = await gateway.rad("mcp", "proxy", "stop");
    expect(code).toBe(0);
    const started = await gateway.rad("mcp", "proxy", "start", "--detach", "--port", "0");
    expect([0, 6]).toContain(started.code);
    const { url } = await gateway.status();
    const { items } = await listAll(modernAgent(String(url)), "tools/list");
    await gateway.rad("mcp", "proxy", "stop");
    expect(namesOf(items).sort()).toEqual(before);
  });
});

test("naming = always prefixes every tool", async () => {
  const { tools, call } = await behind({ naming: "always" }, [await holder("first", "search"), {}]);
  expect(await tools()).toEqual(["first__search"]);
  expect(await call("first__search")).toBe("first");
});

test("equal definitions on upstreams that differ only in their address are replicas, and said to be", async () => {
  const [a, b] = [keep(await startUpstream({ name: "a" })), keep(await startUpstream({ name: "b" }))];
  const { tools, call, gateway } = await behind({}, [a, {}], [b, {}]);
  expect((await tools()).filter(name => name.endsWith("count"))).toEqual(["count"]);
  await call("count");
  await call("count");
  expect([a.journal.executions.length, b.journal.executions.length]).toEqual([1, 1]);
  const { replicas } = (await gateway.status()).catalog;
  expect(replicas.find(({ name }) => name === "count")).toMatchObject({ upstreams: ["a", "b"], because: "equal" });
});

test("upstreams of different groups are never replicas", async () => {
  const [a, b] = [keep(await startUpstream({ name: "a" })), keep(await startUpstream({ name: "b" }))];
  const { tools } = await behind({}, [a, { group: "one" }], [b, { group: "two" }]);
  expect((await tools()).filter(name => name.endsWith("count"))).toEqual(["one__count", "two__count"]);
});

test("tools = [...] leaves the others out, and calling one of them is calling nothing", async () => {
  const upstream = await holder("first", "wanted", "unwanted");
  const { tools, call, gateway } = await behind({}, [upstream, { tools: ["wanted"] }]);
  expect(await tools()).toEqual(["wanted"]);
  expect(await call("wanted")).toBe("first");
  expect(await call("unwanted")).toMatch(/unknown tool/i);
  expect(await call("first:unwanted")).toMatch(/unknown tool/i);
  expect((await gateway.status()).catalog.hidden).toMatchObject([{ upstream: "first", name: "unwanted" }]);
});

test("names that clients would refuse are made fit, and still lead to the tool", async () => {
  const long = `a_${"very_".repeat(12)}long_name`;
  const { tools, call } = await behind({}, [await holder("first", long, "dotted.name/with spaces"), {}]);
  const names = await tools();
  expect(names).toHaveLength(2);
  for (const name of names) {
    expect(name).toMatch(/^[A-Za-z][A-Za-z0-9_-]{0,45}$/);
    expect(await call(name)).toBe("first");
  }
  expect(await call(`first:${long}`)).toBe("first");
});

test("a list in pages arrives whole", async () => {
  const upstream = keep(await startUpstream({ name: "paged" }));
  upstream.pageSize = 3;
  const { tools } = await behind({}, [upstream, {}]);
  expect((await tools()).length).toBe(upstream.tools.size);
});
