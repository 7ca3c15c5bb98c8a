import { describe, expect, test } from "vitest";
import { upstreamCommand } from "../fixtures/build.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { accept, type PoolRun, plain, questionsOf, startPool } from "../fixtures/pool.ts";
import type { Json, RunContext } from "../fixtures/upstream/contract.ts";
import { type StartOptions, startUpstream, type Upstream } from "../fixtures/upstream/upstream.ts";

const keep = useCleanup();
const ABLE: Json = { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} };
const NAME = { requestedSchema: { type: "object", properties: { name: { type: "string" } } } };

/** A tool with a side effect that shows: it counts its runs, then asks, and says what it was told. */
function addAsking(upstream: Upstream, run: (context: RunContext) => Promise<string>): { readonly runs: () => number } {
  let runs = 0;
  const definition = { name: "asking", description: "Asks", inputSchema: { type: "object" } };
  upstream.tools.set("asking", {
    definition,
    async run(_args, context) {
      runs++;
      return { content: [{ type: "text", text: await run(context) }] };
    },
  });
  return { runs: () => runs };
}

const elicit = (message: string): Json => ({ method: "elicitation/create", params: { message, ...NAME } });

async function legacy(options: StartOptions = {}): Promise<{ upstream: Upstream; run: PoolRun }> {
  const upstream = keep(await startUpstream({ era: "legacy", ...options }));
  const run = keep(await startPool({ transport: upstream.options.transport, url: upstream.url }));
  return { upstream, run };
}

describe.each(["http", "sse"] as const)("an upstream of an older revision over %s", transport => {
  test("asks its agent in the middle of a call, in several rounds, and the tool runs once", async () => {
    const { upstream, run } = await legacy({ transport });
    const tool = addAsking(upstream, async context => {
      const first = await context.ask(elicit("Who?"));
      const second = await context.ask(elicit("Really?"));
      return JSON.stringify([first, second]);
    });
    const saying = { capabilities: ABLE };
    const who = await run.call("asking", {}, saying);
    const questions = questionsOf(who);
    expect(Object.values(questions)).toEqual([
      { method: "elicitation/create", params: { message: "Who?", ...NAME, mode: "form" } },
    ]);
    const answers = Object.fromEntries(Object.keys(questions).map(key => [key, accept({ name: "Ada" })]));
    const really = await run.answer(who, answers, ["asking", {}, saying]);
    const [key = "", question] = Object.entries(questionsOf(really))[0] ?? [];
    expect(question).toMatchObject({ params: { message: "Really?" } });
    const done = await run.answer(really, { [key]: { action: "decline" } }, ["asking", {}, saying]);
    expect(plain(done)).toMatchObject({
      content: [{ text: JSON.stringify([accept({ name: "Ada" }), { action: "decline" }]) }],
    });
    expect(tool.runs()).toBe(1);
  });

  test("asks several things at once, and is told each", async () => {
    const { upstream, run } = await legacy({ transport });
    const tool = addAsking(upstream, async context => {
      const sample = { method: "sampling/createMessage", params: { messages: [], maxTokens: 1 } };
      const all = [elicit("A"), sample, { method: "roots/list" }];
      return JSON.stringify(await Promise.all(all.map(one => context.ask(one))));
    });
    const saying = { capabilities: ABLE };
    const asked = await run.call("asking", {}, saying);
    const results: Record<string, Json> = {
      "elicitation/create": accept({ name: "x" }),
      "sampling/createMessage": { role: "assistant", content: { type: "text", text: "y" }, model: "m" },
      "roots/list": { roots: [{ uri: "file:///z" }] },
    };
    const entries = Object.entries(questionsOf(asked));
    expect(entries).toHaveLength(3);
    const answers = Object.fromEntries(entries.map(([key, { method }]) => [key, results[String(method)]]));
    const done = await run.answer(asked, answers, ["asking", {}, saying]);
    expect(plain(done)).toMatchObject({ content: [{ text: JSON.stringify(Object.values(results)) }] });
    expect(tool.runs()).toBe(1);
  });

  test("is told that an agent cannot be asked what it has not declared", async () => {
    const { upstream, run } = await legacy({ transport });
    addAsking(upstream, context => context.ask(elicit("Who?")).then(String, error => `refused ${error.code}`));
    for (const capabilities of [{}, { sampling: {} }]) {
      const outcome = await run.call("asking", {}, { capabilities, owner: JSON.stringify(capabilities) });
      expect(plain(outcome)).toMatchObject({ content: [{ text: "refused -32601" }] });
    }
    const urlOnly = await run.call("asking", {}, { capabilities: { elicitation: { url: {} } }, owner: "u" });
    expect(plain(urlOnly)).toMatchObject({ content: [{ text: "refused -32602" }] });
  });

  test("is shown the capabilities of the agent whose conversation it is, and none on the shared one", async () => {
    const { upstream, run } = await legacy({ transport });
    await run.call("add", { a: 1, b: 1 }, { capabilities: { ...ABLE, unheard: {}, roots: { listChanged: true } } });
    await run.call("add", { a: 1, b: 1 }, { capabilities: {} });
    await run.call(
      "add",
      { a: 1, b: 1 },
      { capabilities: { roots: {}, elicitation: { url: {}, form: {} }, sampling: {} } },
    );
    const shown = upstream.journal.sent("initialize").map(({ message }) => message?.params?.capabilities);
    expect(shown).toEqual([{}, ABLE, {}]);
  });
});

describe("a parked call", () => {
  const saying = { capabilities: ABLE };
  const asking = async (more: (context: RunContext) => Promise<unknown> = async () => {}) => {
    const started = await legacy();
    const tool = addAsking(started.upstream, async context => {
      const answer = await context.ask(elicit("Who?"));
      await more(context);
      return JSON.stringify(answer);
    });
    return { ...started, tool, asked: await started.run.call("asking", {}, saying) };
  };
  const INVALID = { error: { code: -32602 } };

  test("goes on once: its ticket is worth nothing the second time", async () => {
    const { run, asked, tool } = await asking();
    const [key = ""] = Object.keys(questionsOf(asked));
    const answers = { [key]: accept({ name: "Ada" }) };
    const [one, two] = await Promise.all([
      run.answer(asked, answers, ["asking", {}, saying]),
      run.answer(asked, answers, ["asking", {}, saying]),
    ]);
    expect(plain(one)).toMatchObject({ content: [{ type: "text" }] });
    expect(plain(two)).toMatchObject(INVALID);
    expect(plain(await run.answer(asked, answers, ["asking", {}, saying]))).toMatchObject(INVALID);
    expect(tool.runs()).toBe(1);
  });

  test("is nobody else's, and a stranger's attempt does not use its ticket up", async () => {
    const { run, asked, tool } = await asking();
    const [key = ""] = Object.keys(questionsOf(asked));
    const answers = { [key]: accept({ name: "Ada" }) };
    const stranger = await run.answer(asked, answers, ["asking", {}, { ...saying, owner: "mallory" }]);
    expect(plain(stranger)).toMatchObject(INVALID);
    expect(plain(await run.answer(asked, answers, ["asking", {}, saying]))).toMatchObject({ content: [{}] });
    expect(tool.runs()).toBe(1);
  });

  test("asks again what was not answered", async () => {
    const { run, asked, tool } = await asking();
    const [key = ""] = Object.keys(questionsOf(asked));
    const again = await run.answer(asked, { other: accept({}) }, ["asking", {}, saying]);
    expect(questionsOf(again)).toEqual(questionsOf(asked));
    const done = await run.answer(again, { [key]: accept({ name: "Ada" }) }, ["asking", {}, saying]);
    expect(plain(done)).toMatchObject({ content: [{}] });
    expect(tool.runs()).toBe(1);
  });

  test("tells the agent that came back of its progress, not the request that asked", async () => {
    const first: never[] = [];
    const { upstream, run } = await legacy();
    addAsking(upstream, async context => {
      await context.ask(elicit("Who?"));
      context.progress(1, 2);
      context.log("info", "on it");
      return "done";
    });
    const meta = { progressToken: "t" };
    const asked = await run.call("asking", {}, { ...saying, meta, notices: first });
    const [key = ""] = Object.keys(questionsOf(asked));
    const notices: { method: string }[] = [];
    await run.answer(asked, { [key]: accept({}) }, ["asking", {}, { ...saying, meta, notices: notices as never[] }]);
    expect(first).toEqual([]);
    expect(notices.map(({ method }) => method)).toEqual(["notifications/progress", "notifications/message"]);
  });

  test("is cancelled at the upstream when its agent gives up while it goes on", async () => {
    const { upstream, run, asked } = await asking(
      ({ signal }) => new Promise(resolve => signal.addEventListener("abort", resolve)),
    );
    const [key = ""] = Object.keys(questionsOf(asked));
    const controller = new AbortController();
    const going = run.answer(asked, { [key]: accept({}) }, ["asking", {}, { ...saying, signal: controller.signal }]);
    await upstream.journal.until(({ requests }) => requests.some(({ message }) => message?.result !== undefined));
    controller.abort();
    expect(plain(await going)).toEqual({ kind: "cancelled" });
    await upstream.journal.until(({ cancelled }) => cancelled.some(({ name }) => name === "asking"));
  });

  test("whose upstream is gone has an unknown outcome, and is not run again", async () => {
    const { upstream, run, asked, tool } = await asking();
    await upstream.restart();
    const [key = ""] = Object.keys(questionsOf(asked));
    const outcome = await run.answer(asked, { [key]: accept({}) }, ["asking", {}, saying]);
    const delivery = expect.stringMatching(/^(sent_unknown|partial)$/);
    expect(plain(outcome)).toMatchObject({ kind: "upstream", fault: "connection_lost", delivery });
    expect(tool.runs()).toBe(1);
  });

  test("is cancelled at the upstream when the gateway stops", async () => {
    const { upstream, run } = await asking();
    await run.close();
    await upstream.journal.until(({ cancelled }) => cancelled.some(({ name }) => name === "asking"));
  });

  test("is cancelled at the upstream when its agent has gone for good", async () => {
    const { upstream, run } = await asking();
    run.pool.release(run.caller(saying).owner);
    await upstream.journal.until(({ cancelled }) => cancelled.some(({ name }) => name === "asking"));
  });

  test("has a place only while there are few of its owner's; then the upstream is told so", async () => {
    const { run, upstream } = await asking();
    addAsking(upstream, context => context.ask(elicit("Who?")).then(String, error => `refused ${error.code}`));
    const more = Array.from({ length: 15 }, () => run.call("asking", {}, saying));
    for (const outcome of await Promise.all(more)) questionsOf(outcome);
    expect(plain(await run.call("asking", {}, saying))).toMatchObject({ content: [{ text: "refused -32603" }] });
    questionsOf(await run.call("asking", {}, { ...saying, owner: "bob" }));
  });
});

describe("a child that asks", () => {
  const child = (isolation: string, ...args: string[]) =>
    startPool({ transport: "stdio", isolation, ...upstreamCommand("--era", "legacy", ...args) });
  const about = ["test_elicitation", { message: "Who?" }, { capabilities: ABLE }] as const;

  test("asks the agent that has it to itself", async () => {
    const run = keep(await child("per_agent"));
    const asked = await run.call(...about);
    const [key = ""] = Object.keys(questionsOf(asked));
    const done = await run.answer(asked, { [key]: accept({ username: "Ada" }) }, about);
    expect(plain(done)).toMatchObject({
      content: [{ text: 'User response: action=accept, content={"username":"Ada"}' }],
    });
  });

  test("works on one call of its agent at a time, so that every question finds its own", async () => {
    const run = keep(await child("per_agent"));
    const order: string[] = [];
    const asked = await run.call(...about);
    const next = run.call("add", { a: 1, b: 2 }, { capabilities: ABLE }).then(outcome => {
      order.push("next");
      return outcome;
    });
    const [key = ""] = Object.keys(questionsOf(asked));
    order.push("answered");
    await run.answer(asked, { [key]: accept({}) }, about);
    expect(plain(await next)).toMatchObject({ content: [{ text: "3" }] });
    expect(order).toEqual(["answered", "next"]);
  });

  test("is told of no capabilities when all agents share it", async () => {
    const run = keep(await child("shared"));
    expect(plain(await run.call(...about))).toMatchObject({ error: { code: -32600 } });
  });
});

describe("an upstream that wants a URL visited first", () => {
  const url = "https://example.com/connect";
  const error = {
    code: -32042,
    message: "This request requires more information.",
    data: { elicitations: [{ mode: "url", elicitationId: "e-1", url, message: "Connect" }] },
  };
  const demanding = async () => {
    const started = await legacy();
    started.upstream.when({ name: "count", times: 1 }, { do: "error", error });
    return started;
  };

  test("has its call made again once the agent agrees", async () => {
    const { run } = await demanding();
    const saying = { capabilities: ABLE };
    const asked = await run.call("count", {}, saying);
    const [[key = "", question] = []] = Object.entries(questionsOf(asked));
    expect(question).toEqual({ method: "elicitation/create", params: { mode: "url", url, message: "Connect" } });
    const done = await run.answer(asked, { [key]: { action: "accept" } }, ["count", {}, saying]);
    expect(plain(done)).toMatchObject({ content: [{ text: "1" }] });
  });

  test("is not called again when the agent declines", async () => {
    const { run, upstream } = await demanding();
    const saying = { capabilities: ABLE };
    const asked = await run.call("count", {}, saying);
    const [key = ""] = Object.keys(questionsOf(asked));
    const declined = await run.answer(asked, { [key]: { action: "decline" } }, ["count", {}, saying]);
    expect(plain(declined)).toMatchObject({ error: { code: -32602 } });
    expect(upstream.journal.executions).toEqual([]);
  });

  test("names the capability that an agent lacks for it", async () => {
    const { run } = await demanding();
    expect(plain(await run.call("count"))).toMatchObject({
      error: { code: -32021, data: { requiredCapabilities: { elicitation: { url: {} } } } },
    });
  });
});

describe("a modern upstream", () => {
  const TOOL = "test_input_required_result_multi_round";
  const pools: readonly (readonly [string, () => Promise<PoolRun>])[] = [
    [
      "over HTTP",
      async () => {
        const upstream = keep(await startUpstream({ era: "modern" }));
        return startPool({ transport: "http", url: upstream.url });
      },
    ],
    ["over stdio", () => startPool({ transport: "stdio", ...upstreamCommand("--era", "modern") })],
  ];

  test.each(pools)("%s asks, and gets the answers with exactly its own state back", async (_name, start) => {
    const run = keep(await start());
    const saying = { capabilities: ABLE };
    const first = await run.call(TOOL, {}, saying);
    expect(Object.keys(questionsOf(first))).toEqual(["step1"]);
    const second = await run.answer(first, { step1: accept({ name: "Ada" }) }, [TOOL, {}, saying]);
    expect(Object.keys(questionsOf(second))).toEqual(["step2"]);
    const done = await run.answer(second, { step2: accept({ color: "blue" }) }, [TOOL, {}, saying]);
    expect(plain(done)).toMatchObject({ content: [{ text: "Ada likes blue" }] });
  });

  test("that gave no state gets none", async () => {
    const upstream = keep(await startUpstream({ era: "modern" }));
    const run = keep(await startPool({ transport: "http", url: upstream.url }));
    const tool = "test_input_required_result_elicitation";
    const asked = await run.call(tool, {}, { capabilities: ABLE });
    await run.answer(asked, { user_name: accept({ name: "Ada" }) }, [tool, {}, { capabilities: ABLE }]);
    const [first, second] = upstream.journal.sent("tools/call").map(({ message }) => message);
    expect(Object.keys(second?.params ?? {}).sort()).toEqual(["_meta", "arguments", "inputResponses", "name"]);
    expect(second?.id).not.toEqual(first?.id);
  });

  test("sees with each request what this agent can be asked for", async () => {
    const upstream = keep(await startUpstream({ era: "modern" }));
    const run = keep(await startPool({ transport: "http", url: upstream.url }));
    const extensions = { "io.modelcontextprotocol/ui": { mimeTypes: ["text/html"] }, "com.example/own": {} };
    await run.call("add", { a: 1, b: 1 }, { capabilities: { roots: { listChanged: true }, extensions, x: {} } });
    await run.call("add", { a: 1, b: 1 }, {});
    const shown = upstream.journal.sent("tools/call").map(({ message }) => {
      const meta = message?.params?._meta as Json;
      return meta["io.modelcontextprotocol/clientCapabilities"];
    });
    expect(shown).toEqual([{ roots: {}, extensions }, {}]);
  });
});
