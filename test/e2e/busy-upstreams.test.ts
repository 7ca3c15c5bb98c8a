import { describe, expect, test } from "vitest";
import { legacyAgent, modernAgent } from "../fixtures/agents/http.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { type PlainUpstream, type Posted, startPlainUpstream } from "../fixtures/plain-upstream.ts";
import { poll } from "../fixtures/poll.ts";
import type { Json } from "../fixtures/upstream/contract.ts";

const keep = useCleanup();

async function gatewayFor(tables: readonly Json[]): Promise<GatewayRun> {
  const named = tables.map(table => ({ health_check_interval: 1, ...table }));
  const gateway = keep(await startGateway({ toml: configToml(named, { security: { rate_limit_per_minute: 0 } }) }));
  await gateway.until(({ upstreams }) => upstreams.every(({ state }) => state === "ready"));
  return gateway;
}
const textOf = async (url: string, name: string, args: Json = {}) => {
  const { message, raw } = await modernAgent(url).request("tools/call", { name, arguments: args });
  const content = message?.result?.content as { text: string }[] | undefined;
  expect(content, raw).toBeDefined();
  return content?.[0]?.text;
};

/** A child of revision 2025-06-18 that does as `onCall` and `onPing` say, in which `ok(result)` and `say(message)` answer. */
function child(onCall: string, onPing = "ok({})"): Json {
  const code = `
    const write = message => process.stdout.write(JSON.stringify(message) + "\\n");
    require("node:readline").createInterface({ input: process.stdin }).on("line", line => {
      const { id, method, params } = JSON.parse(line);
      const say = message => write({ jsonrpc: "2.0", ...message });
      const ok = result => say({ id, result });
      const text = text => ok({ content: [{ type: "text", text: String(text) }] });
      if (id === undefined) return;
      if (method === "initialize") ok({ protocolVersion: "2025-06-18", capabilities: { tools: {} }, serverInfo: { name: "c", version: "1" } });
      else if (method === "tools/list") ok({ tools: [{ name: "pid", inputSchema: { type: "object" } }, { name: "work", inputSchema: { type: "object" } }] });
      else if (method === "ping") { ${onPing}; }
      else if (method === "tools/call" && params.name === "pid") text(process.pid);
      else if (method === "tools/call") { ${onCall}; }
      else say({ id, error: { code: -32601, message: "Method not found" } });
    });`;
  return { transport: "stdio", command: process.execPath, args: ["-e", code] };
}
const BLOCKS = "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, params.arguments.ms); text(process.pid)";

describe("an upstream that answers no check while it works", () => {
  test("keeps its call, its child and what the child knows", async () => {
    const gateway = await gatewayFor([{ name: "c", ...child(BLOCKS) }]);
    const pid = await textOf(gateway.url, "pid");
    // Long enough for three checks of five seconds.
    const working = textOf(gateway.url, "work", { ms: 22_000 });
    await gateway.until(({ upstreams }) => upstreams[0]?.state === "degraded");
    expect(await working).toBe(pid);
    expect(await textOf(gateway.url, "pid")).toBe(pid);
    await gateway.until(({ upstreams }) => upstreams[0]?.state === "ready");
  });

  test("is chosen after its replicas, and not at all given up, over HTTP", async () => {
    const busy: { answer?: () => void } = {};
    const works = await startPlainUpstream({
      tools: ["work"],
      instead({ message, result }) {
        if (message.method === "tools/call") busy.answer = () => result({ content: [{ type: "text", text: "done" }] });
        return message.method === "tools/call" || (message.method === "ping" && busy.answer !== undefined);
      },
    });
    const free = await startPlainUpstream({ tools: ["work"] });
    const url = keep(works).url;
    const tables = [
      { name: "works", transport: "http", url, group: "g" },
      { name: "free", transport: "http", url: keep(free).url, group: "g", priority: 2 },
    ];
    const gateway = await gatewayFor(tables);
    const working = textOf(gateway.url, "work");
    await gateway.until(({ upstreams }) => upstreams[0]?.state === "degraded");
    const opened = works.count("initialize");
    for (let calls = 0; calls < 3; calls++) expect(await textOf(gateway.url, "work")).toMatch(/^session-/);
    // More checks than would end a connection on which nothing runs.
    expect(await poll(() => works.count("ping") >= 5, { everyMs: 200, withinMs: 50_000 })).toBe(true);
    expect((await gateway.status()).upstreams[0]?.state).toBe("degraded");
    expect(works.count("initialize")).toBe(opened);
    busy.answer?.();
    expect(await working).toBe("done");
  });

  test("is started again where nothing of ours runs there", async () => {
    const gateway = await gatewayFor([{ name: "c", ...child("text(0)", "") }]);
    const pid = await textOf(gateway.url, "pid");
    const isAnother = async () => ![null, Number(pid)].includes((await gateway.status()).upstreams[0]?.pid ?? null);
    expect(await poll(isAnother, { everyMs: 500, withinMs: 50_000 })).toBe(true);
  });
});

const error = (id: unknown, code = -32601) => ({ jsonrpc: "2.0", id, error: { code, message: "no such thing" } });
/** What is no answer to `ping`, and comes from a server that is alive. */
const PINGS: Readonly<Record<string, (posted: Posted) => void>> = {
  "HTTP 400": ({ answer }) => answer(400, "Bad Request"),
  "HTTP 404": ({ answer }) => answer(404),
  "HTTP 404 and an error": ({ answer, message }) => answer(404, error(message.id)),
  "HTTP 405": ({ answer }) => answer(405),
  "HTTP 422": ({ answer }) => answer(422, { detail: "unprocessable" }),
  "HTTP 500": ({ answer }) => answer(500, "oops"),
  "HTTP 501": ({ answer }) => answer(501),
  "HTTP 202": ({ answer }) => answer(202),
  "an error": ({ answer, message }) => answer(200, error(message.id)),
  "an error for nobody": ({ answer }) => answer(200, error(null)),
  null: ({ result }) => result(null),
  "a wrong id": ({ answer }) => answer(200, { jsonrpc: "2.0", id: "x", result: {} }),
  "JSON that is no message": ({ answer }) => answer(200, { ok: true }),
  HTML: ({ answer }) => answer(200, "<html></html>"),
};
const CHILDREN: Readonly<Record<string, string>> = {
  "child null": "ok(null)",
  "child error": 'say({ id, error: { code: -32601, message: "Method not found" } })',
  "child with a wrong id": "say({ id: 987654, result: {} })",
  "child with an id of another type": "say({ id: String(id) + 'x', result: {} })",
  "child with no message": "write({ pong: true })",
};
const nameOf = (what: string) => what.toLowerCase().replaceAll(/[^a-z0-9]/g, "-");

test("any answer to a check is a sign of life: the upstream stays ready, its child and its session", async () => {
  const servers: PlainUpstream[] = [];
  const tables: Json[] = Object.entries(CHILDREN).map(([what, onPing]) => ({
    name: nameOf(what),
    ...child("text(0)", onPing),
  }));
  for (const [what, onPing] of Object.entries(PINGS)) {
    const instead = (posted: Posted): boolean => {
      const isPing = posted.message.method === "ping";
      if (isPing) onPing(posted);
      return isPing;
    };
    const upstream = keep(await startPlainUpstream({ tools: ["pid"], instead }));
    servers.push(upstream);
    tables.push({ name: nameOf(what), transport: "http", url: upstream.url });
  }
  const gateway = await gatewayFor(tables);
  const before = await gateway.status();
  const seen = new Set<string>();
  const checked = () => servers.every(server => server.count("ping") >= 4);
  await gateway.until(({ upstreams }) => {
    for (const { name, state } of upstreams) if (state !== "ready") seen.add(`${name}: ${state}`);
    return checked();
  });
  expect([...seen]).toEqual([]);
  expect(servers.map(server => server.count("initialize"))).toEqual(servers.map(() => 1));
  const after = await gateway.status();
  expect(after.upstreams.map(({ pid }) => pid)).toEqual(before.upstreams.map(({ pid }) => pid));
});

test("what a proxy says that does not reach its server is no sign of life", async () => {
  const instead = ({ message, answer }: Posted): boolean => {
    if (message.method === "ping") answer(502, "Bad Gateway");
    return message.method === "ping";
  };
  const { url } = keep(await startPlainUpstream({ tools: ["pid"], instead }));
  const gateway = await gatewayFor([{ name: "u", transport: "http", url }]);
  await gateway.until(({ upstreams }) => upstreams[0]?.state !== "ready");
});

test("a server that takes one session serves every agent on it, and `status` says so", async () => {
  const upstream = keep(
    await startPlainUpstream({
      tools: ["pid"],
      instead({ message, answer }, upstream): boolean {
        const isSecond = message.method === "initialize" && upstream.count("initialize") > 1;
        if (isSecond) answer(400, { ...error(null, -32600), message: "Server already initialized" });
        return isSecond;
      },
    }),
  );
  const gateway = await gatewayFor([{ name: "u", transport: "http", url: upstream.url }]);
  const agents = [keep(await legacyAgent(gateway.url)), keep(await legacyAgent(gateway.url)), modernAgent(gateway.url)];
  for (let round = 0; round < 2; round++) {
    for (const agent of agents) {
      const { message } = await agent.request("tools/call", { name: "pid", arguments: {} });
      expect(message?.result).toMatchObject({ content: [{ text: "session-1" }] });
    }
  }
  // The refusal is heard once, not with every call.
  expect(upstream.count("initialize")).toBe(2);
  const [status] = (await gateway.status()).upstreams;
  expect(status).toMatchObject({ state: "ready", notes: [expect.stringContaining("takes no further one")] });
  expect((await gateway.rad("mcp", "proxy", "status")).stdout).toContain("agents share the gateway's own conversation");
});
