import { describe, expect, test } from "vitest";
import { legacyAgent, modernAgent, POST_HEADERS } from "../fixtures/agents/http.ts";
import { sseAgent } from "../fixtures/agents/lines.ts";
import { readAll, send } from "../fixtures/agents/wire.ts";
import { upstreamCommand } from "../fixtures/build.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import type { Json, RpcMessage } from "../fixtures/upstream/contract.ts";
import { startUpstream, type Upstream } from "../fixtures/upstream/upstream.ts";

const keep = useCleanup();

async function behind(proxy: Json = {}, options: object = {}): Promise<{ gateway: GatewayRun; upstream: Upstream }> {
  const upstream = keep(await startUpstream({ era: "legacy", ...options }));
  const table = { name: "fixture", transport: upstream.options.transport, url: upstream.url };
  const gateway = keep(await startGateway({ toml: configToml([table], proxy) }));
  await gateway.until();
  return { gateway, upstream };
}

const VERSIONS = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];
const list = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" });

describe("a session", () => {
  test.each(VERSIONS)("of revision %s begins with a handshake, is used, and ends", async version => {
    const { gateway } = await behind();
    const agent = await legacyAgent(gateway.url, version);
    expect(agent.opening.message?.result?.protocolVersion).toBe(version);
    expect(agent.session).toMatch(/^[\x21-\x7e]+$/);
    expect((await agent.request("ping")).resultText).toBe("{}");
    expect((await agent.request("tools/list")).message?.result?.tools).toBeDefined();
    const removed = await agent.remove();
    expect(removed).toBeGreaterThanOrEqual(200);
    expect(removed).toBeLessThan(300);
    expect((await agent.request("tools/list")).status).toBe(404);
  });

  test("of an unknown revision is offered the newest that has sessions", async () => {
    const { gateway } = await behind();
    const agent = keep(await legacyAgent(gateway.url, "2031-01-01"));
    expect(agent.opening.message?.result?.protocolVersion).toBe("2025-11-25");
  });

  test("of another process is 404, also where that process has the same key", async () => {
    const upstream = keep(await startUpstream({ era: "legacy" }));
    const toml = configToml([{ name: "fixture", transport: "http", url: upstream.url }]);
    const start = async () => keep(await startGateway({ toml, env: { RADIUM_SEAL_KEY: "cd".repeat(32) } }));
    const agent = await legacyAgent((await start()).url);
    const headers = { ...POST_HEADERS, "mcp-session-id": String(agent.session), "mcp-protocol-version": "2025-11-25" };
    const response = await send((await start()).url, { method: "POST", headers, body: list });
    expect(response.statusCode).toBe(404);
    expect(await readAll(response)).toContain("Session not found");
  });

  test("that nobody opened is 404, and none at all is 400", async () => {
    const { gateway } = await behind();
    const headers = { ...POST_HEADERS, "mcp-session-id": "no-such-session", "mcp-protocol-version": "2025-11-25" };
    for (const method of ["POST", "GET", "DELETE"] as const) {
      const body = method === "POST" ? { body: list } : {};
      const response = await send(gateway.url, {
        method,
        headers: { ...headers, accept: "text/event-stream" },
        ...body,
      });
      expect(response.statusCode, method).toBe(404);
      response.resume();
    }
    const without = { ...POST_HEADERS, "mcp-protocol-version": "2025-11-25" };
    const response = await send(gateway.url, { method: "POST", headers: without, body: list });
    expect(response.statusCode).toBe(400);
    expect(await readAll(response)).toContain('"error"');
  });

  test("needs no version header after the handshake, but a wrong one is refused", async () => {
    const { gateway } = await behind();
    const agent = keep(await legacyAgent(gateway.url, "2025-06-18", { versionHeader: false }));
    expect((await agent.request("tools/list")).message?.result).toBeDefined();
    const wrong = await agent.request("tools/list", {}, { headers: { "mcp-protocol-version": "1999-01-01" } });
    expect(wrong.status).toBe(400);
  });

  test("survives the end of its GET stream, and can have another", async () => {
    const { gateway, upstream } = await behind();
    const agent = keep(await legacyAgent(gateway.url));
    const first = await agent.listen();
    expect(first.status).toBe(200);
    first.close();
    expect((await agent.request("ping")).resultText).toBe("{}");
    const second = await agent.listen();
    const definition = { name: "later", description: "Later", inputSchema: { type: "object" } };
    upstream.tools.set("later", { definition, run: () => ({ content: [] }) });
    upstream.announce("tools");
    await second.inbox.next(({ method }) => method === "notifications/tools/list_changed");
  });

  test("that is ended by DELETE ends its GET stream", async () => {
    const { gateway } = await behind();
    const agent = await legacyAgent(gateway.url);
    const headers = { accept: "text/event-stream", "mcp-session-id": String(agent.session) };
    const stream = await send(gateway.url, { method: "GET", headers });
    const ended = readAll(stream);
    await agent.remove();
    await ended;
  });

  test("gets an empty first event only where the revision knows of it", async () => {
    const { gateway } = await behind();
    const old = keep(await legacyAgent(gateway.url, "2025-06-18"));
    const params = { name: "progress", arguments: { steps: 2 }, _meta: { progressToken: 1 } };
    const headers = { ...POST_HEADERS, "mcp-session-id": String(old.session) };
    const body = JSON.stringify({ jsonrpc: "2.0", id: 9, method: "tools/call", params });
    const text = await readAll(await send(gateway.url, { method: "POST", headers, body }));
    expect(text).not.toMatch(/^data:\s*$/m);
    expect(text).toContain('"id":9');
  });
});

describe("two agents", () => {
  const UPSTREAMS: readonly (readonly [string, object | undefined])[] = [
    ["2025-11-25 over HTTP", {}],
    ["2024-11-05 over HTTP+SSE", { transport: "sse" }],
    ["2026-07-28", { era: "modern" }],
    ["a shared child", undefined],
  ];

  test.each(UPSTREAMS)(
    "with the same ids and progress tokens get each their own, behind %s",
    async (_name, options) => {
      const table = { name: "fixture", transport: "stdio", ...upstreamCommand() };
      const gateway = options
        ? (await behind({}, options)).gateway
        : keep(await startGateway({ toml: configToml([table]) }));
      await gateway.until();
      const agents = [
        keep(await legacyAgent(gateway.url, "2025-11-25", { name: "a" })),
        keep(await legacyAgent(gateway.url, "2025-03-26", { name: "b" })),
        modernAgent(gateway.url, { name: "c" }),
        keep(await sseAgent(`${gateway.base}/sse`, { name: "d" })),
      ];
      const progress = (before: readonly RpcMessage[]) =>
        before.filter(({ method }) => method === "notifications/progress").map(({ params }) => params);
      const answers = await Promise.all(
        agents.map((agent, at) => {
          const params = { name: "progress", arguments: { steps: at + 1 }, _meta: { progressToken: "same" } };
          return agent.request("tools/call", params);
        }),
      );
      for (const [at, { message, before }] of answers.entries()) {
        expect(message).toMatchObject({ result: { content: [{ text: `${at + 1} steps` }] } });
        expect(progress(before)).toHaveLength(at + 1);
        expect(progress(before).every(params => params?.progressToken === "same")).toBe(true);
      }
    },
  );

  test("have each a session of their own at an upstream that keeps sessions, closed with theirs", async () => {
    const { gateway, upstream } = await behind();
    const before = upstream.sessions();
    const [a, b] = [await legacyAgent(gateway.url), await legacyAgent(gateway.url)];
    const call = { name: "add", arguments: { a: 1, b: 1 } };
    await a.request("tools/call", call);
    await b.request("tools/call", call);
    const used = new Set(upstream.journal.sent("tools/call").map(({ headers }) => headers["mcp-session-id"]));
    expect(used.size).toBe(2);
    await a.remove();
    await b.remove();
    await upstream.journal.until(({ requests }) => requests.filter(({ verb }) => verb === "DELETE").length >= 2);
    expect(upstream.sessions()).toBeLessThanOrEqual(before);
  });

  test("cannot use each other's cancellation", async () => {
    const { gateway, upstream } = await behind();
    const [a, b] = [keep(await legacyAgent(gateway.url)), keep(await legacyAgent(gateway.url))];
    const slow = a.request("tools/call", { name: "slow", arguments: { ms: 400 } });
    await upstream.journal.until(({ executions }) => executions.length === 1);
    for (let id = 0; id < 10; id++) await b.notify("notifications/cancelled", { requestId: id });
    expect((await slow).message?.result).toMatchObject({ content: [{ text: "waited 400 ms" }] });
    expect(upstream.journal.cancelled).toEqual([]);
  });
});

describe("an agent's own cancellation", () => {
  const UPSTREAMS: readonly (readonly [string, object])[] = [
    ["2025-11-25 over HTTP", { era: "legacy" }],
    ["2024-11-05 over HTTP+SSE", { transport: "sse" }],
    ["2026-07-28 over HTTP", { era: "modern" }],
  ];

  test.each(UPSTREAMS)("reaches an upstream of %s, and the call ends without an answer", async (_name, options) => {
    const { gateway, upstream } = await behind({}, options);
    const agent = keep(await legacyAgent(gateway.url));
    const slow = agent.request("tools/call", { name: "slow", arguments: { ms: 60_000 } }).catch(() => undefined);
    await upstream.journal.until(({ executions }) => executions.length === 1);
    // The handshake was request 1, this call is 2.
    await agent.notify("notifications/cancelled", { requestId: 2 });
    await upstream.journal.until(({ cancelled }) => cancelled.some(({ name }) => name === "slow"));
    expect((await slow)?.message).toBeUndefined();
  });

  test("by hanging up does not cancel where the revision says that it does not", async () => {
    const { gateway, upstream } = await behind();
    const agent = keep(await legacyAgent(gateway.url));
    const controller = new AbortController();
    const params = { name: "slow", arguments: { ms: 300 } };
    const slow = agent.request("tools/call", params, { signal: controller.signal });
    await upstream.journal.until(({ executions }) => executions.length === 1);
    controller.abort();
    await expect(slow).rejects.toThrow();
    await agent.request("tools/call", { name: "slow", arguments: { ms: 500 } });
    expect(upstream.journal.cancelled).toEqual([]);
  });
});
