import { writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { listAll } from "../fixtures/agents/answered.ts";
import { legacyAgent, type ModernAgent, modernAgent } from "../fixtures/agents/http.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import type { Json } from "../fixtures/upstream/contract.ts";
import { startUpstream, type Upstream } from "../fixtures/upstream/upstream.ts";

const keep = useCleanup();
const METHODS: Readonly<Record<string, readonly [string, string]>> = {
  tools: ["tools/list", "name"],
  prompts: ["prompts/list", "name"],
  resources: ["resources/list", "uri"],
  templates: ["resources/templates/list", "uriTemplate"],
};
const OFFERED = {
  tools: ["refer"],
  prompts: ["ask", "tell"],
  resources: ["x://a", "x://b"],
  templates: ["x://{id}", "y://{id}"],
};

async function server(): Promise<Upstream> {
  const upstream = keep(await startUpstream({ name: "up", tools: [] }));
  const content = ["x://b", "z://named"].map(uri => ({ type: "resource_link", uri, name: "a link" }));
  const definition = { name: "refer", inputSchema: { type: "object" } };
  upstream.tools.set("refer", { definition, run: () => ({ content }) });
  upstream.prompts.clear();
  for (const name of OFFERED.prompts) {
    const messages = [{ role: "user", content: { type: "text", text: name } }];
    upstream.prompts.set(name, { definition: { name }, run: () => ({ messages }) });
  }
  upstream.methods.set("resources/list", () => ({ resources: OFFERED.resources.map(uri => ({ uri, name: uri })) }));
  upstream.methods.set("resources/templates/list", () => ({
    resourceTemplates: OFFERED.templates.map(text => ({ uriTemplate: text, name: text })),
  }));
  upstream.methods.set("resources/read", ({ params }) => ({ contents: [{ uri: String(params.uri), text: "read" }] }));
  upstream.methods.set("completion/complete", () => ({ completion: { values: ["completed"] } }));
  return upstream;
}

async function behind(upstream: Upstream, filters: Json): Promise<GatewayRun> {
  const table = { name: "up", transport: "http", url: upstream.url, health_check_interval: 1, ...filters };
  const gateway = keep(await startGateway({ toml: configToml([table], { security: { rate_limit_per_minute: 0 } }) }));
  await gateway.until();
  return gateway;
}

const listed = async (agent: ModernAgent): Promise<Json> =>
  Object.fromEntries(
    await Promise.all(
      Object.entries(METHODS).map(async ([key, [method, member]]) => [
        key,
        (await listAll(agent, method)).items.map(item => item[member]),
      ]),
    ),
  );

/** Whether a request is answered with a result. */
const works = async (agent: ModernAgent, method: string, params: Json): Promise<boolean> =>
  (await agent.request(method, params)).message?.result !== undefined;
const completes = (agent: ModernAgent, ref: Json): Promise<boolean> =>
  works(agent, "completion/complete", { ref, argument: { name: "id", value: "" } });

const views = (gateway: GatewayRun): ModernAgent[] => [modernAgent(gateway.url), modernAgent(gateway.of("up"))];

describe("what the filters of an upstream leave out", () => {
  test.each(Object.keys(METHODS))("%s = [one] leaves out the others of that kind, and nothing else", async key => {
    const offered = OFFERED[key as keyof typeof OFFERED];
    const kept = offered.at(-1)!;
    const gateway = await behind(await server(), { [key]: [kept] });
    // The template that would reach a resource that is left out goes with it.
    const also = key === "resources" ? { templates: ["y://{id}"] } : {};
    for (const agent of views(gateway)) expect(await listed(agent)).toEqual({ ...OFFERED, [key]: [kept], ...also });
    const { hidden } = (await gateway.status()).catalog;
    if (key !== "tools") expect(hidden[0]).toMatchObject({ name: offered[0], reason: `not in \`${key}\`` });
  });

  test("cannot be had or completed: prompts", async () => {
    const upstream = await server();
    const gateway = await behind(upstream, { prompts: ["ask"] });
    for (const agent of views(gateway)) {
      expect(await works(agent, "prompts/get", { name: "ask" })).toBe(true);
      expect(await completes(agent, { type: "ref/prompt", name: "ask" })).toBe(true);
      for (const name of ["tell", "up:tell", "up__tell"]) {
        expect(await works(agent, "prompts/get", { name }), name).toBe(false);
        expect(await completes(agent, { type: "ref/prompt", name }), name).toBe(false);
      }
    }
    expect(upstream.journal.requests.filter(({ body }) => body.includes("tell") && body.includes("/get"))).toEqual([]);
  });

  test("cannot be read, watched or completed: resources, though a template would reach them or a result names them", async () => {
    const upstream = await server();
    const gateway = await behind(upstream, { resources: ["x://a"] });
    for (const agent of views(gateway)) {
      await agent.request("tools/call", { name: "refer", arguments: {} });
      expect(await works(agent, "resources/read", { uri: "x://a" })).toBe(true);
      expect(await works(agent, "resources/read", { uri: "y://1" })).toBe(true);
      for (const uri of ["x://b", "up:x://b", "x://%62", "X://b", "x://c", "z://named", "up:z://named"]) {
        expect(await works(agent, "resources/read", { uri }), uri).toBe(false);
      }
      expect(await completes(agent, { type: "ref/resource", uri: "x://{id}" })).toBe(false);
      expect(await completes(agent, { type: "ref/resource", uri: "y://{id}" })).toBe(true);
    }
    const watcher = keep(await legacyAgent(gateway.url, "2025-11-25"));
    expect((await watcher.request("resources/subscribe", { uri: "x://a" })).message?.result).toBeDefined();
    for (const uri of ["x://b", "z://named"]) {
      expect((await watcher.request("resources/subscribe", { uri })).message?.error?.code, uri).toBe(-32602);
    }
    for (const uri of ["x://b", "x://c", "z://named"]) {
      expect(
        upstream.journal.requests.some(({ message }) => message?.params?.uri === uri),
        uri,
      ).toBe(false);
    }
  });

  test("cannot be read: what only a template reaches that is left out", async () => {
    const gateway = await behind(await server(), { templates: ["x://{id}"] });
    for (const agent of views(gateway)) {
      await agent.request("tools/call", { name: "refer", arguments: {} });
      for (const uri of ["x://b", "x://c"]) expect(await works(agent, "resources/read", { uri }), uri).toBe(true);
      for (const uri of ["y://1", "up:y://1", "z://named"]) {
        expect(await works(agent, "resources/read", { uri }), uri).toBe(false);
      }
    }
  });

  test("is named with its reason by rad mcp prompts, test and status, in text and as JSON", async () => {
    const gateway = await behind(await server(), { prompts: ["ask", "aks"], resources: ["x://a"] });
    const prompts = await gateway.rad("mcp", "prompts");
    expect(prompts.stdout + prompts.stderr).toContain('prompt "tell" of up: not in `prompts`');
    const { hidden } = JSON.parse((await gateway.rad("mcp", "prompts", "--json")).stdout);
    expect(hidden).toMatchObject([
      { action: "hidden", upstream: "up", kind: "prompt", name: "tell", reason: "not in `prompts`" },
      { action: "not_offered", name: "aks" },
    ]);
    const tested = await gateway.rad("mcp", "test");
    for (const said of [tested.stderr, (await gateway.rad("mcp", "proxy", "status")).stdout]) {
      expect(said).toContain('resource "x://b" of up: not in `resources`');
      expect(said).toContain('template "x://{id}" of up: it reaches "x://b"');
    }
    const report = JSON.parse((await gateway.rad("mcp", "test", "--json")).stdout);
    expect(report.upstreams[0].hidden).toHaveLength(4);
  });

  test("can be changed while the gateway runs", async () => {
    const upstream = await server();
    const gateway = await behind(upstream, { prompts: ["ask"] });
    const table = { name: "up", transport: "http", url: upstream.url, health_check_interval: 1, prompts: ["tell"] };
    writeFileSync(gateway.configPath, configToml([table]));
    await gateway.rad("mcp", "proxy", "reload");
    await gateway.until(({ catalog }) => catalog.hidden.some(({ name }) => name === "ask"));
    expect((await listed(modernAgent(gateway.url))).prompts).toEqual(["tell"]);
  });
});

test("T-37 names that look alike are shown, told apart, and never merged", async () => {
  const [a, b] = [
    keep(await startUpstream({ name: "a", tools: [] })),
    keep(await startUpstream({ name: "b", tools: [] })),
  ];
  const names = [
    [a, "search"],
    [b, "\u0455earch"],
    [b, "Search"],
  ] as const;
  for (const [upstream, name] of names) {
    const run = () => ({ content: [{ type: "text", text: `${upstream.options.name} ${name}` }] });
    upstream.tools.set(name, { definition: { name, inputSchema: { type: "object" } }, run });
  }
  const tables = [a, b].map(({ options: { name }, url }) => ({ name, transport: "http", url }));
  const gateway = keep(await startGateway({ toml: configToml(tables) }));
  await gateway.until(({ upstreams }) => upstreams.every(({ state }) => state === "ready"));
  const agent = modernAgent(gateway.url);
  const listedNames = (await listAll(agent, "tools/list")).items.map(({ name }) => String(name));
  expect(listedNames).toEqual(["search", "u_earch", "Search"]);
  const answers = await Promise.all(listedNames.map(name => agent.request("tools/call", { name, arguments: {} })));
  expect(answers.map(({ message }) => (message?.result?.content as Json[] | undefined)?.[0]?.text)).toEqual([
    "a search",
    "b \u0455earch",
    "b Search",
  ]);
  const { lookAlikes, replicas } = (await gateway.status()).catalog;
  expect(replicas.filter(({ kind }) => kind === "tool")).toEqual([]);
  expect(lookAlikes).toMatchObject([
    { kind: "tool", names: [{ upstream: "a", name: "search" }, { name: "\u0455earch" }, { name: "Search" }] },
  ]);
  const { stdout } = await gateway.rad("mcp", "proxy", "status");
  expect(stdout).toMatch(/Look alike[\s\S]*"search" of a[\s\S]*U\+0455[\s\S]*of b/);
});
