import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Payload } from "../../src/core/payload.ts";
import { Aborter, type Signal } from "../../src/core/signal.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { type OddChild, oddChild } from "../fixtures/odd-child.ts";
import { accept, type PoolRun, plain, questionsOf, type Saying, startPool } from "../fixtures/pool.ts";
import type { Json } from "../fixtures/upstream/contract.ts";

const keep = useCleanup();
const ROOTS_CHANGED = "notifications/roots/list_changed";
const CAN: Json = { roots: { listChanged: true } };
const LEGACY = "legacy(message);";

const start = async (child: Partial<OddChild> = {}, more: Json = {}): Promise<PoolRun> =>
  keep(await startPool(oddChild("fixture", { on: LEGACY, ...child }, more) as Json & { transport: "stdio" }));
const cancellable = (): { signal: Signal; abort(): void } => {
  const aborter = new Aborter();
  return { signal: aborter.signal, abort: () => aborter.abort() };
};
const agent = (owner: string, capabilities: Json = CAN): Saying => ({ owner, capabilities, converses: true });
/** The methods that the child which serves this agent has seen so far. */
async function seenBy(run: PoolRun, who: Saying): Promise<string[]> {
  const { content } = plain(await run.call("speaks", {}, who)) as { content: [{ text: string }] };
  return content[0].text.split(" ");
}

describe("a child that agents share", () => {
  test("is told that the roots of the agent that uses it have changed", async () => {
    const run = await start();
    expect(await seenBy(run, agent("alice"))).not.toContain(ROOTS_CHANGED);
    run.upstream.tell(run.caller(agent("alice")).owner, { method: ROOTS_CHANGED, params: Payload.of({}) });
    expect(await seenBy(run, agent("alice"))).toContain(ROOTS_CHANGED);
  });

  test("is told so, too, by the first agent that calls where it was opened for another one", async () => {
    const run = await start();
    await run.upstream.fresh(run.caller(agent("alice")), "tool");
    expect(await seenBy(run, agent("bob"))).toContain(ROOTS_CHANGED);
  });

  test("serves its first agent although only one of its kind can run at a time", async () => {
    const lock = join(mkdtempSync(join(tmpdir(), "one-")), "lock");
    const run = await start({
      start: `
        try { fs.mkdirSync(${JSON.stringify(lock)}); } catch { process.exit(1); }
        process.on("exit", () => fs.rmdirSync(${JSON.stringify(lock)}));
        process.stdin.on("end", () => setTimeout(() => process.exit(), 100));`,
      on: LEGACY,
    });
    expect(await seenBy(run, agent("alice"))).toContain("tools/call");
    expect(run.upstream.status().failures).toBe(0);
  });

  test("tells an agent of what it subscribed to before it called anything", async () => {
    const run = await start({
      on: `
        if (message.method === "initialize")
          reply(message, { protocolVersion: "2025-06-18", capabilities: { tools: {}, resources: { subscribe: true } }, serverInfo: { name: "odd", version: "1" } });
        else if (message.method === "resources/list") reply(message, { resources: [] });
        else if (message.method === "resources/templates/list") reply(message, { resourceTemplates: [] });
        else if (message.method === "resources/subscribe") reply(message, {});
        else legacy(message);`,
    });
    const topic = { kind: "resource", name: "test://one" } as const;
    const opened = await run.upstream.subscribe(run.caller(agent("alice")), {
      topic,
      told: () => {},
      missed: false,
    } as never);
    expect(opened.kind).toBe("open");
    expect(await seenBy(run, agent("alice"))).toContain("resources/subscribe");
  });
});

describe("a question that does not say which call it is of", () => {
  const ABLE: Json = { elicitation: {} };
  /** `first` is answered once its question is; `second` asks it, tells of progress and is never answered. */
  const mixed = (): Promise<PoolRun> =>
    start({
      start: "let first;",
      on: `
        if (message.method === "tools/call" && message.params.arguments.is === "first") first = message;
        else if (message.method === "tools/call" && message.params.arguments.is === "second") {
          say({ id: "q", method: "elicitation/create", params: { message: "Who?", requestedSchema: { type: "object", properties: {} } } });
          say({ method: "notifications/progress", params: { progressToken: message.params._meta.progressToken, progress: 1 } });
        } else if (message.id === "q") first && reply(first, { content: [{ type: "text", text: JSON.stringify(message.result ?? message.error) }] });
        else legacy(message);`,
    });

  test("is asked for another call of that agent when it gives up the one that seemed to ask", async () => {
    const run = await mixed();
    const about = ["speaks", { is: "first" }, agent("alice", ABLE)] as const;
    const first = run.call(...about);
    const { signal, abort } = cancellable();
    const meta = { progressToken: "t" };
    const second = run.call(
      "speaks",
      { is: "second" },
      { ...agent("alice", ABLE), meta, signal, notices: { push: abort } },
    );
    expect(plain(await second)).toMatchObject({ kind: "cancelled" });
    const asked = await first;
    const [key = ""] = Object.keys(questionsOf(asked));
    expect(JSON.stringify(plain(await run.answer(asked, { [key]: accept({}) }, about)))).toContain("accept");
  });

  test("is answered with an error when no other call can have asked it", async () => {
    const run = await mixed();
    const { signal, abort } = cancellable();
    const meta = { progressToken: "t" };
    await run.call("speaks", { is: "second" }, { ...agent("alice", ABLE), meta, signal, notices: { push: abort } });
    expect(await seenBy(run, agent("alice", ABLE))).toContain("answer");
  });
});

test("an agent goes on in the child of its own while the shared one cannot be started any more", async () => {
  const gone = join(mkdtempSync(join(tmpdir(), "two-")), "lock");
  const run = await start({
    start: `
        if (fs.existsSync(${JSON.stringify(gone)})) process.exit(1);`,
    on: `
        if (message.method === "tools/call" && message.params.arguments.die) process.exit(1);
        legacy(message);`,
  });
  await seenBy(run, agent("eve", {}));
  const before = await seenBy(run, agent("bob"));
  writeFileSync(gone, "");
  await run.call("speaks", { die: true }, agent("eve", {}));
  expect(await seenBy(run, agent("bob"))).toEqual([...before, "tools/call"]);
});
