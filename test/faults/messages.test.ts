import { afterAll, beforeAll, describe, expect } from "vitest";
import { legacyAgent, modernAgent } from "../fixtures/agents/http.ts";
import { type LineAgent, sseAgent } from "../fixtures/agents/lines.ts";
import type { Json } from "../fixtures/upstream/contract.ts";
import { failureOf, memoryOf, resultOf, row } from "./lab.ts";
import { type Kind, type Lab, runsOf, startLab } from "./pair.ts";

const LATE = { code: -31002, delivery: "unknown", retryable: false };
const ALL: readonly Kind[] = ["modern", "legacy", "sse"];
const HTTP: readonly Kind[] = ["modern", "legacy"];
const names = (id: string, kinds: readonly Kind[]) => kinds.map(kind => ({ name: `${id}-${kind}`, kind }));

let lab: Lab;
beforeAll(async () => {
  const small = { config: { max_result_bytes: 10 * 1024 * 1024 } };
  const short = { config: { timeout: 3 } };
  lab = await startLab([
    ...names("f04", ALL).map(one => ({ ...one, ...short })),
    ...names("f12", ["legacy", "sse"]),
    ...names("f13", ALL).map(one => ({ ...one, ...short })),
    ...names("f13c", ALL),
    ...names("f14", HTTP).map(one => ({ ...one, upstream: { mode: "json" as const }, ...small })),
    ...names("f21", ["modern"]),
    ...names("f26", HTTP),
  ]);
});
afterAll(() => lab?.close());

/** A call that wants to hear of progress. */
const followed = (name: string, nonce: string): [string, Json] => [
  "tools/call",
  { name, arguments: { nonce, a: 1, b: 2 }, _meta: { progressToken: "p" } },
];

describe.concurrent("progress", () => {
  for (const kind of ALL) {
    row("F-04", `progress puts the deadline off, and nothing is repeated once it was passed on (${kind})`, async () => {
      const pair = lab.pair(`f04-${kind}`);
      const takeBack = pair.a.when({ method: "tools/call" }, { do: "hang", steps: 10, everyMs: 400 });
      const began = performance.now();
      const [unsafe, safe] = await Promise.all([
        lab.agent.request(...followed(pair.unsafe, "unsafe")),
        lab.agent.request(...followed(pair.safe, "safe")),
      ]);
      expect(performance.now() - began).toBeGreaterThan(4_000);
      // Its agent may repeat what runs twice without harm.
      expect([failureOf(unsafe), failureOf(safe)]).toMatchObject([LATE, { ...LATE, retryable: true }]);
      for (const answered of [unsafe, safe]) {
        expect(answered.before.map(({ method }) => method)).toEqual(Array(10).fill("notifications/progress"));
      }
      expect([...runsOf("unsafe", pair.b), ...runsOf("safe", pair.b)]).toEqual([0, 0]);
      await pair.a.journal.until(({ cancelled }) => cancelled.length >= 2);
      takeBack();
      await lab.recovered(pair);
    });
  }
});

for (const kind of ["legacy", "sse"] as const) {
  row("F-12", `of two answers the first counts, and the second reaches nobody (${kind})`, async () => {
    const pair = lab.pair(`f12-${kind}`);
    const takeBack = pair.a.when({ name: pair.unsafe }, { do: "duplicate" });
    const agent = await sseAgent(`${lab.gateway.base}/sse`);
    for (const count of ["1", "2", "3"]) {
      const answered = await agent.request("tools/call", { name: pair.unsafe, arguments: { nonce: count } });
      expect(resultOf(answered)).toMatchObject({ content: [{ text: count }] });
    }
    takeBack();
    await expectOneAnswerEach(agent);
  });
}

describe.concurrent("late answers", () => {
  for (const kind of ALL) {
    row("F-13", `an answer after the deadline reaches nobody (${kind})`, async () => {
      const pair = lab.pair(`f13-${kind}`);
      const takeBack = pair.a.when({ name: pair.unsafe, times: 1 }, { do: "delay", ms: 3_200, stubborn: true });
      const agent = await sseAgent(`${lab.gateway.base}/sse`);
      const ask = (nonce: string) => agent.request("tools/call", { name: pair.unsafe, arguments: { nonce } });
      expect(failureOf(await ask("late"))).toMatchObject(LATE);
      await pair.a.journal.until(({ executions }) => executions.some(({ nonce }) => nonce === "late"));
      for (const nonce of ["one", "two"]) expect(resultOf(await ask(nonce))).toMatchObject({ content: [{}] });
      expect(runsOf("one", pair.a, pair.b)).toEqual([1, 0]);
      takeBack();
      await expectOneAnswerEach(agent);
    });

    row("F-13", `an answer after its agent has cancelled reaches nobody (${kind})`, async () => {
      const pair = lab.pair(`f13c-${kind}`);
      const takeBack = pair.a.when({ name: pair.unsafe, times: 1 }, { do: "delay", ms: 500, stubborn: true });
      const agent = await sseAgent(`${lab.gateway.base}/sse`);
      const ask = (nonce: string) => agent.request("tools/call", { name: pair.unsafe, arguments: { nonce } });
      const cancelled = 2; // Its second request, after the handshake.
      ask("cancelled").catch(() => {});
      await pair.a.journal.until(journal => journal.sent("tools/call").length === 1);
      await agent.notify("notifications/cancelled", { requestId: cancelled });
      await pair.a.journal.until(({ executions }) => executions.some(({ nonce }) => nonce === "cancelled"));
      for (const nonce of ["one", "two"]) expect(resultOf(await ask(nonce))).toMatchObject({ content: [{}] });
      takeBack();
      await agent.request("ping");
      const answers = agent.inbox.all.map(text => (JSON.parse(text) as { id?: number }).id);
      expect(answers).not.toContain(cancelled);
      expect(runsOf("cancelled", pair.b)).toEqual([0]);
      await agent.close();
    });
  }
});

/** Every request of this agent has one answer, and it makes no others. */
async function expectOneAnswerEach(agent: LineAgent): Promise<void> {
  await agent.request("ping");
  const ids = agent.inbox.all.flatMap(text => {
    const { id, method } = JSON.parse(text) as { id?: number; method?: string };
    return id === undefined || method !== undefined ? [] : [id];
  });
  expect(ids).toEqual([...new Set(ids)]);
  await agent.close();
}

for (const kind of HTTP) {
  row(
    "F-14",
    `an answer of 100 MB is cut off at the limit, and costs little memory (${kind})`,
    async () => {
      const pair = lab.pair(`f14-${kind}`);
      const takeBack = pair.a.when({ method: "tools/call" }, { do: "flood", bytes: 100 * 1024 * 1024 });
      const { peakMb } = memoryOf(lab.gateway.pid);
      const tooLarge = { code: -31008, delivery: "answered", retryable: false, reason: "response_too_large" };
      for (const tool of [pair.unsafe, pair.safe]) {
        expect(failureOf(await lab.call(tool, { nonce: tool, a: 1, b: 2 }))).toMatchObject(tooLarge);
      }
      // The limit is 10 MiB; the rest is what the collector leaves lying about on a busy machine.
      expect(memoryOf(lab.gateway.pid).peakMb - peakMb).toBeLessThan(64);
      expect([...runsOf(pair.unsafe, pair.b), ...runsOf(pair.safe, pair.b)]).toEqual([0, 0]);
      takeBack();
      await lab.recovered(pair);
    },
    ["linux"],
  );
}

row("F-21", "404 that says method not found is passed on as the upstream's own word", async () => {
  const pair = lab.pair("f21-modern");
  const error = { code: -32601, message: "Method not found: tools/call" };
  const takeBack = pair.a.when({ method: "tools/call" }, { do: "error", error, status: 404 });
  const { message } = await lab.call(pair.unsafe, { nonce: "unsafe" });
  expect(message?.error).toEqual(error);
  expect(runsOf("unsafe", pair.b)).toEqual([0]);
  takeBack();
  await lab.recovered(pair);
});

for (const kind of HTTP) {
  row("F-26", `a storm of list changes costs few lists, and agents hear of real changes only (${kind})`, async () => {
    const { a, name, tool } = lab.pair(`f26-${kind}`);
    const watching = await legacyAgent(lab.gateway.of(`${name}-a`));
    const { inbox, close } = await watching.listen();
    const changes = (of: typeof inbox) => of.all.filter(({ method }) => method === "notifications/tools/list_changed");
    // In the view of all, only what is really different is told; in that of one upstream, what it says.
    const wide = await legacyAgent(lab.gateway.url);
    const all = await wide.listen();
    const heard = () => changes(all.inbox).length;
    a.journal.clear();
    const began = performance.now();
    for (let burst = 0; burst < 10; burst++) {
      for (let times = 0; times < 100; times++) a.announce("tools");
      await watching.request("ping");
    }
    await a.journal.until(journal => journal.sent("tools/list").length > 0);
    expect(heard()).toBe(0);
    // Whoever asks for the list is told that it changed: a loop, if it were followed.
    a.script.add(
      { method: "tools/list" },
      { do: "notify", messages: [{ method: "notifications/tools/list_changed" }] },
    );
    const definition = { name: tool("later"), description: "New", inputSchema: { type: "object" } };
    a.tools.set(tool("later"), { definition, run: () => ({ content: [] }) });
    a.announce("tools");
    await all.inbox.next(({ method }) => method === "notifications/tools/list_changed");
    for (let more = 0; more < 2; more++) {
      const before = a.journal.sent("tools/list").length;
      a.announce("tools");
      await a.journal.until(journal => journal.sent("tools/list").length > before);
    }
    const seconds = (performance.now() - began) / 1000;
    expect(a.journal.sent("tools/list").length).toBeLessThanOrEqual(2 * seconds + 2);
    expect(heard()).toBe(1);
    expect(changes(inbox).length).toBeGreaterThan(0);
    expect(changes(inbox).length).toBeLessThanOrEqual(10 * seconds + 2);
    a.script.clear();
    for (const end of [close, all.close]) end();
    await Promise.all([watching.close(), wide.close()]);
    const agent = modernAgent(lab.gateway.url);
    expect((await agent.request("tools/call", { name: tool("later"), arguments: {} })).message?.result).toBeDefined();
  });
}
