import { expect } from "vitest";
import { legacyAgent, modernAgent, POST_HEADERS } from "../fixtures/agents/http.ts";
import { events, send } from "../fixtures/agents/wire.ts";
import { upstreamCommand } from "../fixtures/build.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { poll } from "../fixtures/poll.ts";
import type { Json, RpcMessage } from "../fixtures/upstream/contract.ts";
import { startUpstream } from "../fixtures/upstream/upstream.ts";
import { behind, gatewayOf, tableOf } from "./behind.ts";
import { memoryOf, resultOf, row } from "./lab.ts";

const keep = useCleanup();
const FOR_EVER_MS = 120_000;
const slow = (ms: number) => ({ name: "slow", arguments: { ms } });

const UPSTREAMS = [
  { what: "a modern upstream", options: { era: "modern" } },
  { what: "an upstream with sessions", options: { era: "legacy" } },
  { what: "an upstream over HTTP+SSE", options: { transport: "sse" } },
] as const;

for (const { what, options } of UPSTREAMS) {
  row(
    "F-35",
    `an agent without a session that hangs up cancels its call at ${what}; its place is free, the log says why`,
    async () => {
      const { gateway, upstream } = await behind(keep, options);
      const hangUp = new AbortController();
      const call = modernAgent(gateway.url).request("tools/call", slow(FOR_EVER_MS), { signal: hangUp.signal });
      const broken = expect(call).rejects.toThrow();
      await upstream.journal.until(({ executions }) => executions.length === 1);
      hangUp.abort();
      await broken;
      await upstream.journal.until(({ cancelled }) => cancelled.some(({ name }) => name === "slow"));
      await gateway.until(({ upstreams }) => upstreams[0]?.inFlight === 0);
      expect(
        await poll(() => gateway.logLines().some(({ target, reason }) => target === "slow" && reason === "cancelled")),
      ).toBe(true);
    },
  );

  row(
    "F-36",
    `an agent with a session that hangs up has its call run on at ${what}, and takes the result up later`,
    async () => {
      const { gateway, upstream } = await behind(keep, options);
      const definition = { name: "told", description: "Says a word, waits, ends", inputSchema: { type: "object" } };
      const go = new AbortController();
      upstream.tools.set("told", {
        definition,
        async run(_args, context) {
          context.progress(1, 2);
          await new Promise(resolve => go.signal.addEventListener("abort", resolve));
          return { content: [{ type: "text", text: context.signal.aborted ? "cancelled" : "ran on" }] };
        },
      });
      upstream.announce("tools");
      await gateway.until(({ upstreams }) => upstreams[0]?.tools === upstream.tools.size);
      const agent = keep(await legacyAgent(gateway.url));
      const headers = { ...POST_HEADERS, "mcp-session-id": String(agent.session) };
      const params = { name: "told", arguments: {}, _meta: { progressToken: 1 } };
      const body = JSON.stringify({ jsonrpc: "2.0", id: 7, method: "tools/call", params });
      const hangUp = new AbortController();
      const response = await send(gateway.url, { method: "POST", headers, body, signal: hangUp.signal });
      let lastEventId = "";
      for await (const { id, data } of events(response)) {
        lastEventId = id ?? "";
        if (data !== "") break;
      }
      hangUp.abort();
      // The gateway has seen that the agent is gone when it answers the next request of it.
      await agent.request("ping");
      go.abort();
      await gateway.until(({ upstreams }) => upstreams[0]?.inFlight === 0);
      const resumed = await send(gateway.url, { method: "GET", headers: { ...headers, "last-event-id": lastEventId } });
      const messages: RpcMessage[] = [];
      for await (const { data } of events(resumed)) if (data !== "") messages.push(JSON.parse(data) as RpcMessage);
      expect(messages).toMatchObject([{ id: 7, result: { content: [{ text: "ran on" }] } }]);
      expect(upstream.journal.executions.filter(({ name }) => name === "told")).toHaveLength(1);
      expect(upstream.journal.cancelled).toEqual([]);
    },
  );
}

row("F-35", "a child is told as well, and serves the next call", async () => {
  const gateway = await gatewayOf(keep, [{ name: "child", transport: "stdio", ...upstreamCommand() }]);
  const agent = modernAgent(gateway.url);
  const hangUp = new AbortController();
  const broken = expect(agent.request("tools/call", slow(FOR_EVER_MS), { signal: hangUp.signal })).rejects.toThrow();
  await gateway.until(({ upstreams }) => upstreams[0]?.inFlight === 1);
  hangUp.abort();
  await broken;
  await gateway.until(({ upstreams }) => upstreams[0]?.inFlight === 0);
  expect(resultOf(await agent.request("tools/call", slow(1)))).toMatchObject({ content: [{ text: "waited 1 ms" }] });
});

const IDLE = 500;
/** Per idle stream, on both sides of the loopback; generous, since the heap is not collected before it is looked at. */
const MAX_KB_EACH = 200;

row(
  "F-38",
  `${IDLE} idle listening agents cost little, hear of a change, delay nobody and all get their final result`,
  async () => {
    const upstream = keep(await startUpstream());
    const gateway = await gatewayOf(keep, [tableOf(upstream)]);
    const before = memoryOf(gateway.pid).nowMb;
    const listening: Awaited<ReturnType<ReturnType<typeof modernAgent>["listen"]>>[] = [];
    for (let at = 0; at < IDLE; at += 50) {
      const some = Array.from({ length: 50 }, () => modernAgent(gateway.url).listen({ toolsListChanged: true }));
      listening.push(...(await Promise.all(some)));
    }
    const all = (fits: (message: RpcMessage) => boolean) => Promise.all(listening.map(({ inbox }) => inbox.next(fits)));
    await all(({ method }) => method === "notifications/subscriptions/acknowledged");
    const agent = modernAgent(gateway.url);
    for (let call = 0; call < 100; call++)
      resultOf(await agent.request("tools/call", { name: "count", arguments: {} }));
    expect(((memoryOf(gateway.pid).nowMb - before) * 1024) / IDLE).toBeLessThan(MAX_KB_EACH);
    upstream.grow("later");
    await all(({ method }) => method === "notifications/tools/list_changed");
    const stopped = gateway.stop();
    const ends = await all(({ id }) => id !== undefined);
    expect(ends.every(({ result }) => (result as Json | undefined)?.resultType === "complete")).toBe(true);
    expect(await stopped).toBe(0);
  },
);
