import { createServer, request as httpRequest, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { legacyAgent, modernAgent, POST_HEADERS } from "../fixtures/agents/http.ts";
import { sseAgent } from "../fixtures/agents/lines.ts";
import { events, readAll, send } from "../fixtures/agents/wire.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { startUpstream, type Upstream } from "../fixtures/upstream/upstream.ts";

let gateway: GatewayRun;
let upstream: Upstream;
beforeAll(async () => {
  upstream = await startUpstream();
  const toml = configToml([{ name: "fixture", transport: "http", url: upstream.url }], {
    allowed_hosts: ["gateway.example.com"],
  });
  gateway = await startGateway({ toml });
  await gateway.until();
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

const SUM = { name: "add", arguments: { a: 1, b: 2 } };
const THREE = { content: [{ text: "3" }] };
const initialize = JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "t", version: "1" } },
});

describe("an address with slashes that nobody means is served in place", () => {
  test.each(["/mcp/", "//mcp", "/mcp/fixture/", "//mcp//fixture", "/mcp/?from=docs"])("%s", async path => {
    const session = await legacyAgent(gateway.base + path);
    expect((await session.request("tools/call", SUM)).message?.result).toMatchObject(THREE);
    const other = modernAgent(gateway.base + path);
    expect((await other.request("tools/call", SUM)).message?.result).toMatchObject(THREE);
    await session.close();
  });

  test.each(["/sse", "/sse/", "//sse", "/sse?from=docs"])("%s", async path => {
    const agent = await sseAgent(gateway.base + path);
    expect((await agent.request("tools/call", SUM)).message?.result).toMatchObject(THREE);
    await agent.close();
  });
});

describe("Host", () => {
  const status = async (path: string, host: string, method: "GET" | "POST" = "GET") => {
    const body = method === "POST" ? { body: initialize } : {};
    return (await send(gateway.base + path, { method, headers: { ...POST_HEADERS, host }, ...body })).statusCode;
  };

  test.each(["/healthz", "/readyz", "/healthz/"])("may be anything for %s", async path => {
    for (const host of ["10.244.1.7:3000", "gateway.svc.cluster.local", "evil.example"])
      expect(await status(path, host)).toBe(200);
  });

  test.each(["localhost:8080", "localhost", "127.0.0.1:9999", "[::1]:8080", "LocalHost:1", "app.localhost"])(
    "may be %s, whatever the gateway's port is",
    async host => {
      expect(await status("/mcp", host, "POST")).toBe(200);
    },
  );

  test("may be what the configuration names, and nothing else", async () => {
    expect(await status("/mcp", "gateway.example.com", "POST")).toBe(200);
    expect(await status("/mcp", "gateway.example.com:8443", "POST")).toBe(200);
    for (const host of ["10.244.1.7:3000", "evil.example", "localhost.evil.example:3000", "127.0.0.1.nip.io"])
      for (const path of ["/mcp", "/mcp/fixture", "/"]) expect(await status(path, host, "POST"), host).toBe(403);
    for (const path of ["/sse", "/nothing"]) expect(await status(path, "evil.example")).toBe(403);
  });
});

describe("behind a reverse proxy that serves it below a path of its own", () => {
  /** As with nginx's `location /gw/ { proxy_pass http://gateway/; }`. */
  async function proxy(): Promise<string> {
    const pass: RequestListener = (request, response) => {
      if (!request.url?.startsWith("/gw/")) return void response.writeHead(404).end("not ours");
      const headers = { ...request.headers, host: `127.0.0.1:${gateway.port}` };
      const { method } = request;
      const on = httpRequest(gateway.base, { path: request.url.slice(3), method, headers, agent: false }, answer => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      on.on("error", () => response.destroy());
      response.on("close", () => on.destroy());
      request.pipe(on);
    };
    const server = createServer(pass);
    await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => {
      server.close();
      server.closeAllConnections();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/gw`;
  }

  test.each([
    ["Streamable HTTP", "/mcp", (url: URL) => new StreamableHTTPClientTransport(url)],
    ["HTTP+SSE", "/sse", (url: URL) => new SSEClientTransport(url)],
    ["HTTP+SSE with a slash", "/sse/", (url: URL) => new SSEClientTransport(url)],
  ])("%s works with the official client", async (_name, path, open) => {
    const client = new Client({ name: "c", version: "1" });
    await client.connect(open(new URL((await proxy()) + path)) as Parameters<Client["connect"]>[0]);
    onTestFinished(() => client.close());
    expect(await client.callTool(SUM)).toMatchObject(THREE);
  });
});

describe("the address in an `endpoint` event", () => {
  /** Opens a stream, sends a handshake to where a client takes the address to lead, and reads what comes back. */
  async function handshake(lead: (address: string) => string) {
    const gone = new AbortController();
    onTestFinished(() => gone.abort());
    const headers = { accept: "text/event-stream" };
    const stream = await send(`${gateway.base}/sse`, { method: "GET", headers, signal: gone.signal });
    const read = events(stream)[Symbol.asyncIterator]();
    const { event, data } = (await read.next()).value!;
    expect(event).toBe("endpoint");
    const headersOfPost = { "content-type": "application/json" };
    const posted = await send(lead(data), { method: "POST", headers: headersOfPost, body: initialize });
    await readAll(posted);
    expect(posted.statusCode).toBe(202);
    return JSON.parse((await read.next()).value!.data) as { id: number; result: object };
  }

  test.each<[string, (address: string) => string]>([
    ["resolved as a reference", address => new URL(address, `${gateway.base}/sse`).href],
    ["put behind the origin", address => gateway.base + address],
    ["put behind the origin and a slash", address => `${gateway.base}/${address}`],
    ["put behind the address of the stream", address => `${gateway.base}/sse${address}`],
    ["taken as a query for where messages always went", address => `${gateway.base}/messages${address}`],
  ])("leads to the stream's session: %s", async (_how, lead) => {
    expect(await handshake(lead)).toMatchObject({ id: 1, result: { protocolVersion: "2025-06-18" } });
  });

  test("leads nowhere once the stream is gone", async () => {
    const body = { method: "POST" as const, headers: { "content-type": "application/json" }, body: initialize };
    for (const path of ["/sse", "/", "/messages"])
      expect((await send(`${gateway.base}${path}?sessionId=none`, body)).statusCode, path).toBe(404);
    // An agent that tries Streamable HTTP first is told to go on looking.
    expect((await send(`${gateway.base}/sse`, body)).statusCode).toBe(405);
  });
});
