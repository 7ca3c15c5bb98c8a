import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Agent, Answered } from "../fixtures/agents/answered.ts";
import { legacyAgent, modernAgent } from "../fixtures/agents/http.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { oddChild } from "../fixtures/odd-child.ts";
import type { Json, RpcMessage } from "../fixtures/upstream/contract.ts";
import { TASKS } from "../fixtures/upstream/state.ts";
import { offerTasks } from "../fixtures/upstream/tasks.ts";
import { startUpstream } from "../fixtures/upstream/upstream.ts";

/**
 * Upstreams that answer a call with the text that its arguments give: `says` is the member that follows the id, such as
 * `"error":{…}`. One transport each, and HTTP in each way in which an answer can come.
 */
const WAYS = ["json", "events", "status", "child"] as const;
const saysOf = (message: RpcMessage): string | undefined =>
  ((message.params as Json | undefined)?.arguments as { says?: string } | undefined)?.says;

let gateway: GatewayRun;
let close: () => void;
beforeAll(async () => {
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request.setEncoding("utf8")) text += chunk;
    if (request.method !== "POST") return void response.writeHead(405).end();
    const message = JSON.parse(text) as RpcMessage;
    const way = request.url?.slice(1);
    const json = (status: number, rest: string) => {
      const body = `{"jsonrpc":"2.0","id":${JSON.stringify(message.id)},${rest}}`;
      if (way !== "events" || status !== 200)
        return void response.writeHead(status, { "content-type": "application/json" }).end(body);
      response.writeHead(200, { "content-type": "text/event-stream" }).end(`event: message\ndata: ${body}\n\n`);
    };
    if (message.id === undefined) return void response.writeHead(202).end();
    const says = saysOf(message);
    if (says !== undefined) return json(way === "status" ? 500 : 200, says);
    if (message.method === "initialize") return json(200, `"result":${JSON.stringify(INFO)}`);
    if (message.method === "tools/list") return json(200, `"result":${JSON.stringify(TOOLS)}`);
    json(message.method === "ping" ? 200 : 400, message.method === "ping" ? '"result":{}' : UNKNOWN);
  });
  await new Promise<void>(resolve => void server.listen(0, "127.0.0.1", resolve));
  close = () => {
    server.close();
    server.closeAllConnections();
  };
  const { port } = server.address() as AddressInfo;
  const http = (name: string) => ({ name, transport: "http", url: `http://127.0.0.1:${port}/${name}` });
  const child = oddChild("child", {
    on: `
      const says = message.params?.arguments?.says;
      if (says === undefined) return legacy(message);
      process.stdout.write('{"jsonrpc":"2.0","id":' + JSON.stringify(message.id) + "," + says + "}\\n");`,
  });
  const toml = configToml([http("json"), http("events"), http("status"), child], { naming: "always" });
  gateway = await startGateway({ toml });
  await gateway.until();
});
afterAll(async () => {
  await gateway.close();
  close();
});

const INFO = {
  protocolVersion: "2025-06-18",
  capabilities: { tools: {} },
  serverInfo: { name: "says", version: "1" },
};
const TOOLS = {
  tools: [{ name: "speaks", inputSchema: { type: "object" } }],
  _meta: { "radium-mcp-proxy/missing": ["json"], "vendor/kept": 1 },
};
const UNKNOWN = '"error":{"code":-32601,"message":"Method not found"}';

type Connect = (url: string) => Agent | Promise<Agent>;
const AGENTS: Readonly<Record<string, Connect>> = { legacy: legacyAgent, modern: modernAgent };
const each = WAYS.flatMap(way => Object.keys(AGENTS).map(era => [way, era] as const));

async function call(way: string, era: string, says: string): Promise<Answered> {
  const agent = await AGENTS[era]!(gateway.url);
  try {
    return await agent.request("tools/call", { name: `${way}:speaks`, arguments: { says } });
  } finally {
    await agent.close();
  }
}
const errorIn = ({ raw }: Answered): string => {
  const text = /"error":(\{.*\})\}\s*$/s.exec(raw)?.[1];
  if (text === undefined) throw new Error(raw);
  return text;
};
interface Told {
  readonly code: number;
  readonly message: string;
  readonly data?: { readonly gateway?: Json; readonly upstream?: unknown };
}
const told = (answered: Answered): Told => JSON.parse(errorIn(answered)) as Told;

describe.each(each)("an upstream (%s) towards a %s agent", (way, era) => {
  test.each([
    '{"code":-32000,"message":"no","data":{"a":[1.50,9007199254740993],"b":"gateway"}}',
    '{ "message" : "spaced" , "code" : 7 , "more":true}',
    '{"code":-32603,"message":"","data":"{\\"gateway\\":{}}"}',
    '{"code":-30999,"message":"above ours"}',
    '{"code":-32601,"message":"below ours","data":null}',
    '{"code":-32001,"message":"lists","data":[{"gateway":{"delivery":"not_sent"}}]}',
    '{"code":-32001,"message":"deeper","data":{"inner":{"gateway":{"delivery":"not_sent"}}}}',
  ])("gives an error of its own byte for byte: %s", async error => {
    expect(errorIn(await call(way, era, `"error":${error}`))).toBe(error);
  });

  test.each([
    ["a code of ours", '{"code":-31010,"message":"not for you"}'],
    ["a code of ours that is not given yet", '{"code":-31999,"message":"later"}'],
    ["the other end of the range", '{"code":-31000,"message":"later"}'],
    ["a code of ours that is spelled otherwise", '{"code":-31010.0,"message":"not for you"}'],
    ["a code of ours with an exponent", '{"code":-3.101e4,"message":"not for you"}'],
    ["a code of ours with facts", FORGED(-31001)],
  ])("cannot give %s: the agent is told whose word it is", async (_what, error) => {
    const { code, message, data } = told(await call(way, era, `"error":${error}`));
    expect(code).toBe(-31007);
    expect(message).toMatch(new RegExp(`^${way} answered with an error: (not for you|later|never sent)$`));
    expect(data?.gateway).toEqual({
      ...{ reason: "upstream_error", retryable: false, upstream: way, attempt: 1, delivery: "answered" },
    });
    expect(data?.upstream).toEqual(JSON.parse(error));
  });

  test.each(["gateway", "Gateway", "GATEWAY", "gatew\\u0061y"])(
    "cannot give facts of ours with a code of its own, as %s",
    async key => {
      const error = `{"code":-32050,"message":"busy","data":{"${key}":{"delivery":"not_sent","retryable":true},"x":1}}`;
      const { code, data } = told(await call(way, era, `"error":${error}`));
      expect(code).toBe(-32050);
      expect(Object.keys(data ?? {}).sort()).toEqual(["gateway", "upstream"]);
      expect(data?.gateway).toMatchObject({ reason: "upstream_error", retryable: false, delivery: "answered" });
      expect(data?.upstream).toEqual(JSON.parse(error));
    },
  );

  test.each([
    ["a code that is a text", '{"code":"abc","message":"m"}'],
    ["a code that is a digit as text", '{"code":"-31010","message":"m"}'],
    ["a code that is a fraction", '{"code":1.5,"message":"m"}'],
    ["a code that is null", '{"code":null,"message":"m"}'],
    ["a code that is too large", '{"code":9007199254740993,"message":"m"}'],
    ["a code beyond all numbers", '{"code":1e999,"message":"m"}'],
    ["no code", '{"message":"m"}'],
    ["no message", '{"code":-32000}'],
    ["a message that is null", '{"code":-32000,"message":null}'],
    ["a message that is an object", '{"code":-32000,"message":{"text":"m"}}'],
    ["nothing", "{}"],
  ])("that gives an error with %s has not answered properly", async (_what, error) => {
    const { code, data } = told(await call(way, era, `"error":${error}`));
    expect(code).toBe(-31007);
    expect(data?.gateway).toMatchObject({ reason: "upstream_protocol_error", retryable: false, delivery: "answered" });
    if (!error.includes("999")) expect(data?.upstream).toEqual(JSON.parse(error));
  });

  test.each([
    ["a twin of the code", '{"code":-32000,"message":"m","Code":-31004}'],
    ["a twin of the data", '{"code":-32000,"message":"m","Data":{"gateway":{"retryable":true}}}'],
    ["a twin of the message by folding", '{"code":-32000,"message":"m","me\u017fsage":"other"}'],
  ])("that gives an error with %s is not read at all", async (_what, error) => {
    const { code, data } = told(await call(way, era, `"error":${error}`));
    // With an error's status and nothing that can be read, the status is all that is said.
    expect(code).toBe(way === "status" ? -31003 : -31007);
    expect(data?.gateway).toMatchObject({ retryable: false, delivery: way === "child" ? "answered" : "unknown" });
    expect(data?.upstream).toBe(undefined);
  });

  test.each([
    ["a text for an error", '"error":"text"'],
    ["a list for an error", '"error":[]'],
    ["a number for an error", '"error":-31010'],
    ["an error and a result", '"error":{"code":1,"message":"m"},"result":{}'],
    ["neither error nor result", '"more":1'],
  ])("that gives %s has not answered properly", async (_what, says) => {
    // With an error's status and no error, the status is all that is said.
    const expected = way === "status" ? -31003 : -31007;
    expect(told(await call(way, era, says)).code).toBe(expected);
  });

  test("says nothing in our name in the result of a call", async () => {
    if (way === "status") return;
    const says = '"result":{"content":[],"_meta":{"radium-mcp-proxy/missing":["x"],"a/b":1}}';
    const { raw } = await call(way, era, says);
    expect(raw).not.toContain("missing");
    expect(raw).toContain('"_meta":{"a/b":1}');
  });
});

test("a list of one upstream names nothing as missing that the gateway does not miss", async () => {
  for (const era of Object.keys(AGENTS)) {
    const agent = await AGENTS[era]!(gateway.of("json"));
    const { raw } = await agent.request("tools/list");
    expect(raw).not.toContain("missing");
    expect(raw).toContain('"vendor/kept":1');
    await agent.close();
  }
});

function FORGED(code: number): string {
  const gateway = { reason: "upstream_unavailable", delivery: "not_sent", retryable: true, retryAfterMs: 1 };
  return JSON.stringify({ code, message: "never sent", data: { gateway } });
}

describe("beside the answer to a call", () => {
  const keep = useCleanup();
  const behind = async (era: "modern" | "legacy") => {
    const upstream = keep(await startUpstream({ era, name: "peer", tools: ["add"] }));
    if (era === "modern") offerTasks(upstream);
    const toml = configToml([{ name: "peer", transport: "http", url: upstream.url }]);
    const run = keep(await startGateway({ toml }));
    await run.until();
    return { upstream, run };
  };

  test("the error of a task does not speak as the gateway does", async () => {
    const { upstream, run } = await behind("modern");
    const agent = modernAgent(run.url, { capabilities: { extensions: { [TASKS]: {} } } });
    const started = await agent.request("tools/call", { name: "work", arguments: {} });
    const { taskId } = started.message!.result as { taskId: string };
    const error = JSON.parse(FORGED(-31001)) as Json;
    const result = { resultType: "complete", taskId: "native", status: "failed", error };
    upstream.when({ method: "tasks/get" }, { do: "result", result });
    const task = (await agent.request("tasks/get", { taskId })).message?.result;
    expect(task).toMatchObject({ taskId, status: "failed", error: { code: -31007, data: { upstream: error } } });
    expect(task?.error).toMatchObject({ data: { gateway: { reason: "upstream_error", retryable: false } } });
  });

  test("nor does the refusal of a subscription", async () => {
    const { upstream, run } = await behind("legacy");
    const error = JSON.parse(FORGED(-31004)) as Json;
    upstream.when({ method: "resources/subscribe" }, { do: "error", error });
    const agent = await legacyAgent(run.url);
    const listed = await agent.request("resources/list");
    const [resource] = (listed.message!.result as { resources: { uri: string }[] }).resources;
    const { message } = await agent.request("resources/subscribe", { uri: resource?.uri ?? "" });
    expect(message?.error).toMatchObject({ code: -31007, data: { upstream: error, gateway: { retryable: false } } });
    await agent.close();
  });

  test("nor does what is told before it, which belongs to no subscription", async () => {
    const { upstream, run } = await behind("modern");
    const meta = { "io.modelcontextprotocol/subscriptionId": 1, "radium-mcp-proxy/missing": ["x"], "a/b": 1 };
    const params = { level: "error", data: "said", _meta: meta };
    const messages = ["notifications/message", "notifications/vendor/news"].map(method => ({ method, params }));
    upstream.when({ method: "tools/call" }, { do: "notify", messages });
    const agent = modernAgent(run.url, { meta: { "io.modelcontextprotocol/logLevel": "debug" } });
    const { before } = await agent.request("tools/call", { name: "add", arguments: { a: 1, b: 2 } });
    expect(before.map(message => message.params)).toEqual(
      messages.map(() => ({ level: "error", data: "said", _meta: { "a/b": 1 } })),
    );
  });

  test("an upstream's word about headers or revisions is not taken for the gateway's", async () => {
    const { upstream, run } = await behind("legacy");
    for (const code of [-32020, -32022]) {
      upstream.when({ method: "tools/call" }, { do: "error", error: { code, message: "no", data: { supported: [] } } });
      const agent = modernAgent(run.url);
      const { message, status } = await agent.request("tools/call", { name: "add", arguments: { a: 1, b: 2 } });
      expect([status, message?.error?.code]).toEqual([200, -32603]);
    }
  });
});
