import { expect } from "vitest";
import { type LegacyAgent, legacyAgent, POST_HEADERS } from "../fixtures/agents/http.ts";
import { events, send } from "../fixtures/agents/wire.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { poll } from "../fixtures/poll.ts";
import { startUpstream } from "../fixtures/upstream/upstream.ts";
import { startInside } from "./inside.ts";
import { row } from "./lab.ts";

const keep = useCleanup();
const MINUTE_MS = 60_000;

/** A call whose agent hung up after the first word of it, and whose result has come since. */
async function abandoned(resultBytes: number) {
  const upstream = keep(await startUpstream({ era: "modern" }));
  const go = new AbortController();
  upstream.tools.set("told", {
    definition: { name: "told", inputSchema: { type: "object" } },
    async run(_args, { progress }) {
      progress(1, 2);
      await new Promise(resolve => go.signal.addEventListener("abort", resolve));
      return { content: [{ type: "text", text: "x".repeat(resultBytes) }] };
    },
  });
  const { url, clock, gateway } = await startInside(keep, { transport: "http", url: upstream.url });
  const agent = keep(await legacyAgent(url));
  const headers = headersOf(agent);
  const params = { name: "told", arguments: {}, _meta: { progressToken: 1 } };
  const hangUp = new AbortController();
  const body = JSON.stringify({ jsonrpc: "2.0", id: 7, method: "tools/call", params });
  const response = await send(url, { method: "POST", headers, body, signal: hangUp.signal });
  let lastEventId = "";
  for await (const { id, data } of events(response)) {
    lastEventId = id ?? "";
    if (data !== "") break;
  }
  hangUp.abort();
  await agent.request("ping");
  go.abort();
  expect(await poll(() => gateway.status().upstreams[0]?.inFlight === 0)).toBe(true);
  const takeUp = () => send(url, { method: "GET", headers: { ...headers, "last-event-id": lastEventId } });
  return { clock, takeUp, agent };
}

const headersOf = ({ session }: LegacyAgent) => ({ ...POST_HEADERS, "mcp-session-id": String(session) });

row("F-36", "the result of a call whose agent hung up is kept for five minutes, and no longer", async () => {
  const { clock, takeUp } = await abandoned(100);
  clock.advance(5 * MINUTE_MS - 1_000);
  const inTime = await takeUp();
  expect(inTime.statusCode).toBe(200);
  const texts: string[] = [];
  for await (const { data } of events(inTime)) if (data !== "") texts.push(data);
  expect(texts.map(text => JSON.parse(text))).toMatchObject([{ id: 7, result: { content: [{}] } }]);
  clock.advance(2_000);
  const late = await takeUp();
  expect(late.statusCode).toBe(400);
  late.destroy();
});

row("F-36", "up to 1 MiB is kept of a session; a larger result is gone, and its agent is told so", async () => {
  const fits = await abandoned(1_000_000);
  const kept = await fits.takeUp();
  expect(kept.statusCode).toBe(200);
  kept.destroy();
  const { takeUp, agent } = await abandoned(1_100_000);
  const gone = await takeUp();
  expect(gone.statusCode).toBe(400);
  gone.destroy();
  // The session itself lives on.
  expect((await agent.request("tools/list")).message?.result).toBeDefined();
});
