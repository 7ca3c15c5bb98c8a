import { PassThrough } from "node:stream";
import { describe, expect, onTestFinished, test } from "vitest";
import { createInbox } from "../../test/fixtures/agents/wire.ts";
import { asks, done, type FakeFrontOptions, fakeFront } from "../../test/fixtures/front/fake-front.ts";
import type { Json } from "../../test/fixtures/front/session.ts";
import type { Payload } from "../core/payload.ts";
import { createRequestLimit } from "../guard/request-limit.ts";
import { serveStdio } from "./stdio.ts";

const META = "io.modelcontextprotocol/";
const modern = (capabilities: Json = {}): Json => ({
  _meta: { [`${META}protocolVersion`]: "2026-07-28", [`${META}clientCapabilities`]: capabilities },
});

/** An agent on a pair of streams. */
function agent(options: FakeFrontOptions = {}) {
  const front = fakeFront(options);
  const [input, output] = [new PassThrough(), new PassThrough()];
  const inbox = createInbox<Json>();
  let pending = "";
  output.on("data", (chunk: Buffer) => {
    const lines = (pending + chunk.toString()).split("\n");
    pending = lines.pop() ?? "";
    for (const line of lines) inbox.push(JSON.parse(line));
  });
  const served = serveStdio({ front, input, output });
  onTestFinished(async () => {
    input.end();
    await served.ended;
    served.close();
  });
  const say = (value: Json | Json[]): void => {
    const text = Array.isArray(value) ? value.map(one => ({ jsonrpc: "2.0", ...one })) : { jsonrpc: "2.0", ...value };
    input.write(`${JSON.stringify(text)}\n`);
  };
  return {
    ...{ front, input, served, inbox, say },
    answer: (id: unknown) => inbox.next(one => one.id === id && ("result" in one || "error" in one)),
    async open(version: string, capabilities: Json = {}) {
      const clientInfo = { name: "t", version: "1" };
      say({ id: "open", method: "initialize", params: { protocolVersion: version, capabilities, clientInfo } });
      await inbox.next(({ id }) => id === "open");
    },
  };
}

const question = { method: "elicitation/create", params: { message: "Name?", requestedSchema: {} } };
const askOnce = {
  handle: ({ params }: { params: Payload }) =>
    params.has("requestState") ? done({ content: [] }) : asks({ a: question }),
};

describe("one pipe", () => {
  test("carries both kinds of agents at once, each asked in its own way, under the same ids", async () => {
    const { say, answer, inbox, open, front } = agent(askOnce);
    await open("2025-11-25", { elicitation: {} });
    say({ id: 1, method: "tools/call", params: { name: "run" } });
    const asked = await inbox.next(({ method }) => method === "elicitation/create");
    say({ id: 1, method: "tools/call", params: { name: "run", ...modern({ elicitation: {} }) } });
    expect(await answer(1)).toMatchObject({
      result: { resultType: "input_required", inputRequests: { a: question }, requestState: "sealed" },
    });
    say({ id: asked.id, result: { action: "decline" } });
    const final = await inbox.next(({ id, result }) => id === 1 && (result as Json)?.resultType === undefined);
    expect(final).toEqual({ jsonrpc: "2.0", id: 1, result: { content: [] } });
    expect(front.calls.map(({ caller }) => caller.capabilities.has("elicitation"))).toEqual([true, true, true]);
  });

  test("carries subscriptions, told apart by their ids, until they are cancelled", async () => {
    const { say, inbox, front } = agent();
    const notifications = { toolsListChanged: true, resourceSubscriptions: ["test://one"] };
    const listen = (id: string | number) =>
      say({ id, method: "subscriptions/listen", params: { notifications, ...modern() } });
    const of = (id: unknown) =>
      inbox.all.filter(one => ((one.params as Json)?._meta as Json)?.[`${META}subscriptionId`] === id);
    const acknowledged = (id: unknown) => inbox.next(() => of(id).length > 0);
    listen(1);
    listen("1");
    await Promise.all([acknowledged(1), acknowledged("1")]);
    say({ method: "notifications/cancelled", params: { requestId: 1 } });
    say({ id: "after", method: "server/discover", params: modern() });
    await inbox.next(({ id }) => id === "after");
    front.changed(["tool"]);
    await inbox.next(({ method }) => method === "notifications/tools/list_changed");
    expect(of(1)).toHaveLength(1);
    expect(of("1").map(({ method }) => method)).toEqual([
      "notifications/subscriptions/acknowledged",
      "notifications/tools/list_changed",
    ]);
    expect(front.subscribed.map(({ closed }) => closed)).toEqual([true, false]);
    expect(inbox.all.some(({ id }) => id === 1)).toBe(false);
  });

  test("carries batches for revisions that have them, and answers each with one array", async () => {
    const { say, inbox, open } = agent();
    await open("2025-03-26");
    say([
      { id: 1, method: "ping" },
      { method: "notifications/initialized" },
      { id: 2, method: "tools/call", params: { name: "run" } },
    ]);
    const answers = (await inbox.next(Array.isArray)) as unknown as Json[];
    expect(new Set(answers.map(({ id }) => id))).toEqual(new Set([1, 2]));
  });

  test("refuses batches otherwise, and everything before the handshake but a ping", async () => {
    const { say, inbox, answer, open } = agent();
    say([{ id: 1, method: "ping" }]);
    expect(await inbox.next(({ error }) => error !== undefined)).toMatchObject({ error: { code: -32600 } });
    say({ id: 2, method: "ping" });
    expect(await answer(2)).toMatchObject({ result: {} });
    say({ id: 3, method: "tools/list" });
    expect(await answer(3)).toMatchObject({ error: { code: -32600 } });
    await open("2025-11-25");
    say([{ id: 4, method: "ping" }]);
    await inbox.next(() => inbox.all.filter(({ id, error }) => id === undefined && error !== undefined).length === 2);
  });

  test("answers text that is no message with an error, and goes on", async () => {
    const { input, inbox, say, answer } = agent();
    input.write(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d, 0x0a]));
    input.write("{nope\n");
    await inbox.next(() => inbox.all.length === 2);
    expect(inbox.all.map(({ error }) => (error as Json).code)).toEqual([-32700, -32700]);
    say({ id: 1, method: "ping" });
    expect(await answer(1)).toMatchObject({ result: {} });
  });

  test("that is closed ends calls, subscriptions and the conversation", async () => {
    const { input, served, say, open, front, inbox } = agent({
      handle: ({ signal }) =>
        new Promise(resolve => signal.onAbort(() => resolve({ kind: "failed", failure: { kind: "cancelled" } }))),
    });
    await open("2025-11-25");
    say({ id: 1, method: "tools/call", params: { name: "run" } });
    say({ id: 2, method: "tools/call", params: { name: "run", ...modern() } });
    const notifications = { resourceSubscriptions: ["test://one"] };
    say({ id: 3, method: "subscriptions/listen", params: { notifications, ...modern() } });
    await inbox.next(({ method }) => method === "notifications/subscriptions/acknowledged");
    input.end();
    await served.ended;
    served.close();
    expect(front.calls.map(({ signal }) => signal.aborted)).toEqual([true, true]);
    await Promise.resolve();
    expect(front.subscribed[0]?.closed).toBe(true);
    expect(front.released).toEqual(["stdio"]);
  });

  test("that is told to end takes nothing new, alone or in a batch, and lets go on what runs", async () => {
    const { served, say, answer, inbox, front } = agent({ handle: async () => done({ content: [] }) });
    say({ id: 1, method: "initialize", params: { protocolVersion: "2025-03-26", capabilities: {} } });
    await answer(1);
    await served.drain(0);
    const params = { name: "run" };
    say({ id: 2, method: "tools/call", params });
    say({ id: 3, method: "tools/call", params: { ...params, ...modern() } });
    say([4, 5].map(id => ({ jsonrpc: "2.0", id, method: "tools/call", params })));
    expect((await answer(2)).error).toMatchObject({ code: -31006 });
    expect((await answer(3)).error).toMatchObject({ code: -31006 });
    const batch = (await inbox.next(message => Array.isArray(message))) as unknown as { error: { code: number } }[];
    expect(batch.map(({ error }) => error.code)).toEqual([-31006, -31006]);
    expect(front.calls).toEqual([]);
    say({ id: 6, method: "tools/call", params: { ...params, ...modern(), requestState: "t" } });
    expect(await answer(6)).toHaveProperty("result");
    expect(served.hears).toBe(true);
  });

  test("whose input has ended still answers what was asked before", async () => {
    const waiting: (() => void)[] = [];
    const { input, served, say, answer, inbox } = agent({
      handle: () => new Promise(resolve => waiting.push(() => resolve(done({ content: [] })))),
    });
    say({ id: 1, method: "tools/call", params: { name: "run", ...modern() } });
    input.end();
    await served.ended;
    const drained = served.drain(60_000);
    expect(inbox.all).toEqual([]);
    for (const finish of waiting) finish();
    expect(await answer(1)).toHaveProperty("result");
    expect(await drained).toBe(0);
  });
});

describe("while a call runs, its id is nobody else's", () => {
  const errors = (inbox: { all: Json[] }) => inbox.all.filter(one => "error" in one);

  test.each(["2025-11-25", "2026-07-28"])("whatever else comes under it (%s)", async version => {
    const going = createInbox<() => void>();
    const { say, answer, inbox, open, input } = agent({
      handle: () => new Promise(resolve => going.push(() => resolve(done({ content: [] })))),
    });
    const more = version === "2025-11-25" ? {} : modern();
    if (version === "2025-11-25") await open(version);
    const call = { id: 7, method: "tools/call", params: { name: "run", ...more } };
    say(call);
    const finish = await going.next(() => true);
    say(call);
    say({ id: 7, method: "tools/call", params: [] as unknown as Json });
    say({ id: 7, method: 5 });
    say({ id: 7, result: "text" });
    input.write('garbage\n{"jsonrpc":"2.0","id":7,\n\0\0\n');
    await inbox.next(() => errors(inbox).length === 7);
    expect(errors(inbox).map(one => "id" in one)).toEqual(new Array(7).fill(false));
    finish();
    expect(await answer(7)).toMatchObject({ id: 7, result: { content: [] } });
    say({ id: 8, method: "tools/call", params: [] as unknown as Json });
    expect(await answer(8)).toMatchObject({ error: { code: -32600 } });
  });
});

test("a store of limits that cannot tell fails the request that asked, and the pipe goes on", async () => {
  const store = { isAway: false };
  const take = async () => {
    if (store.isAway) throw new Error("the store is away");
    return { ok: true } as const;
  };
  const { say, answer, open } = agent({ limit: createRequestLimit({ store: { take }, perMinute: 10 }) });
  await open("2025-11-25");
  store.isAway = true;
  say({ id: 1, method: "tools/list" });
  expect((await answer(1)).error).toMatchObject({ code: -32603 });
  say({ id: 2, method: "tools/list", params: modern() });
  expect((await answer(2)).error).toMatchObject({ code: -32603 });
  store.isAway = false;
  say({ id: 3, method: "tools/list" });
  expect(await answer(3)).toMatchObject({ result: {} });
});
