import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { describe, expect, test } from "vitest";
import { legacyAgent, POST_HEADERS } from "../fixtures/agents/http.ts";
import { readAll, send } from "../fixtures/agents/wire.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { type Json, text } from "../fixtures/upstream/contract.ts";
import { type StartOptions, startUpstream, type Upstream } from "../fixtures/upstream/upstream.ts";

const keep = useCleanup();
const TOOL = { name: "one", inputSchema: { type: "object" } };

async function upstreamOf(options: StartOptions = {}): Promise<Upstream> {
  const upstream = keep(await startUpstream({ era: "legacy", tools: [], ...options }));
  upstream.tools.set("one", { definition: TOOL, run: ({ word }) => text(`said ${JSON.stringify(word)}`) });
  return upstream;
}

/** One whose handshake says that of its capabilities, and nothing else. */
async function declaring(declared: Json): Promise<Upstream> {
  const upstream = await upstreamOf({ sessions: false });
  const result = { protocolVersion: "2025-06-18", serverInfo: { name: "f", version: "1" }, ...declared };
  upstream.when({ method: "initialize" }, { do: "result", result });
  return upstream;
}

async function behind(...upstreams: Upstream[]): Promise<GatewayRun> {
  const tables = upstreams.map(({ url }, at) => ({ name: `up${at + 1}`, transport: "http", url }));
  const gateway = keep(await startGateway({ toml: configToml(tables) }));
  await gateway.until();
  return gateway;
}

describe("an agent of an older revision may write null where it has nothing to say", () => {
  const OPENING = { protocolVersion: "2025-06-18", clientInfo: { name: "n", version: "1", title: null } };
  /** Everything that SDKs of languages write that have no absent members. */
  const SAID: readonly (readonly [what: string, message: Json])[] = [
    ["its greeting", { method: "notifications/initialized", params: null }],
    ["a notification with an id", { id: null, method: "notifications/initialized", params: null }],
    ["a whole envelope", { id: 1, method: "ping", params: null, result: null, error: null }],
    ["a list", { id: 2, method: "tools/list", params: null }],
    ["the beginning of a list", { id: 3, method: "tools/list", params: { cursor: null, _meta: null } }],
    ["an empty cursor", { id: 4, method: "prompts/list", params: { cursor: "" } }],
    [
      "a call",
      { id: 5, method: "tools/call", params: { name: "one", arguments: null, _meta: { progressToken: null } } },
    ],
    ["a call without remarks", { id: 6, method: "tools/call", params: { name: "one", arguments: {}, _meta: null } }],
  ];

  test("in its handshake and in everything after it", async () => {
    const gateway = await behind(await upstreamOf());
    const headers: Record<string, string> = { ...POST_HEADERS };
    const post = async (message: Json) => {
      const response = await send(gateway.url, {
        method: "POST",
        headers,
        body: JSON.stringify({ jsonrpc: "2.0", ...message }),
      });
      const session = response.headers["mcp-session-id"];
      if (typeof session === "string") headers["mcp-session-id"] = session;
      const body = await readAll(response);
      const found = /\{.*\}/s.exec(body)?.[0];
      return { status: response.statusCode, answer: found === undefined ? {} : (JSON.parse(found) as Json) };
    };
    const capabilities = { roots: null, sampling: null, elicitation: { form: {}, url: null }, experimental: null };
    expect(await post({ id: 0, method: "initialize", params: { ...OPENING, capabilities } })).toMatchObject({
      status: 200,
    });
    for (const [what, message] of SAID) {
      const { status, answer } = await post(message);
      expect([status, answer.error], what).toEqual([message.id == null ? 202 : 200, undefined]);
      if (message.id != null) expect(answer.result, what).toBeDefined();
    }
    for (const params of [[], "x", 0, false]) expect((await post({ id: 9, method: "ping", params })).status).toBe(400);
  });

  test("in capabilities, which it then does not have", async () => {
    const upstream = await upstreamOf();
    const gateway = await behind(upstream);
    const agent = keep(await legacyAgent(gateway.url, "2025-06-18", { capabilities: { sampling: null, roots: {} } }));
    await agent.request("tools/call", { name: "one", arguments: {} });
    const opened = upstream.journal.sent("initialize").at(-1)?.message?.params;
    expect(opened?.capabilities).toEqual({ roots: {} });
  });
});

describe("an upstream of an older revision", () => {
  test.each<[what: string, page: Json]>([
    ["ends a list with an empty cursor", { tools: [TOOL], nextCursor: "" }],
    ["ends a list with null", { tools: [TOOL], nextCursor: null, _meta: null }],
    [
      "writes null for what a definition does not have",
      { tools: [{ ...TOOL, title: null, outputSchema: null, annotations: null }] },
    ],
  ])("that %s is ready, and its tool is there once", async (_what, page) => {
    const upstream = await upstreamOf();
    upstream.methods.set("tools/list", () => page);
    const gateway = await behind(upstream);
    const { upstreams, catalog, health } = await gateway.status();
    expect([upstreams[0]?.state, health, catalog.tools]).toEqual(["ready", "ok", 1]);
    expect(catalog.hidden.filter(({ action }) => action === "hidden")).toEqual([]);
    const agent = keep(await legacyAgent(gateway.url));
    expect((await agent.request("tools/list")).message?.result?.tools).toEqual([TOOL]);
  });

  test("that has nothing of a kind may say so with null", async () => {
    const upstream = await upstreamOf();
    upstream.methods.set("tools/list", () => ({ tools: null }));
    upstream.methods.set("prompts/list", () => ({ prompts: null }));
    upstream.methods.set("resources/list", () => ({}));
    const { upstreams, catalog } = await (await behind(upstream)).status();
    expect([upstreams[0]?.state, upstreams[0]?.lastError, catalog.tools, catalog.resources]).toEqual([
      "ready",
      null,
      0,
      0,
    ]);
  });

  test.each([{ capabilities: {} }, {}])("that declares %j has its tools listed and called", async declared => {
    const upstream = await declaring(declared);
    const gateway = await behind(upstream);
    for (const url of [gateway.url, gateway.of("up1")]) {
      const agent = keep(await legacyAgent(url));
      expect(agent.opening.message?.result?.capabilities).toHaveProperty("tools");
      expect((await agent.request("tools/list")).message?.result?.tools).toMatchObject([{ name: "one" }]);
      const { message } = await agent.request("tools/call", { name: "one", arguments: { word: 7 } });
      expect(message?.result).toMatchObject(text("said 7"));
    }
    expect((await gateway.status()).upstreams[0]).toMatchObject({ state: "ready", tools: 1, notes: [] });
  });

  test("that has no tools is told as one that has none, and as well", async () => {
    const upstream = await declaring({ capabilities: {} });
    upstream.methods.set("tools/list", () => ({ tools: [] }));
    const gateway = await behind(upstream);
    const { upstreams, health } = await gateway.status();
    expect([health, upstreams[0]?.notes]).toEqual(["ok", ["it declares no tools, and its list of tools is empty"]]);
    expect((await gateway.rad("mcp", "proxy", "status")).stdout).toContain("it declares no tools");
  });
});

test("a client that does not page sees every tool of a long list", async () => {
  const upstream = await upstreamOf();
  const names = Array.from({ length: 3_520 }, (_, at) => `tool_${at}`);
  for (const name of names) upstream.tools.set(name, { definition: { ...TOOL, name }, run: () => text(name) });
  const gateway = await behind(upstream);
  const client = new Client({ name: "plain", version: "1" });
  await client.connect(new StreamableHTTPClientTransport(new URL(gateway.url)) as Transport);
  const { tools, nextCursor } = await client.listTools();
  expect([tools.map(({ name }) => name), nextCursor]).toEqual([["one", ...names], undefined]);
  await client.close();
});
