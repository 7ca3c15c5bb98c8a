import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { legacyAgent, modernAgent, POST_HEADERS } from "../fixtures/agents/http.ts";
import { readAll, send } from "../fixtures/agents/wire.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { asObject, type Json, text } from "../fixtures/upstream/contract.ts";
import { startUpstream, type Upstream } from "../fixtures/upstream/upstream.ts";

const META = "io.modelcontextprotocol/";
const ERAS = ["legacy", "modern"] as const;
/** Everything that a definition may say of itself, and something that nobody knows yet. */
const SAID = {
  title: "A title",
  description: "What it is for",
  icons: [{ src: "data:image/png;base64,AAAA", mimeType: "image/png", sizes: ["48x48"], theme: "dark" }],
  _meta: { "com.example/deep": { a: [1, { b: null }] } },
  "x-later": { n: 1 },
};
const OF_RESOURCES = {
  ...SAID,
  annotations: { audience: ["user"], priority: 0.5, lastModified: "2025-01-12T15:00:58Z" },
};
const OBJECT = { type: "object", properties: { n: { type: "integer" } }, required: ["n"] };
const LISTS: readonly (readonly [method: string, member: string, definition: Json])[] = [
  [
    "tools/list",
    "tools",
    {
      ...{ name: "whole", inputSchema: OBJECT, outputSchema: OBJECT, ...SAID },
      annotations: {
        title: "t",
        readOnlyHint: true,
        destructiveHint: false,
        idempotentHint: true,
        openWorldHint: false,
      },
    },
  ],
  ["prompts/list", "prompts", { name: "whole", arguments: [{ name: "a", title: "A", required: true }], ...SAID }],
  [
    "resources/list",
    "resources",
    { uri: "one://whole", name: "whole", mimeType: "text/plain", size: 12, ...OF_RESOURCES },
  ],
  [
    "resources/templates/list",
    "resourceTemplates",
    { uriTemplate: "one://{whole}", name: "whole", mimeType: "text/plain", ...OF_RESOURCES },
  ],
];

let gateway: GatewayRun;
const upstreams: Upstream[] = [];
beforeAll(async () => {
  for (const era of ERAS)
    upstreams.push(await startUpstream({ era, scheme: `of-${era}`, tools: ["add", "log", "progress"] }));
  const [one, other] = upstreams as [Upstream, Upstream];
  one.instructions = "Add, do not guess.";
  other.instructions = "Read the log.";
  for (const [method, member, definition] of LISTS) one.methods.set(method, () => ({ [member]: [definition] }));
  one.methods.set("tools/call", ({ params }) => ({
    content: [{ type: "text", text: String(params.name), annotations: OF_RESOURCES.annotations, _meta: SAID._meta }],
    structuredContent: { n: 7 },
    _meta: { "com.example/result": true },
  }));
  const tables = upstreams.map(({ url }, at) => ({ name: `up${at + 1}`, transport: "http", url, group: `g${at}` }));
  gateway = await startGateway({ toml: configToml(tables) });
  await gateway.until();
});
afterAll(async () => {
  await gateway.close();
  for (const upstream of upstreams) await upstream.close();
});

const agentOf = (era: (typeof ERAS)[number]) =>
  era === "legacy" ? legacyAgent(gateway.url) : modernAgent(gateway.url);

describe.each(ERAS)("a %s agent sees through /mcp", era => {
  test.each(LISTS)("with %s everything that a definition says", async (method, member, definition) => {
    const agent = await agentOf(era);
    const { message } = await agent.request(method);
    expect(asObject(message?.result)[member]).toContainEqual(definition);
    await agent.close();
  });

  test("what content says of itself, and a structured result beside it", async () => {
    const agent = await agentOf(era);
    const { message } = await agent.request("tools/call", { name: "whole", arguments: { n: 7 } });
    const [block] = (message?.result?.content ?? []) as Json[];
    expect(block).toEqual({ type: "text", text: "whole", annotations: OF_RESOURCES.annotations, _meta: SAID._meta });
    expect(message?.result).toMatchObject({ structuredContent: { n: 7 }, _meta: { "com.example/result": true } });
    await agent.close();
  });

  test("the instructions of every upstream, each under its name", async () => {
    const agent = await agentOf(era);
    const opening = "opening" in agent ? agent.opening : await agent.request("server/discover");
    expect(opening.message?.result?.instructions).toBe("# up1\nAdd, do not guess.\n\n# up2\nRead the log.");
    await agent.close();
  });
});

describe("an agent that has not asked for a log level", () => {
  const call = { name: "log", arguments: { level: "emergency" } };

  test("hears no log line without a session, of no upstream", async () => {
    const { before, message } = await modernAgent(gateway.url).request("tools/call", call);
    expect(message?.result).toEqual(expect.objectContaining(text("logged")));
    expect(before).toEqual([]);
  });

  test("hears those of its calls within a session, and is told of a level that there is not", async () => {
    const agent = await legacyAgent(gateway.url);
    const heard = async () => {
      const { before } = await agent.request("tools/call", { ...call, arguments: { level: "debug" } });
      return before.map(({ method }) => method);
    };
    expect((await agent.request("logging/setLevel", { level: "loud" })).message?.error?.code).toBe(-32602);
    await agent.request("logging/setLevel", { level: "debug" });
    expect(await heard()).toEqual(["notifications/message"]);
    await agent.request("logging/setLevel", { level: "info" });
    expect(await heard()).toEqual([]);
    await agent.close();
  });
});

test("an id that is in use within a session is refused, and the call that has it goes on", async () => {
  const agent = await legacyAgent(gateway.url);
  const [, other] = upstreams as [Upstream, Upstream];
  let finish = (): void => {};
  const held = new Promise<void>(resolve => {
    finish = resolve;
  });
  other.tools.set("add", {
    definition: { name: "add", inputSchema: { type: "object" } },
    run: async () => {
      await held;
      return text("first");
    },
  });
  const body = JSON.stringify({
    jsonrpc: "2.0",
    id: "x",
    method: "tools/call",
    params: { name: "add", arguments: {} },
  });
  const first = agent.post(body);
  await other.journal.until(({ executions }) => executions.some(({ name }) => name === "add"));
  const second = await agent.post(body);
  expect(JSON.parse(second.texts[0] ?? "{}")).toMatchObject({ id: "x", error: { code: -32600 } });
  finish();
  expect(JSON.parse((await first).texts.at(-1) ?? "{}")).toMatchObject({ id: "x", result: text("first") });
  await agent.close();
});

test("a stream is told to proxies as one that must not wait in a buffer", async () => {
  const _meta = { [`${META}protocolVersion`]: "2026-07-28", [`${META}clientCapabilities`]: {}, progressToken: 1 };
  const params = { name: "progress", arguments: { steps: 1 }, _meta };
  const headers = {
    ...POST_HEADERS,
    ...{ "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "progress" },
  };
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params });
  const response = await send(gateway.url, { method: "POST", headers, body });
  expect(response.headers).toMatchObject({ "content-type": "text/event-stream", "x-accel-buffering": "no" });
  expect(await readAll(response)).not.toMatch(/^id:/m);
});
