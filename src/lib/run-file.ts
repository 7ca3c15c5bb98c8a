import { chmodSync, lstatSync, mkdirSync, readdirSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import {
  acquireLock,
  inspectLock,
  lockNonce,
  type Owner,
  releaseLock,
  removeStale,
  rewriteLock,
  thisProcess,
} from "./lock-file.ts";
import { platformOf } from "./platform.ts";
import { clearUnfinished, writeNewFile } from "./replace-file.ts";

/** What a running gateway leaves for others to read, as `instance.json` in its run folder. */
export interface RunRecord extends Owner {
  /** Path of the configuration file, `null` for the demo. */
  readonly configPath: string | null;
  readonly version: string;
  /** ISO time. */
  readonly startedAt: string;
  /** Path of the control socket. */
  readonly socket: string;
  /** `null` until it listens. */
  readonly address: RunAddress | null;
  /** What the command line said beyond the configuration, so that a restart can say it again. */
  readonly flags: readonly string[];
}
export interface RunAddress {
  readonly host: string;
  readonly port: number;
  readonly url: string;
}

/** Whether an instance runs, as far as its run folder tells. */
export type Standing =
  | { readonly kind: "none" }
  | { readonly kind: "running"; readonly record: RunRecord }
  /** It ended without tidying up. `reused`: its pid belongs to another process now. */
  | { readonly kind: "stale"; readonly pid: number | undefined; readonly reused: boolean; readonly text: string }
  | { readonly kind: "refused"; readonly detail: string };

export interface Occupied {
  readonly kind: "occupied";
  /** Writes down where it listens. */
  announce(address: RunAddress): void;
  /** Ends the occupation; may be called more than once, also while the process exits. */
  release(): void;
}
export type Occupation =
  | Occupied
  | { readonly kind: "taken"; readonly record: RunRecord }
  | { readonly kind: "refused"; readonly detail: string };

const { isAlive } = platformOf();
/** Its name in the run folder. */
export const RUN_FILE = "instance.json";

export function standing(runDir: string): Standing {
  const found = inspectLock(join(runDir, RUN_FILE));
  switch (found.kind) {
    case "absent":
    case "unfinished":
      return { kind: "none" };
    case "refused":
      return found;
    case "held":
      return { kind: "running", record: recordIn(found.text) };
    case "stale": {
      const pid = found.owner?.pid;
      return { kind: "stale", pid, reused: pid !== undefined && isAlive(pid), text: found.text };
    }
  }
}

/** Takes the instance for this process. Of any number of processes that try at once, exactly one is told `occupied`. */
export async function occupy(runDir: string, facts: Omit<RunRecord, keyof Owner | "address">): Promise<Occupation> {
  const folder = runFolder(runDir);
  if (folder.kind === "refused") return folder;
  const path = join(runDir, RUN_FILE);
  const nonce = lockNonce();
  const record = { ...thisProcess(), ...facts, address: null };
  const acquired = await acquireLock(path, JSON.stringify({ ...record, nonce }));
  if (acquired.kind === "held") return { kind: "taken", record: recordIn(acquired.text) };
  if (acquired.kind === "refused") return acquired;
  sweep(runDir);
  let released = false;
  return {
    kind: "occupied",
    announce: address => rewriteLock(path, `${JSON.stringify({ ...record, address, nonce }, undefined, 2)}\n`),
    release: () => {
      if (!released) releaseLock(path);
      released = true;
    },
  };
}

/** Tidies up after an instance that ended without doing so. Does nothing to one that runs. */
export async function clearStale(runDir: string): Promise<void> {
  const found = standing(runDir);
  if (found.kind === "stale") await removeStale(join(runDir, RUN_FILE), found.text);
}

/** A run folder, made where it is missing: a private one of which git takes nothing, wherever it lies. */
export function runFolder(path: string): ReturnType<typeof privateFolder> {
  const folder = privateFolder(path);
  if (folder.kind === "ready") {
    try {
      writeNewFile(join(path, ".gitignore"), "*\n");
    } catch {
      // There is one, or something else that is not ours to change.
    }
  }
  return folder;
}

/** Makes sure that a folder exists, is ours, is no link, and that other users cannot look into it. */
export function privateFolder(
  path: string,
): { readonly kind: "ready" } | { readonly kind: "refused"; readonly detail: string } {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const stat = lstatSync(path);
    if (!stat.isDirectory()) return { kind: "refused", detail: `${path} is not a folder` };
    if (process.getuid && stat.uid !== process.getuid())
      return { kind: "refused", detail: `${path} belongs to another user` };
    if ((stat.mode & 0o077) !== 0) chmodSync(path, 0o700);
    return { kind: "ready" };
  } catch (error) {
    return { kind: "refused", detail: (error as Error).message };
  }
}

/** The same for callers that deal with an error. */
export function needPrivateFolder(path: string): void {
  const folder = privateFolder(path);
  if (folder.kind === "refused") throw new Error(folder.detail);
}

/** What processes that died in the middle left behind. It is of no use once the instance is taken. */
function sweep(runDir: string): void {
  clearUnfinished(runDir);
  for (const name of readdirSync(runDir)) {
    if (!/^instance\.json\..*(?<!\.tmp)$/.test(name)) continue;
    try {
      if (inspectLock(join(runDir, name)).kind === "stale") unlinkSync(join(runDir, name));
    } catch {
      // Its owner was faster.
    }
  }
}

const UNTOLD = { configPath: null, version: "unknown", startedAt: "", socket: "", address: null, flags: [] };

/** Members that another version did not write are filled in, so that its gateway can still be named and stopped. */
const recordIn = (text: string): RunRecord => ({ ...UNTOLD, ...(JSON.parse(text) as Owner & Partial<RunRecord>) });
