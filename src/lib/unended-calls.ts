import { open } from "node:fs/promises";
import type { UnfinishedCall } from "../core/status.ts";

/** How much of the log is looked at: what was under way at a crash is near its end. */
const TAIL_BYTES = 4 * 1024 * 1024;
const ENDS: ReadonlySet<string> = new Set(["call", "unfinished"]);

/**
 * Calls that the log at `path` says were sent and not how they ended, oldest first. The last file that was put aside
 * counts, too: the log may have been put aside while they ran. `isOpen` tells which of them may still end.
 */
export async function unendedCalls(path: string, isOpen: (id: string) => boolean): Promise<readonly UnfinishedCall[]> {
  const texts = await Promise.all([`${path}.1`, path].map(tailOf));
  const sent = new Map<string, Line>();
  const ended = new Set<string>();
  for (const text of texts) {
    for (const line of text.split("\n")) {
      if (!line.includes('"id":"')) continue;
      const entry = read(line);
      if (entry === undefined) continue;
      if (entry.event === "sending") sent.set(entry.id, entry);
      else if (ENDS.has(entry.event)) ended.add(entry.id);
    }
  }
  return [...sent.values()].filter(({ id }) => !ended.has(id) && !isOpen(id)).map(shown);
}

type Line = UnfinishedCall & { readonly event: string };

function read(line: string): Line | undefined {
  try {
    const value = JSON.parse(line) as Partial<Line>;
    return typeof value.id === "string" && typeof value.event === "string" ? (value as Line) : undefined;
  } catch {
    // The last line before a crash may be a part of one.
    return undefined;
  }
}

function shown({ id, ts, agent, principal, method, target, upstream }: Line): UnfinishedCall {
  const all = { ts, agent, principal, method, target, upstream };
  const texts = Object.entries(all).filter(([, value]) => typeof value === "string");
  return { id, ...(Object.fromEntries(texts) as Omit<UnfinishedCall, "id">) };
}

async function tailOf(path: string): Promise<string> {
  const file = await open(path, "r").catch(() => undefined);
  if (!file) return "";
  try {
    const { size } = await file.stat();
    const from = Math.max(0, size - TAIL_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - from), 0, size - from, from);
    const text = buffer.toString("utf8", 0, bytesRead);
    return from > 0 ? text.slice(text.indexOf("\n") + 1) : text;
  } catch {
    return "";
  } finally {
    await file.close();
  }
}
