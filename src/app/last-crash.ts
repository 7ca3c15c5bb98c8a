import type { UnfinishedStatus } from "../core/status.ts";
import { livingGivers } from "../lib/call-ids.ts";
import type { LogSink } from "../lib/log-file.ts";
import { unendedCalls } from "../lib/unended-calls.ts";
import { count } from "./terminal/words.ts";

/** More are in the log. */
const MAX_SHOWN = 20;

/**
 * Calls that were under way when an earlier gateway of this run folder ended without stopping. Each gets a line of its own,
 * which ends it as far as the log goes, so that it is told of once.
 */
export async function afterCrash(path: string | null, log: LogSink): Promise<UnfinishedStatus | undefined> {
  if (path === null) return undefined;
  const calls = await unendedCalls(path, livingGivers());
  if (calls.length === 0) return undefined;
  const now = new Date().toISOString();
  for (const { id, ts: sentAt, ...call } of calls) {
    log.write(JSON.stringify({ ts: now, event: "unfinished", id, sentAt, ...call }));
  }
  return { count: calls.length, calls: calls.slice(-MAX_SHOWN) };
}

/** For people. */
export function unfinishedWarning({ count: all, calls }: UnfinishedStatus): string {
  const last = calls.at(-1);
  const named = [last?.target ?? last?.method, last?.upstream && `to ${last.upstream}`].filter(Boolean).join(" ");
  return `The gateway ended without stopping while ${count(all, "call")} ran (the last: ${named}, at ${last?.ts}); each may or may not have been done: look before you repeat it. \`rad mcp proxy logs\` shows them ("unfinished")`;
}
