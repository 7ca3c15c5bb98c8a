import { spawnSync } from "node:child_process";
import { lstatSync, mkdirSync, readFileSync, type Stats } from "node:fs";
import { tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";
import { hasEnded, processIds, processStat, startTimeOf } from "./proc.ts";
import { darwinSight, linuxSight, noSight, psOutput, type Sight } from "./sight.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** A folder that only this user can reach, or one sentence that says why there is none. */
export type RuntimeDirectory =
  | { readonly ok: true; readonly path: string }
  | { readonly ok: false; readonly message: string };

/** What differs between operating systems. Process ids of groups are those of their leaders. */
export interface Platform {
  /** Whether a child can lead a process group of its own. */
  readonly hasGroups: boolean;
  /** Signals one process; `false` when it was not reached. */
  kill(pid: number, signal: NodeJS.Signals | 0): boolean;
  /** Signals every process of a group; `false` when none was reached. Synchronous, so that it works while exiting. */
  killGroup(pid: number, signal: NodeJS.Signals): boolean;
  /** Whether a process of the group still runs. Processes that ended and wait to be reaped do not count. */
  isGroupAlive(pid: number): boolean;
  isAlive(pid: number): boolean;
  /** Opaque; together with the pid it names one process for ever. `undefined`: no such process, or not known. */
  processStartTime(pid: number): string | undefined;
  /** How processes can be looked into. */
  readonly sight: Sight;
  /** Where sockets go. `uid` is the user's id. */
  runtimeDir(env: Environment, uid: number): RuntimeDirectory;
  /** Longest path of a Unix socket, without the closing zero byte. */
  readonly maxSocketPathBytes: number;
  /** How many files this process may have open; `undefined`: not known, or without limit. */
  openFileLimit(): number | undefined;
  /** Variables that a child may always have. */
  readonly inheritedVariables: readonly string[];
}

const POSIX_VARIABLES = [
  "PATH",
  "HOME",
  "USER",
  "LOGNAME",
  "SHELL",
  "TERM",
  "LANG",
  "LC_ALL",
  "LC_CTYPE",
  "TMPDIR",
] as const;

const linux: Platform = {
  hasGroups: true,
  sight: linuxSight,
  kill: signalOne,
  killGroup: signalGroup,
  isGroupAlive: pid => signalGroup(pid, 0) && linuxGroupHasLiving(pid),
  isAlive: pid => canSignal(pid) && processStat(pid)?.state !== "Z",
  processStartTime: linuxStartTime,
  runtimeDir: posixRuntimeDirectory,
  maxSocketPathBytes: 107,
  openFileLimit: linuxOpenFileLimit,
  inheritedVariables: POSIX_VARIABLES,
};

const darwin: Platform = {
  hasGroups: true,
  sight: darwinSight,
  kill: signalOne,
  killGroup: signalGroup,
  isGroupAlive: pid => signalGroup(pid, 0),
  isAlive: canSignal,
  processStartTime: psStartTime,
  runtimeDir: posixRuntimeDirectory,
  maxSocketPathBytes: 103,
  openFileLimit: () => undefined,
  inheritedVariables: POSIX_VARIABLES,
};

const win32: Platform = {
  hasGroups: false,
  sight: noSight,
  kill: signalOne,
  killGroup: pid => spawnSync("taskkill", ["/pid", String(pid), "/t", "/f"], { windowsHide: true }).status === 0,
  isGroupAlive: canSignal,
  isAlive: canSignal,
  processStartTime: () => undefined,
  runtimeDir: env => privateDirectory(join(env.LOCALAPPDATA ?? tmpdir(), "radium"), undefined),
  maxSocketPathBytes: 107,
  openFileLimit: () => undefined,
  inheritedVariables: [
    ...["PATH", "PATHEXT", "SYSTEMROOT", "SYSTEMDRIVE", "COMSPEC", "TEMP", "TMP", "USERNAME", "USERPROFILE"],
    ...["APPDATA", "LOCALAPPDATA", "PROGRAMFILES", "PROCESSOR_ARCHITECTURE", "HOMEDRIVE", "HOMEPATH"],
  ],
};

const PLATFORMS: { readonly [name in NodeJS.Platform]?: Platform } = { linux, darwin, win32 };

/** The entry of an operating system; an unknown one is taken for a plain POSIX system. */
export function platformOf(name: NodeJS.Platform = process.platform): Platform {
  return PLATFORMS[name] ?? darwin;
}

function linuxOpenFileLimit(): number | undefined {
  try {
    const soft = /^Max open files +(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}

/** Not permitted means, for a group of our own, that only ended processes are left in it (macOS). */
function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  // Below it are our own group, and everything that we may signal.
  return pid > 1 && signalOne(-pid, signal);
}

function signalOne(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

function canSignal(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function linuxStartTime(pid: number): string | undefined {
  const stat = processStat(pid);
  return stat && startTimeOf(stat);
}

/** In a container without an init process orphans are not reaped: they would keep their group for ever. */
function linuxGroupHasLiving(group: number): boolean {
  const ids = processIds();
  const isLiving = (pid: number): boolean => {
    const stat = processStat(pid);
    return stat?.group === group && !hasEnded(stat);
  };
  return ids.length === 0 || ids.some(isLiving);
}

function psStartTime(pid: number): string | undefined {
  return psOutput(["-o", "lstart=", "-p", String(pid)]).trim() || undefined;
}

function posixRuntimeDirectory(env: Environment, uid: number): RuntimeDirectory {
  const given = env.XDG_RUNTIME_DIR;
  if (given && isAbsolute(given) && problemOf(given, { uid, forbiddenMode: 0o022 }) === undefined) {
    return { ok: true, path: given };
  }
  return privateDirectory(join(env.TMPDIR || tmpdir(), `radium-${uid}`), uid);
}

function privateDirectory(path: string, uid: number | undefined): RuntimeDirectory {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EEXIST") return { ok: false, message: `cannot create ${path} (${code}); set XDG_RUNTIME_DIR` };
  }
  if (uid === undefined) return { ok: true, path };
  const problem = problemOf(path, { uid, forbiddenMode: 0o077 });
  if (problem === undefined) return { ok: true, path };
  return { ok: false, message: `${path} ${problem}; remove it or set XDG_RUNTIME_DIR to a folder of your own` };
}

function problemOf(path: string, rule: { uid: number; forbiddenMode: number }): string | undefined {
  let stat: Stats;
  try {
    stat = lstatSync(path);
  } catch {
    return "does not exist";
  }
  if (!stat.isDirectory()) return "is not a folder";
  if (stat.uid !== rule.uid) return `belongs to user ${stat.uid}, not to you`;
  if ((stat.mode & rule.forbiddenMode) !== 0) return "can be reached by other users";
  return undefined;
}
