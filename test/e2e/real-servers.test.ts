import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SDK_CLIENTS, type SdkClient, sdkV1Sse, sdkV1Stdio } from "../fixtures/agents/sdk.ts";
import { GATEWAY } from "../fixtures/build.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { poll } from "../fixtures/poll.ts";
import { everythingOver, peer, STDIO_SERVERS } from "../fixtures/real-servers.ts";
import type { Json } from "../fixtures/upstream/contract.ts";

const playwright = peer("@playwright/mcp/cli.js");
const inspector = peer("@modelcontextprotocol/inspector/cli/build/cli.js");
const aiSdk = peer("@ai-sdk/mcp/dist/index.mjs");

const closing: { close(): Promise<unknown> }[] = [];
const dir = mkdtempSync(join(tmpdir(), "radium-real-"));
let gateway: GatewayRun;

beforeAll(async () => {
  const remote = [await everythingOver("http"), await everythingOver("sse")];
  closing.push(...remote);
  const upstreams: Json[] = [
    ...Object.values(STDIO_SERVERS).map(make => make(dir).config),
    ...remote.map(({ config }) => config),
  ];
  if (!playwright.missing) {
    upstreams.push({ name: "playwright", transport: "stdio", command: process.execPath, args: [playwright.path] });
  }
  writeFileSync(join(dir, "note.txt"), "a note");
  gateway = await startGateway({ toml: configToml(upstreams, { security: { rate_limit_per_minute: 0 } }) });
  closing.push(gateway);
  await gateway.until(({ upstreams }) => upstreams.every(({ state }) => state === "ready"));
}, 60_000);

afterAll(async () => {
  for (const thing of closing.reverse()) await thing.close();
  rmSync(dir, { recursive: true, force: true });
});

const firstText = ({ content }: { content: readonly Json[] }): string => String(content[0]?.text);
const FEATURES = "demo://resource/static/document/features.md";

/** Tools that only one of the servers has. */
const SINGLE = ["read_graph", "sequentialthinking", "list_allowed_directories"];

/** What every client must be able to do through the gateway. */
async function tryEverything(client: SdkClient): Promise<void> {
  const tools = await client.tools();
  expect(tools).toEqual(expect.arrayContaining(SINGLE));
  for (const holder of ["everything", "everything-http", "everything-sse"]) {
    expect(tools).toContain(`${holder}__echo`);
    expect(firstText(await client.call(`${holder}__echo`, { message: "hi" }))).toBe("Echo: hi");
  }
  expect(tools).not.toContain("echo");
  expect(new Set(tools).size).toBe(tools.length);
  expect(firstText(await client.call("read_text_file", { path: join(dir, "note.txt") }))).toBe("a note");
  expect((await client.call("everything__get-sum", { a: "x" })).isError).toBe(true);

  expect(await client.prompts()).toContain("everything__simple-prompt");
  expect(JSON.stringify(await client.prompt("everything__args-prompt", { city: "Lima" }))).toContain("Lima");
  expect(await client.resources()).toEqual(expect.arrayContaining([FEATURES, "memory://knowledge-graph"]));
  expect(JSON.stringify(await client.read(FEATURES))).toContain("Everything Server");
  expect(JSON.stringify(await client.read("demo://resource/dynamic/text/7"))).toContain(
    "demo://resource/dynamic/text/7",
  );

  const ref = { type: "ref/prompt", name: "everything__completable-prompt" } as const;
  expect(await client.complete(ref, { name: "department", value: "E" })).toContain("Engineering");

  const steps: number[] = [];
  const work = { duration: 0.2, steps: 4 };
  const working = tools.find(name => name.startsWith("everything-http__trigger-long-running-o")) ?? "";
  await client.call(working, work, step => steps.push(step));
  // SDK v1 forgets who waits for progress when the answer comes in the same read as the last report.
  expect([1, 2, 3, 4].slice(0, Math.max(3, steps.length))).toEqual(steps);
}

describe.each(SDK_CLIENTS)("%s", (_name, connect) => {
  test("lists, calls, reads, prompts, completes and hears progress behind one address", async () => {
    const client = await connect(gateway.url);
    await tryEverything(client);
    await client.close();
  });
});

test("SDK v1 does the same over HTTP+SSE", async () => {
  const client = await sdkV1Sse(`${gateway.base}/sse`);
  await tryEverything(client);
  await client.close();
});

test("SDK v1 does the same with a gateway of its own on standard streams", async () => {
  const args = [GATEWAY, "mcp", "proxy", "stdio", "--config", gateway.configPath];
  const client = await sdkV1Stdio({ command: process.execPath, args, cwd: gateway.dir });
  // It starts its own servers, and a first list waits only a moment for them.
  const settled = [...SINGLE, "everything__echo", "everything-http__echo", "everything-sse__echo"];
  await poll(async () => {
    const tools = await client.tools();
    return settled.every(name => tools.includes(name));
  });
  await tryEverything(client);
  await client.close();
}, 40_000);

test("the root path is the same endpoint", async () => {
  const [, connect] = SDK_CLIENTS[0]!;
  const client = await connect(`${gateway.base}/`);
  expect(await client.tools()).toContain("read_graph");
  await client.close();
});

test.skipIf(playwright.missing)("a vendor's server that starts offline has its tools in the catalog", async () => {
  const [, connect] = SDK_CLIENTS[0]!;
  const client = await connect(gateway.url);
  expect(await client.tools()).toContain("browser_navigate");
  await client.close();
});

test.skipIf(inspector.missing)(
  "the Inspector lists and calls from its command line",
  async () => {
    const run = promisify(execFile);
    const inspect = async (...args: string[]) => {
      const { stdout } = await run(process.execPath, [inspector.path, "--cli", gateway.url, ...args]);
      return JSON.parse(stdout) as Json;
    };
    const listed = (await inspect("--method", "tools/list")) as { tools: { name: string }[] };
    expect(listed.tools.map(({ name }) => name)).toContain("everything__echo");
    const args = ["--method", "tools/call", "--tool-name", "everything__echo", "--tool-arg", "message=hi"];
    expect(await inspect(...args)).toMatchObject({ content: [{ type: "text", text: "Echo: hi" }] });
  },
  30_000,
);

test.skipIf(aiSdk.missing)("the client of the AI SDK, which is not built on the MCP SDK, lists and calls", async () => {
  const { createMCPClient } = (await import(pathToFileURL(aiSdk.path).href)) as AiSdk;
  const client = await createMCPClient({ transport: { type: "http", url: gateway.url } });
  const { tools } = await client.listTools();
  expect(tools.map(({ name }) => name)).toContain("everything__echo");
  const echo = (await client.tools()).everything__echo;
  const result = await echo?.execute({ message: "hi" }, { toolCallId: "1", messages: [] });
  expect(result).toMatchObject({ content: [{ text: "Echo: hi" }] });
  await client.close();
});

interface AiSdk {
  createMCPClient(options: { transport: { type: "http"; url: string } }): Promise<{
    listTools(): Promise<{ tools: { name: string }[] }>;
    tools(): Promise<Record<string, { execute(args: Json, options: Json): Promise<unknown> }>>;
    close(): Promise<void>;
  }>;
}
