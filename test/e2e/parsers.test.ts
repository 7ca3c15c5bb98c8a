import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { legacyAgent, modernAgent, POST_HEADERS } from "../fixtures/agents/http.ts";
import { stdioAgent } from "../fixtures/agents/lines.ts";
import { events, readAll, send } from "../fixtures/agents/wire.ts";
import { GATEWAY } from "../fixtures/build.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { type LaxUpstream, startLaxUpstream } from "../fixtures/lax-upstream.ts";
import { poll } from "../fixtures/poll.ts";
import { asObject, type Json } from "../fixtures/upstream/contract.ts";

const string = { type: "string" };
const ECHO = { name: "echo", inputSchema: { type: "object", properties: { path: string, text: string } } };
const SHARDED = {
  name: "sharded",
  inputSchema: { type: "object", properties: { shard: { type: "integer", "x-mcp-header": "Shard" } } },
};
const META = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientInfo": { name: "raw", version: "1" },
  "io.modelcontextprotocol/clientCapabilities": {},
};

let upstream: LaxUpstream;
let gateway: GatewayRun;
beforeAll(async () => {
  upstream = await startLaxUpstream([ECHO, SHARDED, { name: "secret", inputSchema: { type: "object" } }]);
  gateway = await startGateway({
    toml: configToml([{ name: "lax", transport: "http", url: upstream.url, tools: ["echo", "sharded"] }]),
  });
  await gateway.until(({ upstreams }) => upstreams.every(({ state }) => state === "ready"));
});
afterAll(async () => {
  await gateway?.close();
  await upstream?.close();
});
beforeEach(() => {
  upstream.bodies.length = 0;
  upstream.answer = undefined;
});

/** A call of `echo` as text: members of the envelope, of `params`, of `_meta`; each may have more. */
const call = ({ envelope = "", params = "", meta = "", args = '{"text":"x"}' }): string =>
  `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"echo","arguments":${args},"_meta":${JSON.stringify(META).slice(0, -1)}${meta}}${params}}${envelope}}`;

/** What was added, and the key that the refusal names. */
const AMBIGUOUS: readonly (readonly [text: string, key: string])[] = [
  [call({ params: ',"Name":"secret"' }), "Name"],
  [call({ params: ',"NAME":"secret"' }), "NAME"],
  [call({ params: ',"name":"secret"' }), "name"],
  [call({ params: ',"n\\u0061me":"secret"' }), "name"],
  [call({ params: ',"name\\u0000":"secret"' }), "name\\u0000"],
  [call({ params: ',"\uff4eame":"secret"' }), "\\uff4eame"],
  [call({ params: ',"argument\u017f":{}' }), "argument\\u017f"],
  [call({ params: ',"Arguments":{}' }), "Arguments"],
  [call({ params: ',"requestState":"a","reque\u017ftState":"b"' }), "reque\\u017ftState"],
  [call({ params: ',"request_state":"b"' }), "request_state"],
  [call({ params: ',"_Meta":{"progressToken":1}' }), "_Meta"],
  [call({ params: ',"ta\u017f\u212a":{"ttl":1}' }), "ta\\u017f\\u212a"],
  [call({ envelope: ',"Params":{"name":"secret"}' }), "Params"],
  [call({ envelope: ',"Method":"tools/list"' }), "Method"],
  [call({ envelope: ',"JSONRPC":"2.0"' }), "JSONRPC"],
  [call({ envelope: ',"Result":{}' }), "Result"],
  [call({ meta: ',"progressToken":1,"ProgressToken":2' }), "ProgressToken"],
  [call({ meta: ',"progressTo\u212aen":2' }), "progressTo\\u212aen"],
  [call({ meta: ',"io.modelcontextprotocol/LogLevel":"debug"' }), "io.modelcontextprotocol/LogLevel"],
  [call({ args: '{"text":"x","text":"y"}' }), "text"],
  [call({ args: '{"text":"x","list":[{"a":{"b":1,"\\u0062":2}}]}' }), "b"],
  [call({ args: '{"path":"/tmp","Path":"/etc"}' }), "Path"],
  [call({ args: '{"path":"/tmp","PATH\\u0000":"/etc"}' }), "PATH\\u0000"],
];

const errorOf = (text: string): Json => asObject((JSON.parse(text) as Json).error);
function expectRefusal(text: string, key: string): void {
  expect(JSON.parse(text)).toMatchObject({ id: 7, error: { code: -32600 } });
  expect(errorOf(text).message).toContain(JSON.stringify(key).replaceAll("\\\\", "\\"));
}

describe("T-20 a request that parsers read differently is refused by its name, and goes nowhere", () => {
  test("over HTTP, in the revision that carries everything", async () => {
    const agent = modernAgent(gateway.url);
    for (const [body, key] of AMBIGUOUS) {
      const { status, texts } = await agent.post(body, { "mcp-method": "tools/call", "mcp-name": "echo" });
      expect([status, texts.length], body).toEqual([400, 1]);
      expectRefusal(texts[0]!, key);
    }
    expect(upstream.bodies).toEqual([]);
    const fine = await agent.post(call({}), { "mcp-method": "tools/call", "mcp-name": "echo" });
    expect([fine.status, upstream.bodies.length]).toEqual([200, 1]);
  });

  test("over HTTP in a session, alone and in a batch", async () => {
    const agent = await legacyAgent(gateway.url, "2025-03-26");
    const plain = (text: string): string => text.replace(JSON.stringify(META).slice(1, -1), '"x/y":1');
    for (const [body, key] of AMBIGUOUS) {
      const { texts } = await agent.post(plain(body));
      expectRefusal(texts[0]!, key);
      const batch = await agent.post(`[${plain(body)},{"jsonrpc":"2.0","id":8,"method":"ping"}]`);
      expect(batch.status).toBe(200);
      const answers = batch.texts.flatMap(text => JSON.parse(text) as Json[]);
      expectRefusal(JSON.stringify(answers.find(({ id }) => id === 7)), key);
      expect(answers).toContainEqual({ jsonrpc: "2.0", id: 8, result: {} });
    }
    expect(upstream.bodies).toEqual([]);
    await agent.close();
  });

  test("on the stream of an older client", async () => {
    const controller = new AbortController();
    const response = await send(`${gateway.base}/sse`, { method: "GET", signal: controller.signal });
    const said = events(response);
    const endpoint = String((await said.next()).value?.data);
    const post = async (body: string) => {
      const posted = await send(`${gateway.base}${endpoint}`, { method: "POST", headers: POST_HEADERS, body });
      return { status: posted.statusCode, text: await readAll(posted) };
    };
    const capabilities = { protocolVersion: "2024-11-05", capabilities: {}, clientInfo: { name: "x", version: "1" } };
    await post(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params: capabilities }));
    await said.next();
    for (const [body, key] of AMBIGUOUS) {
      const { status, text } = await post(body);
      // What only the tool's definition shows is found later, and told on the stream.
      expectRefusal(status === 202 ? String((await said.next()).value?.data) : text, key);
    }
    expect(upstream.bodies).toEqual([]);
    controller.abort();
  });

  test("on standard input", async () => {
    const agent = await stdioAgent(process.execPath, [GATEWAY, "mcp", "proxy", "stdio"], { cwd: gateway.dir });
    const { error } = (await agent.request("tools/call", {}, { rawParams: '{"name":"echo","Name":"secret"}' }))
      .message!;
    expect(error).toMatchObject({ code: -32600, message: expect.stringContaining('"Name"') });
    expect(upstream.bodies).toEqual([]);
    await agent.close();
  });

  test("and data that only looks so goes through as it is", async () => {
    const agent = modernAgent(gateway.url);
    const args =
      '{"text":"x","env":{"PATH":"a","path":"b","Name":1,"name":2},"Other":1,"other":2,"n":9007199254740993}';
    const answer = await agent.post(call({ args }), { "mcp-method": "tools/call", "mcp-name": "echo" });
    expect(answer.status).toBe(200);
    expect(upstream.bodies[0]).toContain(`"arguments":${args}`);
  });

  test("leaves the id out where that is what is in doubt", async () => {
    const agent = modernAgent(gateway.url);
    for (const more of [',"id":8', ',"ID":8']) {
      const { status, texts } = await agent.post(call({ envelope: more }), { "mcp-method": "tools/call" });
      expect(status).toBe(400);
      expect(JSON.parse(texts[0]!)).toMatchObject({ error: { code: -32600 } });
      expect(JSON.parse(texts[0]!)).not.toHaveProperty("id");
    }
  });

  test("is in the log, where it was a call", async () => {
    const headers = { "mcp-method": "tools/call", "mcp-name": "echo" };
    await modernAgent(gateway.url).post(call({ args: '{"path":"/tmp","pAtH":"/etc"}' }), headers);
    await poll(() => gateway.logLines().some(({ reason }) => reason === "ambiguous"));
    expect(gateway.logLines().find(({ reason }) => reason === "ambiguous")).toMatchObject({ outcome: "failed" });
  });
});

describe("T-21 T-28 a number that a header repeats", () => {
  const sharded = (shard: string, header: string) =>
    modernAgent(gateway.url).post(call({ args: `{"shard":${shard}}` }).replace('"echo"', '"sharded"'), {
      ...{ "mcp-method": "tools/call", "mcp-name": "sharded", "mcp-param-shard": header },
    });

  test.each([
    ["9007199254740993", "9007199254740993"],
    ["42", "42.0"],
    ["1e3", "1000"],
    ["-0", "0"],
  ])("is the same to the last digit: %s and %s", async (shard, header) => {
    expect((await sharded(shard, header)).status).toBe(200);
    expect(upstream.bodies[0]).toContain(`{"shard":${shard}}`);
  });

  test.each([
    ["9007199254740993", "9007199254740992"],
    ["9007199254740992", "9007199254740993"],
    ["1e400", "1e401"],
    ["7", "+7"],
  ])("is another: %s and %s", async (shard, header) => {
    const { status, texts } = await sharded(shard, header);
    expect([status, errorOf(texts[0] ?? "").code]).toEqual([400, -32020]);
    expect(upstream.bodies).toEqual([]);
  });

  test("stands under its own name", async () => {
    const twin = call({ args: '{"Shard":7}' }).replace('"echo"', '"sharded"');
    const { texts } = await modernAgent(gateway.url).post(twin, { "mcp-method": "tools/call", "mcp-name": "sharded" });
    expectRefusal(texts[0] ?? "", "Shard");
    expect(upstream.bodies).toEqual([]);
  });
});

describe("T-20 what an upstream says", () => {
  const long = "x".repeat(100);
  const result = (text: string): string =>
    `{"jsonrpc":"2.0","id":{{id}},"result":{"content":[{"type":"text","text":"${text}"}]}}`;

  test.each<[string, Buffer | string]>([
    ["a broken escape in a long string", result(`${long}\\q`)],
    ["half an escape in a long string", result(`${long}\\u12`)],
    ["a control character in a long string", result(`${long}\u0001${long}`)],
    ["a line break in a long string", result(`${long}\n${long}`)],
    [
      "what is not UTF-8",
      Buffer.concat([Buffer.from('{"jsonrpc":"2.0","id":1,"result":{"x":"'), Buffer.of(0xff), Buffer.from('"}}')]),
    ],
    ["a result beside another", result("x").replace(/}$/, ',"Result":{"content":[]}}')],
    [
      "an error that says two codes",
      '{"jsonrpc":"2.0","id":{{id}},"error":{"code":-32000,"message":"no","Code":-31010}}',
    ],
    [
      "a result that says two types",
      '{"jsonrpc":"2.0","id":{{id}},"result":{"resultType":"complete","ResultType":"task"}}',
    ],
  ])("never reaches the agent where it is %s: -31007", async (_what, answer) => {
    upstream.answer = answer;
    const { status, texts } = await modernAgent(gateway.url).post(call({}), {
      "mcp-method": "tools/call",
      "mcp-name": "echo",
    });
    expect(status).toBe(200);
    expect(JSON.parse(texts[0]!)).toMatchObject({ id: 7, error: { code: -31007 } });
    expect(upstream.bodies).toHaveLength(1);
  });

  test("reaches it byte for byte where it is JSON, halves of characters and all", async () => {
    const text = `${long}\\ud800\\u0000\\n\\"${long}\u007f\u{1f600}\u2028`;
    upstream.answer = result(text);
    const { texts } = await modernAgent(gateway.url).post(call({}), { "mcp-method": "tools/call", "mcp-name": "echo" });
    expect(texts[0]).toContain(`"text":"${text}"`);
  });
});
