import { describe, expect, test } from "vitest";
import { type Listening, modernAgent } from "../fixtures/agents/http.ts";
import { stdioAgent } from "../fixtures/agents/lines.ts";
import { GATEWAY } from "../fixtures/build.ts";
import { configToml, startGateway } from "../fixtures/gateway.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { poll } from "../fixtures/poll.ts";
import { type Json, type RpcMessage, text } from "../fixtures/upstream/contract.ts";
import { META, TASKS } from "../fixtures/upstream/state.ts";
import { offerTasks } from "../fixtures/upstream/tasks.ts";
import { startUpstream, type Upstream } from "../fixtures/upstream/upstream.ts";

const keep = useCleanup();
const CAN = { capabilities: { extensions: { [TASKS]: {} } } };
const ACKNOWLEDGED = "notifications/subscriptions/acknowledged";
const STATUS = "notifications/tasks";

/** Two upstreams that have tasks, and one that has not. */
async function behind() {
  const one = keep(await startUpstream({ era: "modern", name: "up1", scheme: "up1" }));
  const two = keep(await startUpstream({ era: "modern", name: "up2", scheme: "up2" }));
  for (const upstream of [one, two]) offerTasks(upstream);
  const configs = [one, two].map(({ url, options: { name } }) => ({ name, transport: "http", url, group: name }));
  const gateway = keep(await startGateway({ toml: configToml(configs) }));
  await gateway.until();
  return { gateway, one, two };
}

type Agent = ReturnType<typeof modernAgent>;
async function start(agent: Agent, upstream: string): Promise<string> {
  const { message } = await agent.request("tools/call", { name: `${upstream}:work`, arguments: {} });
  return String(message?.result?.taskId);
}
const cancel = (agent: Agent, taskId: string) => agent.request("tasks/cancel", { taskId });
const promised = async ({ inbox }: Listening): Promise<Json | undefined> =>
  (await inbox.next(({ method }) => method === ACKNOWLEDGED)).params?.notifications as Json | undefined;
const news = ({ inbox }: Listening, status?: string): Promise<RpcMessage> =>
  inbox.next(({ method, params }) => method === STATUS && (status ?? params?.status) === params?.status);
const statuses = ({ inbox }: Listening) => inbox.all.filter(({ method }) => method === STATUS);
const listens = ({ journal }: Upstream): Json[] =>
  journal.requests.flatMap(({ message }) => (message?.method === "subscriptions/listen" ? [message.params ?? {}] : []));

describe("an agent that follows tasks", () => {
  test("hears of each, under its own ids, from the upstream that runs it", async () => {
    const { gateway, one, two } = await behind();
    const agent = modernAgent(gateway.url, CAN);
    const ids = [await start(agent, "up1"), await start(agent, "up2")];
    const listening = await agent.listen({ taskIds: ids });
    expect(await promised(listening)).toEqual({ taskIds: ids });
    await cancel(agent, ids[1] ?? "");
    const { params } = await news(listening);
    expect(params).toMatchObject({ taskId: ids[1], status: "cancelled", ttlMs: 60_000 });
    const own = listening.inbox.all.find(({ method }) => method === ACKNOWLEDGED)?.params?._meta;
    expect(params?._meta).toEqual(own);
    expect(listens(one).at(-1)?.notifications).toMatchObject({ taskIds: ["up1-1"] });
    expect(listens(two).at(-1)?.notifications).toMatchObject({ taskIds: ["up2-1"] });
    listening.close();
    expect(await poll(() => !("taskIds" in ((listens(two).at(-1)?.notifications ?? {}) as Json)))).toBe(true);
  });

  test("hears the result with the news, byte for byte", async () => {
    const { gateway, two } = await behind();
    const agent = modernAgent(gateway.url, CAN);
    const id = await start(agent, "up2");
    const listening = await agent.listen({ taskIds: [id] });
    await promised(listening);
    const result = text("all of it");
    two.tellTask({ taskId: "up2-1", status: "completed", result, vendor: { big: 12345678901 } });
    const { params } = await news(listening);
    expect({ ...params, _meta: undefined }).toEqual({
      taskId: id,
      status: "completed",
      result,
      vendor: { big: 12345678901 },
    });
  });

  test("is promised only what is its own: foreign, forged and native ids are passed over alike", async () => {
    const { gateway, two } = await behind();
    const alice = modernAgent(gateway.url, CAN);
    const bob = modernAgent(gateway.url, { ...CAN, name: "bob" });
    const hers = await start(alice, "up2");
    const his = await start(bob, "up2");
    const wrong = [hers, `${hers}A`, "up2-1", "", "up2:up2-1"];
    const listening = await bob.listen({ taskIds: [...wrong, his], toolsListChanged: true });
    expect(await promised(listening)).toEqual({ toolsListChanged: true, taskIds: [his] });
    const nothing = await bob.listen({ taskIds: wrong });
    expect(await promised(nothing)).toEqual({});
    const elsewhere = await modernAgent(gateway.of("up1"), { ...CAN, name: "bob" }).listen({ taskIds: [his] });
    expect(await promised(elsewhere)).toEqual({});
    const hearing = await alice.listen({ taskIds: [hers] });
    await promised(hearing);
    await cancel(alice, hers);
    await news(hearing);
    await cancel(bob, his);
    await news(listening);
    expect(statuses(listening).map(({ params }) => params?.taskId)).toEqual([his]);
    expect(statuses(hearing).map(({ params }) => params?.taskId)).toEqual([hers]);
    expect([...statuses(nothing), ...statuses(elsewhere)]).toEqual([]);
    expect(JSON.stringify(listens(two))).not.toContain(hers);
  });

  test("is not promised what the upstream does not promise", async () => {
    const { gateway, two } = await behind();
    const agent = modernAgent(gateway.url, CAN);
    const id = await start(agent, "up2");
    two.knowsTask = () => false;
    expect(await promised(await agent.listen({ taskIds: [id] }))).toEqual({});
  });

  test("hears how it is once the upstream can be heard again", async () => {
    const { gateway, two } = await behind();
    const agent = modernAgent(gateway.url, CAN);
    const id = await start(agent, "up2");
    const listening = await agent.listen({ taskIds: [id] });
    await promised(listening);
    two.endListening();
    const { params } = await news(listening);
    expect(params).toMatchObject({ taskId: id, status: "input_required", inputRequests: {} });
    expect(params).not.toHaveProperty("resultType");
    await cancel(agent, id);
    expect((await news(listening, "cancelled")).params).toMatchObject({
      taskId: id,
      status: "cancelled",
    });
  });

  test("is told over stdio as well", async () => {
    const { gateway } = await behind();
    const agent = keep(await stdioAgent(process.execPath, [GATEWAY, "mcp", "proxy", "stdio"], { cwd: gateway.dir }));
    const _meta = { [`${META}protocolVersion`]: "2026-07-28", [`${META}clientCapabilities`]: CAN.capabilities };
    const call = await agent.request("tools/call", { _meta, name: "up1:work", arguments: {} });
    const taskId = call.message?.result?.taskId;
    const listening = agent.request("subscriptions/listen", { _meta, notifications: { taskIds: [taskId] } });
    listening.catch(() => {});
    await agent.inbox.next(line => line.includes(ACKNOWLEDGED));
    await agent.request("tasks/cancel", { _meta, taskId });
    const told = JSON.parse(await agent.inbox.next(line => line.includes(`"${STATUS}"`))) as RpcMessage;
    expect(told.params).toMatchObject({ taskId, status: "cancelled" });
  });
});

test("an agent that has not declared the extension may follow no task", async () => {
  const { gateway } = await behind();
  const { status, message } = await modernAgent(gateway.url).request("subscriptions/listen", {
    notifications: { taskIds: ["x"] },
  });
  expect([status, message?.error]).toEqual([
    400,
    expect.objectContaining({ code: -32021, data: { requiredCapabilities: { extensions: { [TASKS]: {} } } } }),
  ]);
});

test.each([
  [{ taskIds: "x" }],
  [{ taskIds: [1] }],
  [
    {
      taskIds: Array(1001)
        .fill("a")
        .map((a, at) => a + at),
    },
  ],
])("task ids that are none are refused", async notifications => {
  const { gateway } = await behind();
  const { message } = await modernAgent(gateway.url, CAN).request("subscriptions/listen", { notifications });
  expect(message?.error?.code).toBe(-32602);
});
