import { classifyInboundRequest } from "@modelcontextprotocol/server";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { legacyAgent, modernAgent, POST_HEADERS } from "../fixtures/agents/http.ts";
import { readAll, type Sent, send } from "../fixtures/agents/wire.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { startUpstream, type Upstream } from "../fixtures/upstream/upstream.ts";

let gateway: GatewayRun;
let upstream: Upstream;
beforeAll(async () => {
  upstream = await startUpstream();
  gateway = await startGateway({ toml: configToml([{ name: "fixture", transport: "http", url: upstream.url }]) });
  await gateway.until();
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

const META = "io.modelcontextprotocol/";
const _meta = { [`${META}protocolVersion`]: "2026-07-28", [`${META}clientCapabilities`]: {} };
const modern = (method: string, params: object = {}) =>
  JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: { ...params, _meta } });
const MODERN = { ...POST_HEADERS, "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/list" };
const MODERN_ONLY = { ...POST_HEADERS, "mcp-protocol-version": "2026-07-28" };
const initialize = JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "t", version: "1" } },
});

async function ask(path: string, sent: Partial<Sent>) {
  const response = await send(`${gateway.base}${path}`, { method: "POST", headers: POST_HEADERS, ...sent });
  const body = await readAll(response);
  const error = /^\s*\{/.test(body) ? (JSON.parse(body) as { error?: { code: number } }).error : undefined;
  return { status: response.statusCode ?? 0, body, headers: response.headers, code: error?.code };
}

describe("a web page that is not ours", () => {
  test.each([
    ["Host", { host: "evil.example.com" }],
    ["Host with our port", { host: "evil.example.com:3000" }],
    ["Origin", { origin: "http://evil.example.com" }],
    ["opaque Origin", { origin: "null" }],
    ["Origin that begins like ours", { origin: "http://localhost.evil.example.com" }],
  ])("is turned away by its %s, on every path", async (_name, headers) => {
    for (const path of ["/", "/mcp", "/mcp/fixture", "/sse"]) {
      const method = path === "/sse" ? "GET" : "POST";
      const body = method === "POST" ? { body: initialize } : {};
      const { status } = await ask(path, { method, headers: { ...POST_HEADERS, ...headers }, ...body });
      expect(status, path).toBe(403);
    }
  });

  test.each(["localhost", "127.0.0.1", "[::1]"])("while %s is let in", async name => {
    const host = `${name}:${gateway.port}`;
    const headers = { ...POST_HEADERS, host, origin: `http://${host}` };
    expect((await ask("/mcp", { headers, body: initialize })).status).toBe(200);
  });
});

describe("a body that is no message", () => {
  test.each([
    ["not JSON", "{nope"],
    ["empty", ""],
    ["cut off", '{"jsonrpc":"2.0","id":1,"method":"tools/list"'],
    ["two values", `${initialize}${initialize}`],
    ["invalid UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])],
  ])("(%s) is a parse error", async (_name, body) => {
    expect(await ask("/mcp", { body })).toMatchObject({ status: 400, code: -32700 });
  });

  test.each([
    ["no version", '{"id":1,"method":"tools/list"}'],
    ["a method that is no text", '{"jsonrpc":"2.0","id":1,"method":7}'],
    ["parameters that are no object", '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":[1]}'],
    ["a fractional id", '{"jsonrpc":"2.0","id":1.5,"method":"tools/list"}'],
    ["nothing in it", "{}"],
  ])("(%s) is an invalid request", async (_name, body) => {
    const { status, code } = await ask("/mcp", { body });
    expect(status).toBe(400);
    expect(code).toBe(-32600);
  });

  test.each([
    ["too deep", `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":${"[".repeat(2000)}${"]".repeat(2000)}}`],
    ["a key twice", '{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call"}'],
  ])("(%s) is refused", async (_name, body) => {
    const { status, code } = await ask("/mcp", { body });
    expect(status).toBe(400);
    expect(code).toBeDefined();
  });

  test("is refused before it is read whole when it is too large", async () => {
    const { status } = await ask("/mcp", { body: Buffer.alloc(64 * 1024 * 1024, 0x20) }).catch(() => ({ status: 413 }));
    expect(status).toBe(413);
    expect((await ask("/mcp", { body: initialize })).status).toBe(200);
  });

  test("of another media type is 415", async () => {
    const headers = { ...POST_HEADERS, "content-type": "text/plain" };
    expect((await ask("/mcp", { headers, body: initialize })).status).toBe(415);
  });
});

describe("a request without a handshake", () => {
  const cases: readonly (readonly [string, Record<string, string>, string, number, number])[] = [
    ["no _meta", {}, '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}', 400, -32602],
    ["another method in its header", { "mcp-method": "prompts/list" }, modern("tools/list"), 400, -32020],
    ["another version in its header", { "mcp-protocol-version": "2027-01-01" }, modern("tools/list"), 400, -32020],
    ["no name in its headers", { "mcp-method": "tools/call" }, modern("tools/call", { name: "add" }), 400, -32020],
    ["an unknown method", { "mcp-method": "no/such" }, modern("no/such"), 404, -32601],
    ["a method of sessions", { "mcp-method": "ping" }, modern("ping"), 404, -32601],
  ];
  test.each(cases)("with %s is refused as the revision has it", async (_name, headers, body, status, code) => {
    expect(await ask("/mcp", { headers: { ...MODERN, ...headers }, body })).toMatchObject({ status, code });
  });

  test("for a version that nobody knows is told which there are", async () => {
    const body = modern("tools/list").replace("2026-07-28", "2027-01-01");
    const answer = await ask("/mcp", { headers: { ...MODERN, "mcp-protocol-version": "2027-01-01" }, body });
    expect(answer).toMatchObject({ status: 400, code: -32022 });
    expect(answer.body).toContain('"supported":["2026-07-28"]');
  });

  test("may spell its name in base64", async () => {
    const encoded = `=?base64?${Buffer.from("add").toString("base64")}?=`;
    const headers = { ...MODERN, "mcp-method": "tools/call", "mcp-name": encoded };
    const body = modern("tools/call", { name: "add", arguments: { a: 1, b: 2 } });
    expect(await ask("/mcp", { headers, body })).toMatchObject({ status: 200 });
  });
});

describe("an argument that its tool wants repeated in a header", () => {
  const TOOL = "test_x_mcp_header";
  const call = (region: unknown, repeated?: string) => ({
    headers: {
      ...{ ...MODERN, "mcp-method": "tools/call", "mcp-name": TOOL },
      ...(repeated !== undefined && { "mcp-param-region": repeated }),
    },
    body: modern("tools/call", { name: TOOL, arguments: { region } }),
  });

  test.each<[string, unknown, string | undefined]>([
    ["not repeated", "eu", undefined],
    ["repeated otherwise", "eu", "us"],
    ["repeated in another case", "eu", "EU"],
    ["repeated in broken base64", "eu", "=?base64?!!?="],
    ["repeated though it is null", null, "eu"],
  ])("and is %s is refused, and nothing is sent", async (_what, region, repeated) => {
    const before = upstream.journal.sent("tools/call").length;
    expect(await ask("/mcp", call(region, repeated))).toMatchObject({ status: 400, code: -32020 });
    expect(upstream.journal.sent("tools/call")).toHaveLength(before);
  });

  test.each<[string, unknown, string | undefined, string | undefined]>([
    ["plain", "eu", "eu", "eu"],
    ["in base64", "Zürich", "=?base64?WsO8cmljaA==?=", "=?base64?WsO8cmljaA==?="],
    ["not at all where it is null", null, undefined, undefined],
  ])("is repeated to the upstream as well: %s", async (_what, region, repeated, sent) => {
    expect(await ask("/mcp", call(region, repeated))).toMatchObject({ status: 200 });
    expect(upstream.journal.sent("tools/call").at(-1)?.headers["mcp-param-region"]).toBe(sent);
  });

  test("is repeated for an agent that could not do so", async () => {
    const modernOnly = await startUpstream({ era: "modern" });
    const table = { name: "fixture", transport: "http", url: modernOnly.url };
    const own = await startGateway({ toml: configToml([table]) });
    await own.until();
    const agent = await legacyAgent(own.url);
    await agent.request("tools/call", { name: TOOL, arguments: { region: "Zürich" } });
    expect(modernOnly.journal.sent("tools/call").at(-1)?.headers).toMatchObject({
      ...{ "mcp-method": "tools/call", "mcp-name": TOOL },
      "mcp-param-region": "=?base64?WsO8cmljaA==?=",
    });
    await Promise.all([agent.close(), own.close(), modernOnly.close()]);
  });
});

describe("what only sessions have", () => {
  const STRAY = { "mcp-session-id": "no-such", "last-event-id": "no-such.7" };

  test("means nothing to one that carries everything", async () => {
    const headers = { ...MODERN, ...STRAY, "mcp-method": "tools/list" };
    const { status, body, headers: answered } = await ask("/mcp", { headers, body: modern("tools/list") });
    expect([status, body.includes('"add"')]).toEqual([200, true]);
    expect(answered).not.toHaveProperty("mcp-session-id");
  });

  test.each(["GET", "DELETE"] as const)("is not there without one: %s is 405", async method => {
    const accept = { accept: "text/event-stream" };
    for (const headers of [accept, { ...MODERN_ONLY, ...accept }, { ...MODERN_ONLY, ...accept, ...STRAY }]) {
      expect(await ask("/mcp", { method, headers })).toMatchObject({ status: 405 });
    }
    expect(await ask("/mcp", { method, headers: { ...accept, ...STRAY } })).toMatchObject({ status: 404 });
  });
});

describe("a notification without a session", () => {
  const said = (params?: object) =>
    JSON.stringify({ jsonrpc: "2.0", method: "notifications/vendor", ...(params && { params }) });
  const AGREES = { ...MODERN, "mcp-method": "notifications/vendor" };
  const claims = (version: unknown) => said({ _meta: { ..._meta, [`${META}protocolVersion`]: version } });
  test.each<[string, Record<string, string>, string, number, number | undefined]>([
    ["its revision in a header", MODERN_ONLY, said(), 202, undefined],
    ["all headers", AGREES, said(), 202, undefined],
    ["all headers and a claim", AGREES, claims("2026-07-28"), 202, undefined],
    ["a claim and no headers", POST_HEADERS, claims("2026-07-28"), 202, undefined],
    ["another method in its header", MODERN, said(), 400, -32020],
    ["another method in its header than it claims", MODERN, claims("2026-07-28"), 400, -32020],
    ["another revision in its header", MODERN_ONLY, claims("2027-01-01"), 400, -32020],
    ["a claim that is no revision", MODERN_ONLY, claims(7), 400, -32602],
  ])("with %s is taken or refused as the official server does", async (_name, headers, body, status, code) => {
    expect(await ask("/mcp", { headers, body })).toMatchObject({ status, code });
    const message = JSON.parse(body) as unknown;
    const verdict = classifyInboundRequest({
      httpMethod: "POST",
      protocolVersionHeader: headers["mcp-protocol-version"],
      mcpMethodHeader: headers["mcp-method"],
      body: message,
    } as Parameters<typeof classifyInboundRequest>[0]);
    expect(verdict.kind === "modern" ? 202 : 400).toBe(status);
  });

  test("of a revision that nobody knows is refused", async () => {
    const headers = { ...POST_HEADERS, "mcp-protocol-version": "2027-01-01" };
    expect(await ask("/mcp", { headers, body: said() })).toMatchObject({ status: 400, code: -32022 });
  });
});

describe("an address or verb", () => {
  test("that is not there is a plain 404 without a page", async () => {
    for (const path of ["/nope", "/mcp/nope", "/.well-known/oauth-protected-resource", "/mcp/../etc/passwd"]) {
      const { status, headers } = await ask(path, { method: "GET", headers: {} });
      expect(status, path).toBe(404);
      expect(String(headers["content-type"] ?? "")).not.toContain("html");
    }
  });

  test("that is not allowed is 405, and says what is", async () => {
    const { status, headers } = await ask("/mcp", { method: "PUT", body: initialize });
    expect(status).toBe(405);
    expect(String(headers.allow)).toContain("POST");
  });

  test("of health answers without a session", async () => {
    expect((await ask("/healthz", { method: "GET", headers: {} })).status).toBe(200);
    expect((await ask("/readyz", { method: "GET", headers: {} })).status).toBe(200);
  });
});

test("nothing of all this has disturbed it", async () => {
  const { message } = await modernAgent(gateway.url).request("tools/call", { name: "add", arguments: { a: 1, b: 2 } });
  expect(message?.result).toMatchObject({ content: [{ text: "3" }] });
});

describe("transport =", () => {
  test.each([
    ["http", "/mcp", "/sse"],
    ["sse", "/sse", "/mcp"],
  ])("%s has %s and not %s", async (transport, there, absent) => {
    const toml = configToml([{ name: "fixture", transport: "http", url: upstream.url }], { transport });
    const other = await startGateway({ toml });
    const status = async (path: string) => {
      const get = path === "/sse";
      const controller = new AbortController();
      const sent = get ? { method: "GET" as const } : { method: "POST" as const, body: initialize };
      const headers = get ? { accept: "text/event-stream" } : POST_HEADERS;
      const response = await send(`${other.base}${path}`, { ...sent, headers, signal: controller.signal });
      controller.abort();
      return response.statusCode;
    };
    expect(await status(there)).toBe(200);
    expect(await status(absent)).toBe(404);
    await other.close();
  });
});
