import { expect } from "vitest";
import type { Responder } from "../fixtures/agents/answered.ts";
import { legacyAgent, modernAgent } from "../fixtures/agents/http.ts";
import { sseAgent } from "../fixtures/agents/lines.ts";
import { createInbox } from "../fixtures/agents/wire.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { poll } from "../fixtures/poll.ts";
import type { Json, RpcMessage } from "../fixtures/upstream/contract.ts";
import { behind } from "./behind.ts";
import { resultOf, row } from "./lab.ts";

const keep = useCleanup();
const ASKS = { name: "test_elicitation", arguments: { message: "Who?" } };
const ANSWER = { action: "accept", content: { username: "Ada", email: "a@b.c" } };

/** An agent that answers what it is asked when it is told to. */
function thinking() {
  const questions = createInbox<RpcMessage>();
  let answer = (): void => {};
  const told = new Promise<void>(resolve => {
    answer = resolve;
  });
  const respond: Responder = question => {
    questions.push(question);
    return told.then(() => ANSWER);
  };
  return { asked: questions.next(() => true), answer, options: { capabilities: { elicitation: {} }, respond } };
}

type Options = ReturnType<typeof thinking>["options"];
const KINDS = {
  "with a session": (base: string, options: Options) => legacyAgent(`${base}/mcp`, "2025-11-25", options),
  "over HTTP+SSE": (base: string, options: Options) => sseAgent(`${base}/sse`, { version: "2025-06-18", ...options }),
};
for (const [kind, open] of Object.entries(KINDS)) {
  row("F-39", `a call that waits for the answer of its agent (${kind}) gets it, and no new one is taken`, async () => {
    const { gateway, upstream } = await behind(keep, { era: "legacy" });
    const agent = thinking();
    const asked = keep(await open(gateway.base, agent.options));
    const call = asked.request("tools/call", ASKS);
    await agent.asked;
    process.kill(gateway.pid, "SIGTERM");
    expect(await poll(async () => (await newCall(gateway.url))?.code === -31006)).toBe(true);
    agent.answer();
    expect(JSON.stringify((await call).message?.result)).toContain("Ada");
    expect(await gateway.ended).toBe(0);
    expect(upstream.journal.executions).toHaveLength(1);
  });
}

/** What a call of a tool that does not exist comes to. */
async function newCall(url: string) {
  const answered = await modernAgent(url).request("tools/call", { name: "nothing", arguments: {} });
  return answered.message?.error as { code: number } | undefined;
}

row("F-39", "a call that is parked for an agent without a session goes on with its answer, and runs once", async () => {
  const { gateway, upstream } = await behind(keep, { era: "legacy" });
  const agent = modernAgent(gateway.url, { capabilities: { elicitation: { form: {} } } });
  const asked = resultOf(await agent.request("tools/call", ASKS));
  const [key = ""] = Object.keys(asked.inputRequests as Json);
  process.kill(gateway.pid, "SIGTERM");
  expect(await poll(async () => (await newCall(gateway.url))?.code === -31006)).toBe(true);
  const more = { requestState: asked.requestState, inputResponses: { [key]: ANSWER } };
  const result = resultOf(await agent.request("tools/call", { ...ASKS, ...more }));
  expect(JSON.stringify(result)).toContain("Ada");
  expect(await gateway.ended).toBe(0);
  expect(upstream.journal.executions).toHaveLength(1);
});

row(
  "F-39",
  "a parked call whose agent does not come back is ended with the time given to `stop`, and counted",
  async () => {
    const { gateway, upstream } = await behind(keep, { era: "legacy" });
    const agent = modernAgent(gateway.url, { capabilities: { elicitation: { form: {} } } });
    expect(resultOf(await agent.request("tools/call", ASKS))).toMatchObject({ resultType: "input_required" });
    const { stdout } = await gateway.rad("mcp", "proxy", "stop", "--timeout", "1");
    expect(stdout).toContain("1 call did not finish");
    expect(await gateway.ended).toBe(1);
    expect(upstream.journal.sent("notifications/cancelled")).toHaveLength(1);
  },
);

row("F-40", "a second signal gives up what is parked for an agent at once, and tells its upstream", async () => {
  const { gateway, upstream } = await behind(keep, { era: "legacy" });
  const agent = modernAgent(gateway.url, { capabilities: { elicitation: { form: {} } } });
  expect(resultOf(await agent.request("tools/call", ASKS))).toMatchObject({ resultType: "input_required" });
  process.kill(gateway.pid, "SIGTERM");
  expect(await poll(() => gateway.output().includes("Stopping: 1 call may finish"))).toBe(true);
  process.kill(gateway.pid, "SIGTERM");
  expect(await gateway.ended).toBe(1);
  await upstream.journal.until(journal => journal.sent("notifications/cancelled").length === 1);
});
