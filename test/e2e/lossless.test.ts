import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Agent, listAll } from "../fixtures/agents/answered.ts";
import { legacyAgent, modernAgent } from "../fixtures/agents/http.ts";
import { sseAgent } from "../fixtures/agents/lines.ts";
import { upstreamCommand } from "../fixtures/build.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { everythingOver, type RealServer, STDIO_SERVERS } from "../fixtures/real-servers.ts";
import type { Json } from "../fixtures/upstream/contract.ts";
import { startUpstream, type Upstream } from "../fixtures/upstream/upstream.ts";

/**
 * Through `/mcp/<upstream>` an agent gets the bytes that the server gave, but for this:
 * - the JSON-RPC id is the agent's own;
 * - a page's `nextCursor` is the gateway's;
 * - a tool or prompt that the server does not list is answered by the gateway, as unknown;
 * - what the revisions demand differently when agent and upstream speak different ones: `resultType`, `ttlMs`,
 *   `cacheScope` and the server's identity in `_meta` appear or disappear.
 */
const OBLIGED = ["resultType", "ttlMs", "cacheScope"];

interface Case {
  readonly method: string;
  readonly params: Json;
}
const call = (name: string, args: Json = {}): Case => ({ method: "tools/call", params: { name, arguments: args } });
const read = (uri: string): Case => ({ method: "resources/read", params: { uri } });

const EVERYTHING: readonly Case[] = [
  call("echo", { message: 'héllo \u{1F600} "quoted"' }),
  call("get-sum", { a: 1.5, b: 2 }),
  call("get-tiny-image"),
  call("get-annotated-message", { messageType: "error", includeImage: true }),
  call("get-structured-content", { location: "New York" }),
  call("get-resource-links", { count: 3 }),
  call("get-sum", { a: "not a number" }),
  read("demo://resource/static/document/features.md"),
  read("demo://no/such"),
  { method: "prompts/get", params: { name: "simple-prompt" } },
  { method: "prompts/get", params: { name: "args-prompt", arguments: { city: "Lima" } } },
  {
    method: "completion/complete",
    params: { ref: { type: "ref/prompt", name: "completable-prompt" }, argument: { name: "department", value: "E" } },
  },
];

/** Calls whose answers depend on nothing but what came before them. */
const CASES: Readonly<Record<string, readonly Case[]>> = {
  everything: EVERYTHING,
  "everything-http": EVERYTHING,
  "everything-sse": EVERYTHING,
  filesystem: [
    call("read_text_file", { path: "note.txt" }),
    call("read_text_file", { path: "missing.txt" }),
    call("list_directory", { path: "." }),
    call("search_files", { path: ".", pattern: "*.txt" }),
    call("list_allowed_directories"),
  ],
  memory: [
    call("create_entities", { entities: [{ name: "Ada", entityType: "person", observations: ["counts"] }] }),
    call("read_graph"),
    call("search_nodes", { query: "Ada" }),
    read("memory://knowledge-graph"),
  ],
  thinking: [
    call("sequentialthinking", { thought: "one", nextThoughtNeeded: true, thoughtNumber: 1, totalThoughts: 2 }),
    call("sequentialthinking", { thought: "two", nextThoughtNeeded: false, thoughtNumber: 2, totalThoughts: 2 }),
  ],
};

const LISTS = ["tools/list", "prompts/list", "resources/list", "resources/templates/list"];

/** The result as it came, or the error, which has no bytes worth comparing but its members. */
async function ask(agent: Agent, { method, params }: Case): Promise<string> {
  const { message, resultText, raw } = await agent.request(method, params);
  return resultText ?? JSON.stringify(message?.error ?? raw);
}

const NAMES = Object.keys(CASES);

describe("real servers", () => {
  const closing: { close(): Promise<unknown> }[] = [];
  let gateway: GatewayRun;
  const servers = new Map<string, RealServer>();
  const dir = mkdtempSync(join(tmpdir(), "radium-lossless-"));

  beforeAll(async () => {
    for (const make of Object.values(STDIO_SERVERS)) servers.set(make(dir).config.name, make(dir));
    for (const transport of ["http", "sse"] as const) {
      const server = await everythingOver(transport);
      closing.push(server);
      servers.set(server.config.name, server);
    }
    writeFileSync(join(dir, "note.txt"), "line one\nline two — \u2028 with odd characters\n");
    const upstreams = [...servers.values()].map(({ config }) => config);
    gateway = await startGateway({ toml: configToml(upstreams, { security: { rate_limit_per_minute: 0 } }) });
    closing.push(gateway);
    await gateway.until(({ upstreams }) => upstreams.every(({ state }) => state === "ready"));
  });
  afterAll(async () => {
    for (const thing of closing.reverse()) await thing.close();
    rmSync(dir, { recursive: true, force: true });
  });

  /** Asks the server itself first, then the gateway, each from the same beginning. */
  async function both(name: string, asked: (agent: Agent) => Promise<unknown>): Promise<[unknown, unknown]> {
    const reset = () => rmSync(join(dir, "memory.json"), { force: true });
    reset();
    const direct = (await servers.get(name)?.direct()) as Agent;
    const expected = await asked(direct);
    await direct.close();
    reset();
    const through = await legacyAgent(gateway.of(name));
    const got = await asked(through);
    await through.close();
    return [got, expected];
  }

  test.each(NAMES)("every list of %s is what it says itself, byte for byte", async name => {
    const [got, expected] = await both(name, async agent => {
      const lists: string[][] = [];
      for (const method of LISTS) {
        const { message } = await agent.request(method);
        // A server without that capability knows no such method; the gateway has an empty list.
        lists.push(
          message?.error ? [] : (await listAll(agent, method)).raw.filter(text => !/^\{"\w+":\[\]\}$/.test(text)),
        );
      }
      return lists;
    });
    expect(got).toEqual(expected);
  });

  test.each(NAMES)("calls of %s are answered byte for byte", async name => {
    const [got, expected] = await both(name, async agent => {
      const answers: string[] = [];
      for (const one of CASES[name] ?? []) answers.push(await ask(agent, one));
      return answers;
    });
    expect(got).toEqual(expected);
  });

  test.each(NAMES)("what %s says of itself is passed on", async name => {
    const direct = await servers.get(name)?.direct();
    const said = direct?.opening?.message?.result;
    await direct?.close();
    const through = await legacyAgent(gateway.of(name));
    await through.close();
    expect(through.opening.message?.result).toMatchObject({
      serverInfo: said?.serverInfo,
      ...(said?.instructions !== undefined && { instructions: said.instructions }),
    });
  });
});

describe("bytes that parsers change", () => {
  const keep = useCleanup();
  const ODD = `{"name":"echo","arguments":{"z":1,"a":12345678901234567890,"f":1.0,"e":1E+5,"esc":"\\u0041\\/","deep":[[{"ключ":null}]],"":""},"vendorField":{"x":[1.10]}}`;
  const ECHOED = ODD.slice(ODD.indexOf('"arguments":') + 12, ODD.indexOf(',"vendorField"'));

  async function behind(upstream: Json): Promise<GatewayRun> {
    const gateway = keep(await startGateway({ toml: configToml([{ name: "fixture", ...upstream }]) }));
    await gateway.until();
    return gateway;
  }
  const http = async (options: object): Promise<[Upstream, Json]> => {
    const upstream = keep(await startUpstream(options));
    return [upstream, { transport: upstream.options.transport, url: upstream.url }];
  };

  const KINDS: readonly (readonly [string, () => Promise<Json>])[] = [
    ["2026-07-28 over HTTP", async () => (await http({ era: "modern" }))[1]],
    ["2025-11-25 over HTTP", async () => (await http({ era: "legacy" }))[1]],
    ["2024-11-05 over HTTP+SSE", async () => (await http({ era: "legacy", transport: "sse" }))[1]],
    ["2026-07-28 over stdio", async () => ({ transport: "stdio", ...upstreamCommand("--era", "modern") })],
    ["2025-11-25 over stdio", async () => ({ transport: "stdio", ...upstreamCommand("--era", "legacy") })],
  ];

  test.each(KINDS)(
    "arrive at and come back from an upstream of %s as they were, for every agent",
    async (_name, make) => {
      const gateway = await behind(await make());
      const agents = [
        modernAgent(gateway.url),
        keep(await legacyAgent(gateway.url)),
        keep(await legacyAgent(gateway.of("fixture"), "2025-03-26")),
        keep(await sseAgent(`${gateway.base}/sse`)),
      ];
      for (const agent of agents) {
        const { resultText } = await agent.request("tools/call", {}, { rawParams: ODD });
        expect(resultText).toContain(`"structuredContent":${ECHOED}`);
      }
    },
  );

  test("parameters that the gateway does not know reach the upstream", async () => {
    const [upstream, config] = await http({ era: "legacy" });
    const agent = keep(await legacyAgent((await behind(config)).url));
    await agent.request("tools/call", {}, { rawParams: ODD });
    const body = upstream.journal.sent("tools/call").at(-1)?.body.toString("utf8");
    expect(body).toContain('"vendorField":{"x":[1.10]}');
  });

  test("between revisions only what they demand is added", async () => {
    const [upstream, config] = await http({ era: "legacy" });
    const gateway = await behind(config);
    const direct = keep(await legacyAgent(upstream.url));
    const params = { name: "test_multiple_content_types", arguments: {} };
    const expected = (await direct.request("tools/call", params)).message?.result;
    const got = { ...(await modernAgent(gateway.url).request("tools/call", params)).message?.result };
    expect(got.resultType).toBe("complete");
    for (const key of [...OBLIGED, "_meta"]) delete got[key];
    expect(got).toEqual(expected);
  });
});
