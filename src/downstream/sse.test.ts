import { expect, test } from "vitest";
import { sseAgent } from "../../test/fixtures/agents/lines.ts";
import { createInbox } from "../../test/fixtures/agents/wire.ts";
import { done } from "../../test/fixtures/front/fake-front.ts";
import { httpFront } from "../../test/fixtures/front/http.ts";

test("a call over HTTP+SSE is answered before the gateway stops", async () => {
  const calls = createInbox<() => void>();
  const { base, http } = await httpFront({
    handle: () => new Promise(resolve => calls.push(() => resolve(done({ content: [] })))),
  });
  const agent = await sseAgent(`${base}/sse`);
  const running = agent.request("tools/call", { name: "run" });
  const finish = await calls.next(() => true);
  const stopped = http.drain(60_000);
  finish();
  expect((await running).message?.result).toEqual({ content: [] });
  expect(await stopped).toBe(0);
});

test("the end of an HTTP+SSE stream ends its session, its calls and what it watches", async () => {
  const { base, front, http } = await httpFront({
    handle: ({ signal }) =>
      new Promise(resolve =>
        signal.addEventListener("abort", () => resolve({ kind: "failed", failure: { kind: "cancelled" } })),
      ),
  });
  const agent = await sseAgent(`${base}/sse`);
  await agent.request("resources/subscribe", { uri: "test://one" });
  await agent.close();
  await http.drain(60_000);
  expect(front.subscribed[0]?.closed).toBe(true);
  expect(front.released).toHaveLength(1);
  expect(http.sessions.size).toBe(0);
});
