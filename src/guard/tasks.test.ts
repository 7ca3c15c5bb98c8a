import { describe, expect, it } from "vitest";
import { manualClock } from "../../test/fixtures/manual-clock.ts";
import type { Call, Outcome } from "../core/call.ts";
import { upstreamName } from "../core/names.ts";
import { bringing, promised } from "../core/pass.fixture.ts";
import { createSealer } from "../lib/seal.ts";
import { callOf, done } from "./call.fixture.ts";
import { tasks } from "./tasks.ts";

const CAN = { extensions: { "io.modelcontextprotocol/tasks": {} } };
const TASK = { resultType: "task", taskId: "native-1", status: "working", ttlMs: 60_000 };
const STATUS = { resultType: "complete", taskId: "native-1", status: "completed", result: { content: [] } };

type Plan = Parameters<typeof callOf>[0];

function behindTasks(answer: Outcome = done(TASK, "b")) {
  const clock = manualClock();
  const received: Call[] = [];
  const layer = tasks({ sealer: createSealer(Buffer.alloc(32, 1), { clock }) });
  const handle = (answer: Outcome, plan: Plan) => {
    const last = bringing((call: Call) => {
      received.push(call);
      return answer;
    });
    return promised(layer(last))(callOf({ capabilities: CAN, ...plan }));
  };
  const start = (plan: Plan = {}) => handle(answer, plan);
  const ask = (taskId: unknown, plan: Plan = {}, result: object = STATUS) =>
    handle(done(result, "b"), {
      method: "tasks/get",
      subject: { kind: "unknown", nearest: [] },
      params: { taskId },
      ...plan,
    });
  return { clock, received, start, ask };
}

const resultOf = (outcome: Outcome): Record<string, unknown> => {
  if (outcome.kind !== "done") throw new Error(JSON.stringify(outcome));
  return outcome.result.value();
};

async function startedTask() {
  const layer = behindTasks();
  const id = String(resultOf(await layer.start()).taskId);
  layer.received.length = 0;
  return { ...layer, id };
}

const UNKNOWN = { kind: "failed", failure: { kind: "invalid", message: "Unknown task" } };
const MISSING = { kind: "failed", failure: { kind: "missing_capability", required: CAN } };
const WRONG = { kind: "failed", failure: { kind: "upstream", fault: "protocol_error", upstream: "b" } };

describe("a task", () => {
  it("gets an id of ours, and nothing else of it changes", async () => {
    const result = resultOf(await behindTasks().start());
    expect(result).toEqual({ ...TASK, taskId: expect.stringMatching(/^[A-Za-z0-9_-]{60,}$/) });
  });

  it.each(["tasks/get", "tasks/update", "tasks/cancel"])(
    "is reached by %s, at the upstream that runs it",
    async method => {
      const { id, ask, received } = await startedTask();
      const outcome = await ask(id, { method, params: { taskId: id, inputResponses: { q: 1 } } });
      expect(resultOf(outcome)).toEqual({ ...STATUS, taskId: id });
      const [call] = received;
      expect(call?.params.value()).toEqual({ taskId: "native-1", inputResponses: { q: 1 } });
      const holders = call?.subject?.kind === "found" ? call.subject.entry.holders : [];
      expect(holders.map(holder => holder.upstream)).toEqual(["b"]);
    },
  );

  it("can be asked about for as long as an agent may remember it", async () => {
    const { id, ask, clock } = await startedTask();
    clock.advance(29 * 24 * 60 * 60_000);
    expect((await ask(id)).kind).toBe("done");
  });

  it("that is complete says so, also where the upstream still calls it a task", async () => {
    const { id, ask } = await startedTask();
    expect(resultOf(await ask(id, {}, { ...STATUS, resultType: "task" })).resultType).toBe("complete");
  });

  it("gives an answer without an id where there was none", async () => {
    const { id, ask } = await startedTask();
    expect(resultOf(await ask(id, { method: "tasks/cancel" }, { resultType: "complete" }))).toEqual({
      resultType: "complete",
    });
  });

  it("is found in its upstream's own view, and in no other's", async () => {
    const { id, ask, received } = await startedTask();
    const view = (name: string) => ({ view: { kind: "upstream", name: upstreamName(name) } }) as const;
    expect((await ask(id, view("b"))).kind).toBe("done");
    expect(await ask(id, view("a"))).toEqual(UNKNOWN);
    expect(received).toHaveLength(1);
  });

  it("is unknown to another principal", async () => {
    const { id, ask, received } = await startedTask();
    expect(await ask(id, { who: "bob" })).toEqual(UNKNOWN);
    expect(received).toEqual([]);
  });

  it.each([["native-1"], [""], [5], [null], [undefined]])("is not %j", async id => {
    const { ask, received } = await startedTask();
    expect(await ask(id)).toEqual(UNKNOWN);
    expect(received).toEqual([]);
  });

  it("is unknown when its id was changed", async () => {
    const { id, ask } = await startedTask();
    expect(await ask(`${id}A`)).toEqual(UNKNOWN);
    expect(await ask(id.slice(0, -2))).toEqual(UNKNOWN);
  });
});

describe("an agent that has not declared the extension", () => {
  it.each([{}, { extensions: {} }, { extensions: { "io.modelcontextprotocol/tasks": true } }])(
    "may ask about no task: %j",
    async capabilities => {
      const { id, ask, received } = await startedTask();
      expect(await ask(id, { capabilities })).toEqual(MISSING);
      expect(received).toEqual([]);
    },
  );

  it("gets no task", async () => {
    expect(await behindTasks().start({ capabilities: {} })).toMatchObject(WRONG);
  });
});

describe("an upstream", () => {
  it.each(["prompts/get", "resources/read", "com.example/run"])("starts no task for %s", async method => {
    expect(await behindTasks().start({ method })).toMatchObject(WRONG);
  });

  it.each([[undefined], [""], [7], ["x".repeat(2_000)]])("starts no task with the id %.10j", async taskId => {
    expect(await behindTasks(done({ ...TASK, taskId }, "b")).start()).toMatchObject(WRONG);
  });

  it("gives results, questions and errors as before", async () => {
    const answers: Outcome[] = [
      done({ resultType: "complete", taskId: "its own" }),
      done({ taskId: "its own" }),
      { kind: "failed", failure: { kind: "cancelled" } },
    ];
    for (const answer of answers) expect(await behindTasks(answer).start()).toBe(answer);
  });
});
