import { describe, expect, test } from "vitest";
import { Aborter } from "../../src/core/signal.ts";
import { ABLE, addAsking, elicit, startLegacy } from "../fixtures/asking.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { accept, plain, questionsOf } from "../fixtures/pool.ts";
import type { RunContext } from "../fixtures/upstream/contract.ts";
import type { StartOptions } from "../fixtures/upstream/upstream.ts";

const keep = useCleanup();
const legacy = async (options?: StartOptions) => keep(await startLegacy(options));

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
    const controller = new Aborter();
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
