import { describe, expect, test } from "vitest";
import type { Notice } from "../../src/core/call.ts";
import type { AgentContact } from "../../src/core/front.ts";
import { Payload } from "../../src/core/payload.ts";
import { systemClock } from "../../src/lib/clock.ts";
import type { Listener } from "../../src/upstream/notifications/topics.ts";
import { upstreamCommand } from "../fixtures/build.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { type PoolRun, plain, type Saying, startPool } from "../fixtures/pool.ts";
import { asObject, type Json } from "../fixtures/upstream/contract.ts";
import { type StartOptions, startUpstream, type Upstream } from "../fixtures/upstream/upstream.ts";

const keep = useCleanup();
const URI = "test://watched-resource";
const OTHER = "test://static-text";

async function behind(options: StartOptions): Promise<{ upstream: Upstream; run: PoolRun }> {
  const upstream = keep(await startUpstream(options));
  const run = keep(
    await startPool({ transport: upstream.options.transport, url: upstream.url, health_check_interval: 60 }),
  );
  return { upstream, run };
}

const listener = (uri: string, told: (params: Payload) => void): Listener => ({
  topic: { kind: "resource", name: uri },
  told,
  missed: false,
});

/** Subscribes, and counts the changes that it is told of. */
async function watch(run: PoolRun, uri: string, saying: Saying = {}) {
  const seen: Json[] = [];
  const waiting: { least: number; resolve(): void }[] = [];
  const subscription = await run.upstream.subscribe(
    run.caller(saying),
    listener(uri, params => {
      seen.push(params.value());
      for (const { least, resolve } of waiting) if (seen.length >= least) resolve();
    }),
  );
  if (subscription.kind === "failed") throw new Error(JSON.stringify(subscription.failure));
  const until = (least: number) =>
    seen.length >= least ? Promise.resolve() : new Promise<void>(resolve => waiting.push({ least, resolve }));
  return { seen, until, close: subscription.close };
}

const PEERS: readonly (readonly [string, StartOptions])[] = [
  ["2026-07-28 over HTTP", { era: "modern" }],
  ["2025-11-25 over HTTP", { era: "legacy" }],
  ["2024-11-05 over HTTP+SSE", { transport: "sse" }],
];
describe.each(PEERS)("an upstream of %s", (_name, options) => {
  test("tells of a resource whoever subscribed to it, and nobody else", async () => {
    const { upstream, run } = await behind(options);
    const alice = await watch(run, URI);
    const bob = await watch(run, OTHER, { owner: "bob" });
    await untilListening(upstream);
    upstream.updated(URI);
    await alice.until(1);
    expect(alice.seen).toEqual([{ uri: URI }]);
    expect(bob.seen).toEqual([]);
  });

  test("is not told twice of the same wish, and hears when nobody has it any more", async () => {
    const { upstream, run } = await behind(options);
    const one = await watch(run, URI);
    const two = await watch(run, URI);
    await untilListening(upstream);
    one.close();
    upstream.updated(URI);
    await two.until(1);
    expect(one.seen).toEqual([]);
    two.close();
    two.close();
    if (options.era === "modern") {
      await upstream.journal.until(({ sent }) => filtersOf(sent("subscriptions/listen")).at(-1) === undefined);
      expect(filtersOf(upstream.journal.sent("subscriptions/listen"))).toEqual([undefined, [URI], undefined]);
    } else {
      await upstream.journal.until(({ sent }) => sent("resources/unsubscribe").length === 1);
      expect(upstream.journal.sent("resources/subscribe")).toHaveLength(1);
    }
  });

  test("is asked again when it is back, and everybody who listened is told that something may have changed", async () => {
    const { upstream, run } = await behind(options);
    const alice = await watch(run, URI);
    await untilListening(upstream);
    await upstream.restart();
    await alice.until(1);
    expect(alice.seen).toEqual([{ uri: URI }]);
    await untilListening(upstream);
    upstream.updated(URI);
    await alice.until(2);
  });
});

const filtersOf = (requests: readonly { message: { params?: Json } | undefined }[]) =>
  requests.map(({ message }) => asObject(message?.params?.notifications).resourceSubscriptions);

/** The upstream sends what it has to say to those who listen at that moment. */
async function untilListening(upstream: Upstream): Promise<void> {
  let told = false;
  const probe = { list: () => {}, updated: () => {}, elicited: () => {}, task: () => {}, end: () => {} };
  while (!told) {
    upstream.subscribers.delete(probe);
    told = upstream.subscribers.size > (upstream.options.era === "legacy" ? 1 : 0);
    await new Promise(resolve => setImmediate(resolve));
  }
}

describe("a subscription", () => {
  test("is tried where it is not declared, and the upstream's own word decides", async () => {
    const upstream = keep(await startUpstream({ era: "legacy" }));
    // Servers of some SDKs watch resources and never declare that.
    upstream.extraCapabilities = { resources: {} };
    const run = keep(await startPool({ transport: "http", url: upstream.url }));
    const subscribe = () =>
      run.upstream.subscribe(
        run.caller(),
        listener(URI, () => {}),
      );
    expect(await subscribe()).toMatchObject({ kind: "open" });
    const error = { code: -32601, message: "Method not found" };
    upstream.script.add({ method: "resources/subscribe" }, { do: "error", error });
    const other = listener(`${URI}/other`, () => {});
    expect(await run.upstream.subscribe(run.caller(), other)).toMatchObject({
      kind: "failed",
      failure: { kind: "answered" },
    });
  });

  test("to an upstream that has no stream to tell of changes is refused, whatever it says", async () => {
    const { run } = await behind({ era: "legacy", sessions: false });
    const refused = await run.upstream.subscribe(
      run.caller(),
      listener(URI, () => {}),
    );
    expect(refused).toMatchObject({ kind: "failed", failure: { kind: "unknown_method" } });
  });

  test("survives a stream that breaks, and tells that something may have been missed", async () => {
    const { upstream, run } = await behind({ era: "legacy" });
    const alice = await watch(run, URI);
    await untilListening(upstream);
    upstream.forgetSessions();
    await alice.until(1);
    upstream.updated(URI);
    await alice.until(2);
  });

  test("that the upstream refuses is refused in its own words", async () => {
    const { upstream, run } = await behind({ era: "legacy" });
    upstream.when(
      { method: "resources/subscribe" },
      { do: "error", error: { code: -32002, message: "No such thing" } },
    );
    const refused = await run.upstream.subscribe(
      run.caller(),
      listener(URI, () => {}),
    );
    expect(refused).toMatchObject({ kind: "failed", failure: { kind: "answered" } });
  });

  test.each(["legacy", "modern"])("at a (%s) child is on the one that its agent has", async era => {
    for (const isolation of ["shared", "per_agent"]) {
      const run = keep(await startPool({ transport: "stdio", isolation, ...upstreamCommand("--era", era) }));
      const [alice] = await Promise.all([watch(run, URI), watch(run, URI), watch(run, OTHER)]);
      expect(run.upstream.keeps(run.caller().owner)).toBe(isolation === "per_agent");
      alice?.close();
    }
  });
});

describe("what an upstream says outside a call", () => {
  const ABLE = { roots: {}, elicitation: {} };
  const contactOf = (told: Notice[], roots: Json): AgentContact => ({
    ask: async question =>
      question.string("method") === "roots/list"
        ? { kind: "result", result: Payload.of(roots) }
        : { kind: "error", error: Payload.of({ code: -1, message: "User rejected" }) },
    tell: notice => void told.push(notice),
  });

  test("reaches the agent that can be reached, and its answer comes back", async () => {
    const { upstream, run } = await behind({ transport: "sse" });
    const told: Notice[] = [];
    run.contacts.set("alice", contactOf(told, { roots: [{ uri: "file:///home" }] }));
    await run.call("add", { a: 1, b: 1 }, { capabilities: ABLE });
    const alice = await watch(run, URI, { capabilities: ABLE });
    const question = { id: "r-1", method: "roots/list" };
    const log = { method: "notifications/message", params: { level: "info", data: "hello" } };
    upstream.when({ method: "resources/unsubscribe" }, { do: "notify", messages: [question, log] });
    alice.close();
    await upstream.journal.until(({ requests }) => requests.some(({ message }) => message?.id === "r-1"));
    const answer = upstream.journal.requests.find(({ message }) => message?.id === "r-1")?.message;
    expect(answer?.result).toEqual({ roots: [{ uri: "file:///home" }] });
    expect(told.map(({ params }) => params.value())).toEqual([log.params]);
  });

  const ANSWERS: readonly (readonly [string, Json, Json | undefined, Json])[] = [
    ["a question to nobody", { method: "roots/list" }, ABLE, { error: { code: -32602 } }],
    ["a question that was never allowed", { method: "sampling/createMessage" }, ABLE, { error: { code: -32601 } }],
    ["a method that does not exist", { method: "no/such" }, ABLE, { error: { code: -32601 } }],
    ["a ping", { method: "ping" }, ABLE, { result: {} }],
    ["a question on a conversation without capabilities", { method: "roots/list" }, {}, { error: { code: -32601 } }],
  ];
  test.each(ANSWERS)("%s is answered at once", async (_name, question, capabilities, expected) => {
    const { upstream, run } = await behind({ transport: "sse" });
    const alice = await watch(run, URI, capabilities ? { capabilities } : {});
    upstream.when({ method: "resources/unsubscribe" }, { do: "notify", messages: [{ id: 77, ...question }] });
    alice.close();
    const isAnswer = ({ message }: { message: Json | undefined }): boolean =>
      message?.id === 77 && message.method === undefined;
    await upstream.journal.until(({ requests }) => requests.some(request => isAnswer(request as never)));
    expect(upstream.journal.requests.find(request => isAnswer(request as never))?.message).toMatchObject(expected);
  });

  test("about its lists on one agent's conversation is news for all", async () => {
    const { upstream, run } = await behind({ era: "legacy" });
    await run.call("add", { a: 1, b: 1 }, { capabilities: ABLE });
    const before = upstream.journal.sent("tools/list").length;
    upstream.announce("tools");
    await upstream.journal.until(({ sent }) => sent("tools/list").length > before);
    expect(plain(await run.call("add", { a: 1, b: 1 }))).toMatchObject({ content: [{ text: "2" }] });
  });
});

describe("an upstream that objects to our request", () => {
  test("about its headers is read anew and gets it once more", async () => {
    const { upstream, run } = await behind({ era: "modern" });
    const lists = upstream.journal.sent("tools/list").length;
    const error = { code: -32020, message: "Mcp-Param-Region is missing" };
    const forgive = upstream.when({ name: "count", times: 1 }, { do: "error", error });
    expect(plain(await run.call("count"))).toMatchObject({ content: [{ text: "1" }] });
    expect(upstream.journal.sent("tools/list").length).toBe(lists + 1);
    forgive();
    upstream.when({ name: "count" }, { do: "error", error });
    expect(plain(await run.call("count"))).toMatchObject({ fault: "protocol_error", delivery: "refused" });
  });

  test("about its headers gets those of the definition that it has now", async () => {
    const { upstream, run } = await behind({ era: "modern" });
    const tool = upstream.tools.get("add");
    const properties = { a: { type: "integer", "x-mcp-header": "A" }, b: { type: "number" } };
    const definition = { name: "add", description: "Adds", inputSchema: { type: "object", properties } };
    if (tool) upstream.tools.set("add", { ...tool, definition });
    expect(plain(await run.call("add", { a: 1, b: 2 }))).toMatchObject({ content: [{ text: "3" }] });
    expect(upstream.journal.sent("tools/call").map(({ headers }) => headers["mcp-param-a"])).toEqual([undefined, "1"]);
  });

  test("about its revision is greeted anew and gets it once more", async () => {
    let later = 0;
    const clock = { ...systemClock, now: () => systemClock.now() + later };
    const upstream = keep(await startUpstream({ era: "modern" }));
    const run = keep(await startPool({ transport: "http", url: upstream.url }, { clock }));
    // An upstream is greeted once a second at most.
    later = 2_000;
    const error = { code: -32022, message: "Unsupported protocol version", data: { supported: ["2026-07-28"] } };
    upstream.when({ name: "count", times: 1 }, { do: "error", error });
    expect(plain(await run.call("count"))).toMatchObject({ content: [{ text: "1" }] });
    expect(upstream.journal.sent("server/discover")).toHaveLength(2);
  });
});
