import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { POST_HEADERS } from "../fixtures/agents/http.ts";
import { readAll, type Sent, send } from "../fixtures/agents/wire.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { startUpstream, type Upstream } from "../fixtures/upstream/upstream.ts";

const APP = "https://app.example.com";
const ORIGINS = [APP, "http://localhost:6274", "http://127.0.0.1:5173", "http://[::1]:1"];
let gateway: GatewayRun;
let upstream: Upstream;
beforeAll(async () => {
  upstream = await startUpstream();
  const upstreams = [{ name: "fixture", transport: "http", url: upstream.url }];
  gateway = await startGateway({ toml: configToml(upstreams, { allowed_origins: [APP] }) });
  await gateway.until();
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

const ask = (path: string, { headers, ...sent }: Partial<Sent>) =>
  send(`${gateway.base}${path}`, { method: "POST", headers: { ...POST_HEADERS, ...headers }, ...sent });
const preflight = (path: string, origin: string, headers: Record<string, string> = {}) =>
  send(`${gateway.base}${path}`, {
    method: "OPTIONS",
    headers: { origin, "access-control-request-method": "POST", "sec-fetch-site": "cross-site", ...headers },
  });
const initialize = JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "page", version: "1" } },
});

describe("a browser asks what a page may send", () => {
  test.each(["/", "/mcp", "/mcp/", "/mcp/fixture", "/sse", "/messages?sessionId=x", "/healthz", "/readyz", "/nothing"])(
    "to %s, and is told for each origin that may come in",
    async path => {
      for (const origin of ORIGINS) {
        const { statusCode, headers } = await preflight(path, origin);
        expect(statusCode, origin).toBe(204);
        expect(headers["access-control-allow-origin"]).toBe(origin);
        expect(headers.vary).toContain("Origin");
        expect(headers["access-control-allow-methods"]?.split(", ")).toEqual(["GET", "POST", "DELETE"]);
        expect(Number(headers["access-control-max-age"])).toBeGreaterThan(0);
        expect(headers).not.toHaveProperty("access-control-allow-credentials");
      }
    },
  );

  test("and may send the headers of every revision, and whatever else it names", async () => {
    const wanted = "content-type,mcp-param-region, X-Of-The-Page";
    const { headers } = await preflight("/mcp", APP, { "access-control-request-headers": wanted });
    const allowed = headers["access-control-allow-headers"]?.toLowerCase().split(", ");
    expect(allowed).toEqual(
      expect.arrayContaining([
        ...["content-type", "accept", "authorization", "mcp-protocol-version", "mcp-session-id", "last-event-id"],
        ...["mcp-method", "mcp-name", "mcp-param-region", "x-of-the-page", "traceparent"],
      ]),
    );
    expect(allowed?.filter(name => name === "content-type")).toHaveLength(1);
  });

  test.each(["a b", "x;y", ",", "", 'x, "y"'])("and what is no list of names is not repeated: %j", async wanted => {
    const { statusCode, headers } = await preflight("/mcp", APP, { "access-control-request-headers": wanted });
    expect(statusCode).toBe(204);
    expect(headers["access-control-allow-headers"]).toMatch(/^[\w-]+(, [\w-]+)*$/);
    expect(headers["access-control-allow-headers"]).toMatch(/baggage$/);
  });

  test("and learns that this machine may be reached from the network where it asks for that", async () => {
    const asked = { "access-control-request-private-network": "true" };
    expect((await preflight("/mcp", APP, asked)).headers["access-control-allow-private-network"]).toBe("true");
    expect((await preflight("/mcp", APP)).headers).not.toHaveProperty("access-control-allow-private-network");
  });

  test.each(["https://evil.example", "null", "http://localhost.evil.example", "https://app.example.com.evil.example"])(
    "for %s in vain",
    async origin => {
      const { statusCode, headers } = await preflight("/mcp", origin);
      expect(statusCode).toBe(403);
      expect(Object.keys(headers).filter(name => name.startsWith("access-control"))).toEqual([]);
    },
  );
});

describe("a page may read", () => {
  const readable = (headers: Record<string, unknown>, origin = APP) => {
    expect(headers["access-control-allow-origin"]).toBe(origin);
    const exposed = String(headers["access-control-expose-headers"]).toLowerCase().split(", ");
    expect(exposed).toEqual(expect.arrayContaining(["mcp-session-id", "www-authenticate", "retry-after"]));
    expect(headers.vary).toBe("Origin");
  };

  const cases: readonly (readonly [string, string, number, Partial<Sent>])[] = [
    ["an answer", "/mcp", 200, { body: initialize }],
    ["a parse error", "/mcp", 400, { body: "{" }],
    ["that there is no such session", "/mcp", 404, { body: initialize, headers: { "mcp-session-id": "none" } }],
    ["that there is nothing", "/.well-known/oauth-protected-resource", 404, { method: "GET" }],
    ["that there is no such upstream", "/mcp/none", 404, { body: initialize }],
    ["that a method is not there", "/mcp", 405, { method: "GET" }],
    ["that a stream cannot be deleted", "/sse", 405, { method: "DELETE" }],
    ["that a body is too large", "/mcp", 413, { body: Buffer.alloc(5 * 1024 * 1024, 0x20) }],
    ["that a body is of another type", "/mcp", 415, { body: "x", headers: { "content-type": "text/plain" } }],
    ["that there are too many headers", "/mcp", 431, { headers: Object.fromEntries(numbered(101)), body: initialize }],
    ["whether it lives", "/healthz", 200, { method: "GET" }],
    ["whether it is ready", "/readyz", 200, { method: "GET" }],
  ];
  test.each(cases)("%s", async (_what, path, status, sent) => {
    for (const origin of ORIGINS) {
      // Not what two names of one machine are to a browser.
      const headers = { ...sent.headers, origin, "sec-fetch-site": "cross-site" };
      const response = await ask(path, { ...sent, headers });
      await readAll(response);
      expect(response.statusCode).toBe(status);
      readable(response.headers, origin);
    }
  });

  test.each(["/mcp", "/sse"])("the events of a stream of %s", async path => {
    const opening = await ask("/mcp", { body: initialize, headers: { origin: APP } });
    await readAll(opening);
    const session = opening.headers["mcp-session-id"] as string;
    const gone = new AbortController();
    const headers = { accept: "text/event-stream", origin: APP, "mcp-session-id": session };
    const stream = await send(`${gateway.base}${path}`, { method: "GET", headers, signal: gone.signal });
    expect(stream.headers["content-type"]).toBe("text/event-stream");
    readable(stream.headers);
    gone.abort();
  });

  test("nothing from another origin, and programs are told nothing of all this", async () => {
    const evil = await ask("/mcp", { body: initialize, headers: { origin: "https://evil.example" } });
    expect(evil.statusCode).toBe(403);
    const program = await ask("/mcp", { body: initialize });
    expect(program.statusCode).toBe(200);
    for (const { headers } of [evil, program])
      expect(Object.keys(headers).filter(name => /^access-control|^vary$/.test(name))).toEqual([]);
  });
});

test("a page of another site cannot even load an address without saying who it is", async () => {
  const headers = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" };
  for (const path of ["/mcp", "/sse", "/healthz"]) {
    expect((await send(`${gateway.base}${path}`, { method: "GET", headers })).statusCode, path).toBe(403);
  }
});

test("somebody who types the address reads what it is for", async () => {
  const headers = { accept: "text/html,application/xhtml+xml,*/*;q=0.8", "sec-fetch-site": "none" };
  for (const path of ["/", "/mcp", "/mcp/fixture/"]) {
    const page = await send(`${gateway.base}${path}`, { method: "GET", headers });
    expect([page.statusCode, page.headers["content-type"]]).toEqual([405, "text/plain; charset=utf-8"]);
    expect(await readAll(page)).toMatch(/meant for agents/);
  }
});

test("OPTIONS of a program tells what may be done, and HEAD what GET would", async () => {
  const options = await send(gateway.url, { method: "OPTIONS" });
  expect([options.statusCode, options.headers.allow]).toEqual([204, "POST, GET, DELETE, OPTIONS"]);
  expect((await send(gateway.url, { method: "HEAD" })).statusCode).toBe(405);
  expect((await send(`${gateway.base}/nothing`, { method: "HEAD" })).statusCode).toBe(404);
  const health = await send(`${gateway.base}/healthz`, { method: "HEAD" });
  expect([health.statusCode, await readAll(health)]).toEqual([200, ""]);
});

function* numbered(count: number): Generator<readonly [string, string]> {
  for (let at = 0; at < count; at++) yield [`x-${at}`, "y"];
}
