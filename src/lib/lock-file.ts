import { createHash, randomBytes } from "node:crypto";
import { closeSync, constants, fstatSync, linkSync, openSync, readFileSync, unlinkSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { platformOf } from "./platform.ts";
import { replaceFile, temporaryName, writeNewFile } from "./replace-file.ts";

/** Who wrote a lock. A pid alone is reused; a pid with its start time is one process. */
export interface Owner {
  readonly pid: number;
  /** As `processStartTime` gives it; `null` where the system does not tell. */
  readonly startTime: string | null;
}

/** What lies at the path of a lock. `text` is what its owner wrote. */
export type Found =
  | { readonly kind: "absent" }
  /** Its process lives. */
  | { readonly kind: "held"; readonly owner: Owner; readonly text: string }
  /** Its process is gone, or the pid belongs to another process now. */
  | { readonly kind: "stale"; readonly owner: Owner | undefined; readonly text: string }
  /** Somebody is just writing it. */
  | { readonly kind: "unfinished" }
  /** Not a file that we would have written. */
  | { readonly kind: "refused"; readonly detail: string };

export type Acquired = { readonly kind: "acquired" } | Extract<Found, { kind: "held" | "refused" }>;

const { isAlive, processStartTime } = platformOf();
const MAX_BYTES = 64 * 1024;
/** A text that makes no sense and is younger than this may still be in the writing. */
const WRITING_MS = 2000;
const RETRY_MS = 5;
const ATTEMPTS = 1000;

/** This process, as an owner of locks. */
export function thisProcess(): Owner {
  return { pid: process.pid, startTime: processStartTime(process.pid) ?? null };
}

/** Whether that very process still runs. Where the system tells no start times, its pid must do. */
export function lives(owner: Owner): boolean {
  if (!isAlive(owner.pid)) return false;
  const startTime = processStartTime(owner.pid);
  return startTime === undefined || startTime === owner.startTime;
}

/** Whether that very process still runs, beyond doubt: the condition for sending it a signal. */
export function surelyLives(owner: Owner): boolean {
  return isAlive(owner.pid) && owner.startTime !== null && processStartTime(owner.pid) === owner.startTime;
}

/** Looks at a lock without touching it. */
export function inspectLock(path: string): Found {
  const read = readRegular(path);
  if (read.kind !== "text") return read;
  const owner = ownerIn(read.text);
  if (!owner && Date.now() - read.modifiedMs < WRITING_MS) return { kind: "unfinished" };
  if (!owner || !lives(owner)) return { kind: "stale", owner, text: read.text };
  return { kind: "held", owner, text: read.text };
}

/**
 * Takes the lock at `path` by creating it with `text`, a JSON object that has the members of `Owner` and never occurs
 * twice. A lock of a process that is gone is replaced.
 */
export async function acquireLock(path: string, text: string): Promise<Acquired> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const created = create(path, text);
    if (created.kind !== "exists") return created;
    const found = inspectLock(path);
    if (found.kind === "held" || found.kind === "refused") return found;
    if (found.kind === "unfinished" || (found.kind === "stale" && !(await removeStale(path, found.text)))) {
      await delay(RETRY_MS);
    }
  }
  return { kind: "refused", detail: `${path} does not come to rest` };
}

/**
 * Removes a lock whose process is gone. Two processes may see the same stale lock, and the slower one must not remove
 * what the faster one puts in its place. So a process that removes a text holds a lock of its own, named after that very text,
 * and looks again. Should its holder die there, that lock is replaced in the same way.
 */
export async function removeStale(path: string, text: string): Promise<boolean> {
  const claim = claimOn(path, text);
  const acquired = await acquireLock(claim, JSON.stringify({ ...thisProcess(), nonce: lockNonce() }));
  if (acquired.kind !== "acquired") return false;
  const read = readRegular(path);
  if (read.kind === "text" && read.text === text) releaseLock(path);
  releaseLock(claim);
  return true;
}

/** Path of the lock that is held to remove this text. */
export function claimOn(path: string, text: string): string {
  return `${path}.${createHash("sha256").update(text).digest("hex").slice(0, 16)}`;
}

/** Replaces the text of a lock that this process holds. */
export const rewriteLock = (path: string, text: string): void => replaceFile(path, text);

/** Removes a lock that this process may remove. */
export function releaseLock(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
}

export const lockNonce = (): string => randomBytes(12).toString("hex");

type Read =
  | { readonly kind: "text"; readonly text: string; readonly modifiedMs: number }
  | Extract<Found, { kind: "absent" | "refused" }>;

function readRegular(path: string): Read {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return { kind: "absent" };
    if (codeOf(error) === "ELOOP") return { kind: "refused", detail: `${path} is a symbolic link` };
    return { kind: "refused", detail: String((error as Error).message) };
  }
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) return { kind: "refused", detail: `${path} is not a regular file` };
    if (stat.size > MAX_BYTES) return { kind: "refused", detail: `${path} is larger than anything written there` };
    return { kind: "text", text: readFileSync(file, "utf8"), modifiedMs: stat.mtimeMs };
  } finally {
    closeSync(file);
  }
}

function ownerIn(text: string): Owner | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const { pid, startTime } = value as { pid?: unknown; startTime?: unknown };
    if (typeof pid !== "number" || !Number.isSafeInteger(pid) || pid <= 0) return undefined;
    return { pid, startTime: typeof startTime === "string" ? startTime : null };
  } catch {
    return undefined;
  }
}

/** File systems without hard links answer with one of these. */
const NO_LINKS = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"]);

/** Says nothing of the place: the machine has no more of something. */
const EXHAUSTED = new Set(["ENOSPC", "EDQUOT", "EIO", "EMFILE", "ENFILE", "ENOMEM"]);

/** A link appears with the whole text in it, or not at all. */
function create(
  path: string,
  text: string,
): { kind: "acquired" } | { kind: "exists" } | { kind: "refused"; detail: string } {
  const temporary = temporaryName(path);
  try {
    writeNewFile(temporary, text);
    try {
      linkSync(temporary, path);
    } catch (error) {
      if (!NO_LINKS.has(codeOf(error))) throw error;
      writeNewFile(path, text);
    } finally {
      unlinkSync(temporary);
    }
    return { kind: "acquired" };
  } catch (error) {
    if (codeOf(error) === "EEXIST") return { kind: "exists" };
    if (EXHAUSTED.has(codeOf(error))) throw error;
    return { kind: "refused", detail: (error as Error).message };
  }
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? "";
