import { expect } from "vitest";
import { modernAgent } from "../fixtures/agents/http.ts";
import { upstreamCommand } from "../fixtures/build.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import type { ManualClock } from "../fixtures/manual-clock.ts";
import { type StartOptions, startUpstream } from "../fixtures/upstream/upstream.ts";
import { startInside } from "./inside.ts";
import { failureOf, row } from "./lab.ts";

const keep = useCleanup();
const FOR_EVER = { do: "hang", steps: 1_000_000, everyMs: 20 } as const;
const LATE = { code: -31002, delivery: "unknown", retryable: false, reason: "upstream_timeout" };
const MINUTE_MS = 60_000;
/** Less than a cancellation may take on its way, so that it is sent before it is late. */
const STEP_MS = 9_000;

/** Calls a tool that reports progress for ever; at each report a while has passed. */
async function callForEver({ url, clock }: { url: string; clock: ManualClock }, name: string, stepMs: number) {
  const beganAt = clock.now();
  let reports = 0;
  let passedMs = 0;
  const params = { name, arguments: { a: 1, b: 2 }, _meta: { progressToken: "p" } };
  const answered = await modernAgent(url).request("tools/call", params, {
    onMessage() {
      reports++;
      passedMs = clock.now() - beganAt;
      clock.advance(stepMs);
    },
  });
  return { answered, reports, passedMs };
}

const KINDS: Readonly<Record<string, StartOptions>> = {
  modern: { era: "modern" },
  legacy: { era: "legacy" },
  sse: { transport: "sse", era: "legacy" },
};

for (const [kind, options] of Object.entries(KINDS)) {
  row("F-04", `progress puts a call's end off to ten minutes and never past them (${kind})`, async () => {
    const upstream = keep(await startUpstream(options));
    upstream.when({ method: "tools/call" }, FOR_EVER);
    const inside = await startInside(keep, { transport: upstream.options.transport, url: upstream.url });
    const { answered, reports, passedMs } = await callForEver(inside, "count", STEP_MS);
    expect(failureOf(answered)).toMatchObject(LATE);
    // Without progress it would have been over after one.
    expect(reports).toBeGreaterThan((9 * MINUTE_MS) / STEP_MS);
    expect(passedMs).toBeGreaterThan(9 * MINUTE_MS);
    expect(passedMs).toBeLessThanOrEqual(10 * MINUTE_MS);
    await upstream.journal.until(({ cancelled }) => cancelled.length === 1);
    // What may run twice is not sent again either: its agent has heard of it.
    expect(failureOf((await callForEver(inside, "add", MINUTE_MS / 2)).answered).code).toBe(-31002);
    expect(upstream.journal.sent("tools/call")).toHaveLength(2);
  });
}

row("F-04", "progress puts a call's end off to ten minutes and never past them (stdio)", async () => {
  const script = `[{"when":{"method":"tools/call"},"then":${JSON.stringify(FOR_EVER)}}]`;
  const inside = await startInside(keep, { transport: "stdio", ...upstreamCommand("--script", script) });
  const { answered, passedMs } = await callForEver(inside, "count", STEP_MS);
  expect(failureOf(answered)).toMatchObject(LATE);
  expect(passedMs).toBeGreaterThan(9 * MINUTE_MS);
  expect(passedMs).toBeLessThanOrEqual(10 * MINUTE_MS);
});

row("F-04", "an operator who gives a tool longer than ten minutes has given it just that", async () => {
  const upstream = keep(await startUpstream({ era: "modern" }));
  upstream.when({ method: "tools/call" }, FOR_EVER);
  const inside = await startInside(keep, { transport: "http", url: upstream.url, tool_timeouts: { count: 1_800 } });
  const { answered, passedMs } = await callForEver(inside, "count", 5 * MINUTE_MS);
  expect(failureOf(answered)).toMatchObject(LATE);
  expect(passedMs).toBeGreaterThan(20 * MINUTE_MS);
  expect(passedMs).toBeLessThanOrEqual(30 * MINUTE_MS);
});
