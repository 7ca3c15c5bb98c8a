import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { modernAgent } from "../fixtures/agents/http.ts";
import { upstreamCommand } from "../fixtures/build.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import type { ManualClock } from "../fixtures/manual-clock.ts";
import { poll } from "../fixtures/poll.ts";
import type { Json } from "../fixtures/upstream/contract.ts";
import { startUpstream } from "../fixtures/upstream/upstream.ts";
import { type Inside, startInside } from "./inside.ts";
import { failureOf, resultOf, row } from "./lab.ts";

const keep = useCleanup();
const reports = (steps: number) => ({ do: "hang", steps, everyMs: 20 }) as const;
const FOR_EVER = reports(1_000_000);
const LATE = { code: -31002, delivery: "unknown", retryable: false, reason: "upstream_timeout" };
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Less than a cancellation may take on its way, so that it is sent before it is late. */
const STEP_MS = 9_000;

/** Calls a tool that reports progress for ever; at each report a while has passed. */
async function callForEver(
  { url, clock }: { url: string; clock: ManualClock },
  { name, stepMs, untilMs }: { name: string; stepMs: number; untilMs?: number },
) {
  const beganAt = clock.now();
  let passedMs = 0;
  const params = { name, arguments: { a: 1, b: 2 }, _meta: { progressToken: "p" } };
  const leaves = new AbortController();
  const answered = modernAgent(url).request("tools/call", params, {
    signal: leaves.signal,
    onMessage() {
      passedMs = clock.now() - beganAt;
      if (untilMs !== undefined && passedMs >= untilMs) leaves.abort();
      else clock.advance(stepMs);
    },
  });
  const outcome = await answered.catch(() => "left" as const);
  return { outcome, passedMs };
}

/** The gateway in front of an upstream; `began` waits until that works on a call. */
interface Behind extends Inside {
  began(): Promise<unknown>;
}

const KINDS: Readonly<Record<string, (table: Json) => Promise<Behind>>> = {
  modern: table => overHttp({ era: "modern" }, table),
  legacy: table => overHttp({ era: "legacy" }, table),
  sse: table => overHttp({ transport: "sse", era: "legacy" }, table),
  async stdio(table) {
    const script = `[{"when":${JSON.stringify(COUNT)},"then":${JSON.stringify(FOR_EVER)}}]`;
    const inside = await startInside(keep, { transport: "stdio", ...upstreamCommand("--script", script), ...table });
    const isRunning = () => inside.gateway.status().upstreams[0]?.inFlight === 1;
    return { ...inside, began: () => poll(isRunning) };
  },
};
const COUNT = { method: "tools/call", name: "count" } as const;

async function overHttp(options: Parameters<typeof startUpstream>[0], table: Json): Promise<Behind> {
  const upstream = keep(await startUpstream(options));
  upstream.when(COUNT, FOR_EVER);
  const inside = await startInside(keep, { transport: upstream.options.transport, url: upstream.url, ...table });
  const began = () => upstream.journal.until(({ executions }) => executions.length === 1);
  return { ...inside, began };
}

for (const [kind, start] of Object.entries(KINDS)) {
  row("F-04", `a call that nothing is heard of lives for hours (${kind})`, async () => {
    const { url, clock, began } = await start({});
    // Connections that have been idle for long in real time must not seem fresh.
    clock.advance(MINUTE_MS);
    const answered = modernAgent(url).request("tools/call", { name: "slow", arguments: { ms: 1_500 } });
    await began();
    for (let hours = 0; hours < 3; hours++) {
      clock.advance(HOUR_MS);
      await sleep(10);
    }
    expect(resultOf(await answered).content).toEqual([{ type: "text", text: "waited 1500 ms" }]);
  });

  row("F-04", `progress puts the end of a call off for as long as it comes (${kind})`, async () => {
    const inside = await start({ timeout: 60 });
    const { outcome, passedMs } = await callForEver(inside, { name: "count", stepMs: STEP_MS, untilMs: HOUR_MS });
    expect([outcome, passedMs >= HOUR_MS]).toEqual(["left", true]);
  });

  row("F-04", `progress puts nothing off beyond \`max_timeout\` (${kind})`, async () => {
    const inside = await start({ timeout: 60, max_timeout: 600 });
    const { outcome, passedMs } = await callForEver(inside, { name: "count", stepMs: STEP_MS });
    if (outcome === "left") throw new Error("nobody left");
    expect(failureOf(outcome)).toMatchObject(LATE);
    // Without progress it would have been over after one.
    expect(passedMs).toBeGreaterThan(9 * MINUTE_MS);
    expect(passedMs).toBeLessThanOrEqual(10 * MINUTE_MS);
  });
}

row("F-04", "an operator who gives a tool a time has given it just that", async () => {
  const inside = await startInside(keep, {
    ...{
      transport: "stdio",
      ...upstreamCommand("--script", `[{"when":{"method":"tools/call"},"then":{"do":"hang"}}]`),
    },
    tool_timeouts: { count: 1_800 },
  });
  const answered = modernAgent(inside.url).request("tools/call", { name: "count", arguments: { nonce: "late" } });
  await expect.poll(() => inside.gateway.status().upstreams[0]?.inFlight).toBe(1);
  inside.clock.advance(30 * MINUTE_MS - 1);
  expect(inside.gateway.status().upstreams[0]?.inFlight).toBe(1);
  inside.clock.advance(1);
  expect(failureOf(await answered)).toMatchObject(LATE);
});
