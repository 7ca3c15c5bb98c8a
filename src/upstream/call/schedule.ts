import type { UpstreamConfig } from "../../config/schema.ts";
import type { Limits } from "../../core/limits.ts";
import { methodOf } from "../../core/methods.ts";
import type { Instance } from "../../core/route.ts";

/** Agents wait as long as they like for a tool, and for everything else as long as for a list. */
const SHORT_MS = 60_000;
/** Longest wait in a queue where somebody else may take the call. */
export const QUEUE_MS = 3_000;

/** The time that an upstream gives each call, read from its configuration once. */
export function createSchedule(config: UpstreamConfig): Instance["limits"] {
  const { timeout, tool_timeouts, max_timeout, attempt_timeout } = config;
  const maxTimeoutMs = msOf(max_timeout);
  const limitsOf = (timeoutMs: number): Limits => ({
    timeoutMs: Math.min(timeoutMs, maxTimeoutMs),
    maxTimeoutMs,
    attemptMs: attempt_timeout * 1_000,
    queueMs: QUEUE_MS,
  });
  const ofTools = limitsOf(msOf(timeout));
  const ofOthers = timeout === undefined ? limitsOf(SHORT_MS) : ofTools;
  const own = new Map(Object.entries(tool_timeouts).map(([tool, seconds]) => [tool, limitsOf(msOf(seconds))]));
  return ({ method }, { native }) => {
    if (methodOf(method).timeout !== "of_tool") return ofOthers;
    return (own.size > 0 ? own.get(native) : undefined) ?? ofTools;
  };
}

const msOf = (seconds: number | undefined): number =>
  seconds === undefined ? Number.POSITIVE_INFINITY : seconds * 1_000;
