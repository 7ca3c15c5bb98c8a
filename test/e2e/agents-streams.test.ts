import { describe, expect, test } from "vitest";
import { legacyAgent, modernAgent, POST_HEADERS } from "../fixtures/agents/http.ts";
import { sseAgent, stdioAgent } from "../fixtures/agents/lines.ts";
import { events, send } from "../fixtures/agents/wire.ts";
import { GATEWAY } from "../fixtures/build.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import type { RpcMessage } from "../fixtures/upstream/contract.ts";
import { startUpstream, type Upstream } from "../fixtures/upstream/upstream.ts";

const keep = useCleanup();
const URI = "test://watched-resource";
const UPDATED = "notifications/resources/updated";
const ACKNOWLEDGED = "notifications/subscriptions/acknowledged";
const META = "io.modelcontextprotocol/";

async function behind(options: object): Promise<{ gateway: GatewayRun; upstream: Upstream }> {
  const upstream = keep(await startUpstream(options));
  const table = { name: "fixture", transport: upstream.options.transport, url: upstream.url };
  const gateway = keep(await startGateway({ toml: configToml([table]) }));
  await gateway.until();
  return { gateway, upstream };
}

const isUpdate = (message: RpcMessage | undefined): boolean => message?.method === UPDATED;
const read = (text: string): RpcMessage => JSON.parse(text) as RpcMessage;

describe.each(["modern", "legacy"] as const)("a resource of an upstream (%s)", era => {
  test("is watched by a session, until it says so", async () => {
    const { gateway, upstream } = await behind({ era });
    const agent = keep(await legacyAgent(gateway.url));
    expect(agent.opening.message?.result?.capabilities).toMatchObject({ resources: { subscribe: true } });
    const { inbox } = await agent.listen();
    expect((await agent.request("resources/subscribe", { uri: URI })).resultText).toBe("{}");
    upstream.updated(URI);
    expect((await inbox.next(isUpdate)).params).toEqual({ uri: URI });
    expect((await agent.request("resources/unsubscribe", { uri: URI })).resultText).toBe("{}");
    expect((await agent.request("resources/subscribe", { uri: "test://no-such" })).message?.error).toBeDefined();
  });

  test("is watched over HTTP+SSE", async () => {
    const { gateway, upstream } = await behind({ era });
    const agent = keep(await sseAgent(`${gateway.base}/sse`));
    expect((await agent.request("resources/subscribe", { uri: URI })).resultText).toBe("{}");
    upstream.updated(URI);
    await agent.inbox.next(text => isUpdate(read(text)));
  });

  test("is watched by a subscription, which says what it hears of and ends with the gateway", async () => {
    const { gateway, upstream } = await behind({ era });
    const { inbox } = await modernAgent(gateway.url).listen({ resourceSubscriptions: [URI, "test://no-such"] });
    const { params } = await inbox.next(({ method }) => method === ACKNOWLEDGED);
    expect(params?.notifications).toEqual({ resourceSubscriptions: [URI] });
    upstream.updated(URI);
    expect((await inbox.next(isUpdate)).params).toMatchObject({ uri: URI, _meta: { [`${META}subscriptionId`]: 1 } });
    await gateway.stop();
    expect(await inbox.next(({ id }) => id === 1)).toMatchObject({ result: { resultType: "complete" } });
  });

  test("is watched over stdio in both ways at once", async () => {
    const { gateway, upstream } = await behind({ era });
    const agent = keep(await stdioAgent(process.execPath, [GATEWAY, "mcp", "proxy", "stdio"], { cwd: gateway.dir }));
    expect((await agent.request("resources/subscribe", { uri: URI })).resultText).toBe("{}");
    const _meta = { [`${META}protocolVersion`]: "2026-07-28", [`${META}clientCapabilities`]: {} };
    const notifications = { resourceSubscriptions: [URI] };
    const ended = agent.request("subscriptions/listen", { _meta, notifications });
    ended.catch(() => {});
    await agent.inbox.next(text => read(text).method === ACKNOWLEDGED);
    upstream.updated(URI);
    const stamped = (text: string) => read(text).params?._meta !== undefined;
    const plain = await agent.inbox.next(text => isUpdate(read(text)) && !stamped(text));
    expect(read(plain).params).toEqual({ uri: URI });
    const marked = await agent.inbox.next(text => isUpdate(read(text)) && stamped(text));
    expect(read(marked).params?._meta).toHaveProperty([`${META}subscriptionId`]);
  });
});

test("a stream that was lost is taken up again, and the call runs once", async () => {
  const { gateway, upstream } = await behind({ era: "legacy" });
  const { session } = keep(await legacyAgent(gateway.url));
  const headers = { ...POST_HEADERS, "mcp-session-id": String(session) };
  const params = { name: "converse", arguments: { nonce: "n", steps: 10, ms: 20 }, _meta: { progressToken: 1 } };
  const body = JSON.stringify({ jsonrpc: "2.0", id: 7, method: "tools/call", params });
  const hangUp = new AbortController();
  const steps: unknown[] = [];
  let lastEventId = "";
  const response = await send(gateway.url, { method: "POST", headers, body, signal: hangUp.signal });
  for await (const { id, data } of events(response)) {
    lastEventId = id ?? "";
    if (data === "") continue;
    steps.push(read(data).params?.progress);
    break;
  }
  hangUp.abort();
  const resumed = { method: "GET", headers: { ...headers, "last-event-id": lastEventId } } as const;
  for await (const { data } of events(await send(gateway.url, resumed))) {
    const { id, params: told } = read(data);
    if (id === 7) steps.push("done");
    else if (told?.progress !== undefined) steps.push(told.progress);
  }
  expect(steps).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, "done"]);
  expect(upstream.journal.cancelled).toEqual([]);
  expect(upstream.journal.executions.filter(({ name }) => name === "converse")).toHaveLength(1);
});

test("a call that its upstream puts off may be taken up again meanwhile, and runs once", async () => {
  const { gateway, upstream } = await behind({ era: "legacy", tools: ["test_reconnection"] });
  const { session } = keep(await legacyAgent(gateway.url));
  const headers = { ...POST_HEADERS, "mcp-session-id": String(session) };
  const params = { name: "test_reconnection", arguments: {} };
  const body = JSON.stringify({ jsonrpc: "2.0", id: 7, method: "tools/call", params });
  const hangUp = new AbortController();
  let primed = "";
  const response = await send(gateway.url, { method: "POST", headers, body, signal: hangUp.signal });
  for await (const { id, data } of events(response)) {
    expect(data).toBe("");
    primed = id ?? "";
    break;
  }
  hangUp.abort();
  const resumed = { method: "GET", headers: { ...headers, "last-event-id": primed } } as const;
  const answers: RpcMessage[] = [];
  for await (const { data } of events(await send(gateway.url, resumed))) answers.push(read(data));
  expect(answers).toMatchObject([{ id: 7, result: { content: [{ text: "Reconnection test completed" }] } }]);
  expect(upstream.journal.sent("tools/call")).toHaveLength(1);
});
