import { afterAll, beforeAll, expect, test } from "vitest";
import type { Answered } from "../fixtures/agents/answered.ts";
import { legacyAgent, type ModernAgent, modernAgent, POST_HEADERS } from "../fixtures/agents/http.ts";
import { send } from "../fixtures/agents/wire.ts";
import { addAsking, elicit } from "../fixtures/asking.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import type { Json } from "../fixtures/upstream/contract.ts";
import { TASKS } from "../fixtures/upstream/state.ts";
import { offerTasks } from "../fixtures/upstream/tasks.ts";
import { startUpstream, type Upstream } from "../fixtures/upstream/upstream.ts";
import { tableOf, UNLIMITED } from "./behind.ts";
import { resultOf } from "./lab.ts";

/** What an agent holds of one process is worth as much at another with the same key, or is refused; never run anew. */
const keep = useCleanup();
const ABLE = { capabilities: { elicitation: { form: {} }, extensions: { [TASKS]: {} } } };

interface Lab {
  readonly modern: Upstream;
  readonly asking: { readonly runs: () => number };
  /** Two with the same key, and one with a key of its own. */
  readonly gateways: readonly [GatewayRun, GatewayRun, GatewayRun];
  readonly one: ModernAgent;
  readonly other: ModernAgent;
  readonly stranger: ModernAgent;
  close(): Promise<void>;
}
let lab: Lab;

beforeAll(async () => {
  const modern = await startUpstream({ name: "modern", era: "modern" });
  const legacy = await startUpstream({ name: "legacy", era: "legacy", tools: ["count"] });
  const many = await startUpstream({ name: "many", tools: [] });
  offerTasks(modern);
  const asking = addAsking(legacy, async context => JSON.stringify(await context.ask(elicit("Who?"))));
  // More than fits into one page.
  const description = "One of many large ones. ".repeat(4_000);
  for (let at = 0; at < 100; at++) {
    const definition = { name: `tool_${at}`, description, inputSchema: { type: "object" } };
    many.tools.set(definition.name, { definition, run: () => ({ content: [] }) });
  }
  const upstreams = [modern, legacy, many];
  const toml = configToml(
    upstreams.map(upstream => tableOf(upstream)),
    UNLIMITED,
  );
  const start = async (env: Record<string, string>): Promise<GatewayRun> => {
    const gateway = await startGateway({ toml, env });
    await gateway.until();
    return gateway;
  };
  const shared = { RADIUM_SEAL_KEY: "5e".repeat(32) };
  const gateways = await Promise.all([start(shared), start(shared), start({})]);
  const [one, other, stranger] = gateways.map(({ url }) => modernAgent(url, ABLE)) as Agents;
  const close = async () => {
    for (const each of [...gateways, ...upstreams]) await each.close();
  };
  lab = { modern, asking, gateways, one, other, stranger, close };
});
afterAll(() => lab?.close());
type Agents = [ModernAgent, ModernAgent, ModernAgent];

const errorCode = ({ message }: Answered): number | undefined => message?.error?.code;
const answer = (asked: Json, params: Json) => {
  const keys = Object.keys((asked.inputRequests as Json | undefined) ?? {});
  const inputResponses = Object.fromEntries(keys.map(key => [key, { action: "accept", content: { name: "Ada" } }]));
  return { ...params, inputResponses, requestState: asked.requestState };
};

test("a cursor of one goes on at the other, and is unknown where the key is another", async () => {
  const { one, other, stranger } = lab;
  const { nextCursor: cursor } = resultOf(await one.request("tools/list"));
  expect(typeof cursor).toBe("string");
  const rest = resultOf(await other.request("tools/list", { cursor })).tools;
  expect(rest).toEqual(resultOf(await one.request("tools/list", { cursor })).tools);
  expect(errorCode(await stranger.request("tools/list", { cursor }))).toBe(-32602);
});

test("a question of an upstream without sessions is answered at the other", async () => {
  const { modern, one, other, stranger } = lab;
  const params = { name: "test_input_required_result_elicitation", arguments: {} };
  const asked = resultOf(await one.request("tools/call", params));
  expect(asked.resultType).toBe("input_required");
  const runs = modern.journal.executions.length;
  expect(errorCode(await stranger.request("tools/call", answer(asked, params)))).toBe(-32602);
  expect(modern.journal.executions).toHaveLength(runs);
  const done = resultOf(await other.request("tools/call", answer(asked, params)));
  expect(done).toMatchObject({ content: [{ text: "Hello, Ada!" }] });
});

test("a call that waits at one is refused at the other, goes on at its own and runs once", async () => {
  const { one, other, asking } = lab;
  const params = { name: "asking", arguments: {} };
  const asked = resultOf(await one.request("tools/call", params));
  expect(asked.resultType).toBe("input_required");
  expect(errorCode(await other.request("tools/call", answer(asked, params)))).toBe(-32602);
  expect(asking.runs()).toBe(1);
  expect(JSON.stringify(resultOf(await one.request("tools/call", answer(asked, params))))).toContain("Ada");
  expect(asking.runs()).toBe(1);
});

test("a task that was started through one is looked at through the other", async () => {
  const { one, other, stranger } = lab;
  const { taskId } = resultOf(await one.request("tools/call", { name: "work", arguments: {} }));
  expect(resultOf(await other.request("tasks/get", { taskId }))).toMatchObject({ taskId, status: "input_required" });
  expect(errorCode(await stranger.request("tasks/get", { taskId }))).toBe(-32602);
});

test("a session of one is 404 at the other, by every method, and a new one opens there", async () => {
  const [one, other] = lab.gateways;
  const { session } = keep(await legacyAgent(one.url));
  const headers = { ...POST_HEADERS, "mcp-session-id": String(session), "mcp-protocol-version": "2025-11-25" };
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" });
  for (const method of ["POST", "GET", "DELETE"] as const) {
    const response = await send(other.url, { method, headers, ...(method === "POST" && { body }) });
    response.resume();
    expect(response.statusCode, method).toBe(404);
  }
  const anew = keep(await legacyAgent(other.url));
  resultOf(await anew.request("tools/call", { name: "legacy:count", arguments: {} }));
});

test.each(["SIGKILL", "SIGTERM"] as const)(
  "a restart after %s costs an agent without a session nothing, and tells one with a session to open another",
  async signal => {
    const upstream = keep(await startUpstream({ name: "fixture" }));
    const gateway = keep(await startGateway({ toml: configToml([tableOf(upstream)], UNLIMITED) }));
    await gateway.until();
    const modern = modernAgent(gateway.url, ABLE);
    const legacy = await legacyAgent(gateway.url);
    const count = { name: "count", arguments: {} };
    const ask = { name: "test_input_required_result_elicitation", arguments: {} };
    const asked = resultOf(await modern.request("tools/call", ask));
    resultOf(await legacy.request("tools/call", count));
    const before = await modern.listen({ toolsListChanged: true });
    process.kill(gateway.pid, signal);
    await gateway.ended;
    before.close();
    keep({ close: () => gateway.rad("mcp", "proxy", "stop") });
    expect((await gateway.rad("mcp", "proxy", "start", "--detach", "--port", String(gateway.port))).code).toBe(0);
    resultOf(await modern.request("tools/call", count));
    expect(resultOf(await modern.request("tools/call", answer(asked, ask)))).toMatchObject({
      content: [{ text: "Hello, Ada!" }],
    });
    expect((await legacy.request("tools/call", count)).status).toBe(404);
    const anew = keep(await legacyAgent(gateway.url));
    resultOf(await anew.request("tools/call", count));
    const { inbox, close } = await modern.listen({ toolsListChanged: true });
    await inbox.next(({ method }) => method === "notifications/subscriptions/acknowledged");
    upstream.grow("later");
    await inbox.next(({ method }) => method === "notifications/tools/list_changed");
    close();
  },
);
