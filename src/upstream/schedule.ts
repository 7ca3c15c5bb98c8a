import type { UpstreamConfig } from "../config/schema.ts";
import type { Limits } from "../core/limits.ts";
import type { Instance } from "../core/route.ts";

/** Progress may put the end of a call off, but not beyond this, unless its timeout is longer. */
const LONGEST_CALL_MS = 600_000;

/** The time that an upstream gives each call, read from its configuration once. */
export function createSchedule({ timeout, tool_timeouts }: UpstreamConfig): Instance["limits"] {
  const usual = limitsOf(timeout);
  const own = new Map(Object.entries(tool_timeouts).map(([tool, seconds]) => [tool, limitsOf(seconds)]));
  if (own.size === 0) return () => usual;
  return ({ method }, { native }) => (method === "tools/call" ? own.get(native) : undefined) ?? usual;
}

function limitsOf(seconds: number): Limits {
  const timeoutMs = seconds * 1_000;
  return { timeoutMs, maxTimeoutMs: Math.max(timeoutMs, LONGEST_CALL_MS), tryMs: timeoutMs };
}
