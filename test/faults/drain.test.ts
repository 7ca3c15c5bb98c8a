import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { expect } from "vitest";
import { legacyAgent, modernAgent } from "../fixtures/agents/http.ts";
import { sseAgent, stdioAgent } from "../fixtures/agents/lines.ts";
import { createInbox } from "../fixtures/agents/wire.ts";
import { GATEWAY, upstreamCommand } from "../fixtures/build.ts";
import { configToml, type GatewayRun } from "../fixtures/gateway.ts";
import { descendants, isAlive, processesIn, useCleanup } from "../fixtures/leaks.ts";
import { poll } from "../fixtures/poll.ts";
import type { Json, RpcMessage } from "../fixtures/upstream/contract.ts";
import { startUpstream } from "../fixtures/upstream/upstream.ts";
import { behind, gatewayOf, tableOf } from "./behind.ts";
import { failureOf, row } from "./lab.ts";

const keep = useCleanup();
const META = "io.modelcontextprotocol/";
const slow = (ms: number) => ({ name: "slow", arguments: { ms } });
const GATED = { name: "gated", arguments: {} };
const PASSED = { result: { content: [{ text: "passed" }] } };
const ACKNOWLEDGED = "notifications/subscriptions/acknowledged";
/** Longer than any of these tests: such a call ends only by being cut off. */
const FOR_EVER_MS = 120_000;

/** An upstream whose tool `gated` answers when it is told to. */
async function gatedUpstream() {
  const upstream = keep(await startUpstream({ name: "fixture", era: "modern" }));
  let open = (): void => {};
  const opened = new Promise<void>(resolve => {
    open = resolve;
  });
  const definition = { name: "gated", description: "Waits to be let go", inputSchema: { type: "object" } };
  upstream.tools.set("gated", {
    definition,
    run: () => opened.then(() => ({ content: [{ type: "text", text: "passed" }] })),
  });
  return { upstream, open };
}

/** A connection of which everything is known; pipelining keeps it busy when idle ones are closed. */
async function rawConnection({ port }: GatewayRun) {
  const socket = connect(port, "127.0.0.1");
  const read = createInbox<string>();
  let text = "";
  socket.setEncoding("utf8").on("data", chunk => {
    text += chunk;
    read.push(text);
  });
  const closed = new Promise<void>(resolve => socket.on("error", () => {}).once("close", () => resolve()));
  const post = (id: number, params: Json): void => {
    const _meta = { [`${META}protocolVersion`]: "2026-07-28", [`${META}clientCapabilities`]: {} };
    const body = JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params: { ...params, _meta } });
    const head = [
      "POST /mcp HTTP/1.1",
      `host: 127.0.0.1:${port}`,
      "content-type: application/json",
      "accept: application/json, text/event-stream",
      "mcp-protocol-version: 2026-07-28",
      "mcp-method: tools/call",
      `mcp-name: ${String(params.name)}`,
      `content-length: ${Buffer.byteLength(body)}`,
    ];
    socket.write(`${head.join("\r\n")}\r\n\r\n${body}`);
  };
  return { post, closed, text: () => text, close: async () => void socket.destroy() };
}

/** The port stays open for the answers that running calls may wait for; what is new hears that it came too late. */
const refusesCalls = ({ url }: GatewayRun): Promise<boolean> =>
  poll(async () => {
    const { status, message } = await modernAgent(url).request("tools/call", { name: "nothing", arguments: {} });
    return status === 503 && message?.error?.code === -31006;
  });

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  row(
    "F-39",
    `${signal} lets every kind of agent's running call finish, refuses new ones, ends listening with a result, exits 0`,
    async () => {
      const { upstream, open } = await gatedUpstream();
      const gateway = await gatewayOf(keep, [tableOf(upstream)]);
      const raw = keep(await rawConnection(gateway));
      const modern = modernAgent(gateway.url);
      const legacy = await legacyAgent(gateway.url);
      const sse = await sseAgent(`${gateway.base}/sse`);
      const { inbox } = await modern.listen({ toolsListChanged: true });
      await inbox.next(({ method }) => method === ACKNOWLEDGED);
      const calls = [modern, legacy, sse].map(agent => agent.request("tools/call", GATED));
      raw.post(7, GATED);
      await upstream.journal.until(({ executions }) => executions.length === 4);
      process.kill(gateway.pid, signal);
      expect(await refusesCalls(gateway)).toBe(true);
      raw.post(8, slow(1));
      open();
      for (const call of calls) expect((await call).message).toMatchObject(PASSED);
      await raw.closed;
      expect(raw.text()).toMatch(/"id":7,"result":.*passed/);
      expect(raw.text()).toMatch(/HTTP\/1\.1 503 .*"code":-31006/s);
      expect(upstream.journal.executions).toHaveLength(4);
      expect(await inbox.next(({ id }) => id !== undefined)).toMatchObject({ result: { resultType: "complete" } });
      expect(await gateway.ended).toBe(0);
      expect(processesIn(gateway.dir)).toEqual([]);
    },
  );
}

row(
  "F-39",
  "on stdin and stdout it drains the same way: answers, a final result for listening, -31006, exit 0",
  async () => {
    const { upstream, open } = await gatedUpstream();
    const gateway = await gatewayOf(keep, [tableOf(upstream)]);
    const agent = keep(await stdioAgent(process.execPath, [GATEWAY, "mcp", "proxy", "stdio"], { cwd: gateway.dir }));
    const _meta = { [`${META}protocolVersion`]: "2026-07-28", [`${META}clientCapabilities`]: {} };
    const notifications = { toolsListChanged: true };
    const listening = agent.request("subscriptions/listen", { _meta, notifications });
    await agent.inbox.next(text => (JSON.parse(text) as RpcMessage).method === ACKNOWLEDGED);
    const calls = [agent.request("tools/call", GATED), agent.request("tools/call", { ...GATED, _meta })];
    await upstream.journal.until(({ executions }) => executions.length === 2);
    process.kill(agent.pid ?? 0, "SIGTERM");
    expect((await listening).message).toMatchObject({ result: { resultType: "complete" } });
    expect((await agent.request("tools/call", slow(1))).message?.error?.code).toBe(-31006);
    open();
    for (const call of calls) expect((await call).message).toMatchObject(PASSED);
    expect(await poll(() => !isAlive(agent.pid ?? 0))).toBe(true);
    expect(upstream.journal.executions).toHaveLength(2);
  },
);

const AGENTS = {
  modern: async (gateway: GatewayRun) => modernAgent(gateway.url),
  legacy: (gateway: GatewayRun) => legacyAgent(gateway.url),
  "HTTP+SSE": (gateway: GatewayRun) => sseAgent(`${gateway.base}/sse`),
};
const UPSTREAMS = {
  "an HTTP upstream": async () => tableOf(keep(await startUpstream({ name: "fixture" }))),
  "a child that ignores SIGTERM": async () => ({
    ...{ name: "fixture", transport: "stdio" },
    ...upstreamCommand("--stubborn", "--grandchild"),
  }),
};

for (const [name, open] of Object.entries(UPSTREAMS)) {
  row("F-40", `a second signal tells the rest -31006, exits 1 at once and leaves nothing of ${name}`, async () => {
    const gateway = await gatewayOf(keep, [await open()]);
    const agents = await Promise.all(Object.values(AGENTS).map(open => open(gateway)));
    const calls = agents.map(agent => agent.request("tools/call", slow(FOR_EVER_MS)));
    await gateway.until(({ upstreams }) => upstreams[0]?.inFlight === calls.length);
    const children = descendants(gateway.pid);
    process.kill(gateway.pid, "SIGTERM");
    expect(await refusesCalls(gateway)).toBe(true);
    expect(await gateway.stop()).toBe(1);
    for (const call of calls) expect(failureOf(await call)).toEqual(CUT);
    expect(await poll(() => children.every(pid => !isAlive(pid)))).toBe(true);
    expect(leftovers(gateway)).toEqual([]);
  });
}

row(
  "F-40",
  "calls that outlast the time given to `stop` are told so as well, and the gateway says how many they were",
  async () => {
    const { gateway, upstream } = await behind(keep);
    const call = modernAgent(gateway.url).request("tools/call", slow(FOR_EVER_MS));
    await upstream.journal.until(({ executions }) => executions.length === 1);
    const stopped = gateway.rad("mcp", "proxy", "stop", "--timeout", "4");
    const meanwhile = await gateway.until(({ stopping }) => stopping);
    expect(meanwhile).toMatchObject({ running: true, health: "down", upstreams: [{ inFlight: 1 }] });
    const { stdout, code } = await stopped;
    expect(code).toBe(0);
    expect(stdout).toContain("1 call did not finish");
    expect(failureOf(await call)).toEqual(CUT);
    expect(await gateway.ended).toBe(1);
  },
);

row("F-41", "after SIGKILL agents see a broken connection, children end, and the next start is clean", async () => {
  const table = { name: "fixture", transport: "stdio", ...upstreamCommand("--stubborn", "--grandchild") };
  const gateway = await gatewayOf(keep, [table]);
  const call = modernAgent(gateway.url).request("tools/call", slow(FOR_EVER_MS));
  await gateway.until(({ upstreams }) => upstreams[0]?.inFlight === 1);
  const children = descendants(gateway.pid);
  expect(children.length).toBeGreaterThanOrEqual(2);
  const broken = expect(call).rejects.toThrow(/ECONNRESET|socket hang up|aborted/);
  await gateway.kill();
  await broken;
  expect((await gateway.rad("mcp", "proxy", "status")).code).toBe(3);
  // The old child ignores everything but SIGKILL, and is found by what the dead gateway wrote down.
  writeFileSync(gateway.configPath, configToml([{ ...table, ...upstreamCommand() }]));
  const again = await gateway.rad("mcp", "proxy", "start", "--detach", "--port", "0");
  expect(again.stderr).toBe("");
  expect(again.code).toBe(0);
  expect(await poll(() => children.every(pid => !isAlive(pid)))).toBe(true);
  expect((await gateway.rad("mcp", "proxy", "stop")).code).toBe(0);
  expect(leftovers(gateway)).toEqual([]);
  expect(processesIn(gateway.dir)).toEqual([]);
});

/** It may have run, and its agent knows. */
const CUT = { code: -31006, reason: "draining", delivery: "unknown", retryable: false };

/** What a next start could stumble on. */
function leftovers(gateway: GatewayRun): string[] {
  const runDir = join(gateway.dir, ".radium", "run");
  const records = readdirSync(runDir).filter(name => name.startsWith("instance.json") || name.includes(".tmp"));
  return existsSync(gateway.socket) ? [...records, gateway.socket] : records;
}
