import { describe, expect, test } from "vitest";
import { ABLE, addAsking, elicit, NAME, startLegacy } from "../fixtures/asking.ts";
import { upstreamCommand } from "../fixtures/build.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { accept, type PoolRun, plain, questionsOf, startPool } from "../fixtures/pool.ts";
import type { Json } from "../fixtures/upstream/contract.ts";
import { type StartOptions, startUpstream } from "../fixtures/upstream/upstream.ts";

const keep = useCleanup();
const legacy = async (options?: StartOptions) => keep(await startLegacy(options));

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
    // Whether roots change is settled when the conversation opens.
    expect(shown).toEqual([{}, { ...ABLE, roots: { listChanged: true } }, {}, ABLE]);
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

  test("works on other calls of its agent while the agent thinks", async () => {
    const run = keep(await child("per_agent"));
    const asked = await run.call(...about);
    expect(plain(await run.call("add", { a: 1, b: 2 }, { capabilities: ABLE }))).toMatchObject({
      content: [{ text: "3" }],
    });
    const [key = ""] = Object.keys(questionsOf(asked));
    expect(plain(await run.answer(asked, { [key]: accept({}) }, about))).toMatchObject({
      content: [{ text: expect.stringContaining("accept") }],
    });
  });

  describe("and is shared by agents that are alike", () => {
    const saying = (owner: string, capabilities: Json = ABLE) => ({ owner, capabilities });
    const whoAsks = (owner: string) => ["test_elicitation", { message: owner }, saying(owner)] as const;
    const count = async (run: PoolRun, who: { owner: string; capabilities: Json }) =>
      (plain(await run.call("count", {}, who)) as { content: [{ text: string }] }).content[0].text;

    test("asks the first agent that comes, in its first call", async () => {
      const run = keep(await child("auto"));
      const asked = await run.call(...whoAsks("alice"));
      expect(JSON.stringify(questionsOf(asked))).toContain("alice");
      const [key = ""] = Object.keys(questionsOf(asked));
      const done = await run.answer(asked, { [key]: accept({ username: "Ada" }) }, whoAsks("alice"));
      expect(JSON.stringify(plain(done))).toContain("Ada");
    });

    test("is one child for agents that come one after the other", async () => {
      const run = keep(await child("auto"));
      expect([await count(run, saying("alice")), await count(run, saying("bob"))]).toEqual(["1", "2"]);
    });

    test("is one child for agents that cannot be asked, however many come at once", async () => {
      const run = keep(await child("auto"));
      const counts = await Promise.all(["a", "b", "c"].map(owner => count(run, saying(owner, {}))));
      expect(counts.sort()).toEqual(["1", "2", "3"]);
    });

    test("each of several that come at once, on a child that nobody knows yet, is asked its own", async () => {
      const run = keep(await child("auto"));
      const names = ["alice", "bob", "carol", "dave"];
      const asked = await Promise.all(names.map(name => run.call(...whoAsks(name))));
      for (const [at, outcome] of asked.entries()) {
        expect(JSON.stringify(questionsOf(outcome))).toContain(names[at]);
        const [key = ""] = Object.keys(questionsOf(outcome));
        const done = await run.answer(outcome, { [key]: accept({ username: names[at]! }) }, whoAsks(names[at]!));
        expect(JSON.stringify(plain(done))).toContain(`\\"username\\":\\"${names[at]}\\"`);
      }
    });

    test("keeps the child that an agent got because another one used the first", async () => {
      const run = keep(await child("auto"));
      const asked = await run.call(...whoAsks("alice"));
      expect(await count(run, saying("bob"))).toBe("1");
      const [key = ""] = Object.keys(questionsOf(asked));
      await run.answer(asked, { [key]: accept({}) }, whoAsks("alice"));
      expect([await count(run, saying("bob")), await count(run, saying("alice"))]).toEqual(["2", "1"]);
    });
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
    expect(question).toMatchObject({ method: "elicitation/create", params: { mode: "url", url, message: "Connect" } });
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
