import { execFileSync, spawnSync } from "node:child_process";
import { lstatSync, mkdirSync, readdirSync, readFileSync, type Stats } from "node:fs";
import { tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";

export type Environment = Readonly<Record<string, string | undefined>>;

/** A folder that only this user can reach, or one sentence that says why there is none. */
export type RuntimeDirectory =
  | { readonly ok: true; readonly path: string }
  | { readonly ok: false; readonly message: string };

/** What differs between operating systems. Process ids of groups are those of their leaders. */
export interface Platform {
  /** Whether a child can lead a process group of its own. */
  readonly hasGroups: boolean;
  /** Signals every process of a group; `false` when nobody was reached. Synchronous, so that it works while exiting. */
  killGroup(pid: number, signal: NodeJS.Signals): boolean;
  /** Whether a process of the group still runs. Processes that ended and wait to be reaped do not count. */
  isGroupAlive(pid: number): boolean;
  isAlive(pid: number): boolean;
  /** Opaque; together with the pid it names one process for ever. `undefined`: no such process, or not known. */
  processStartTime(pid: number): string | undefined;
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
  killGroup: signalGroup,
  isGroupAlive: pid => signalGroup(pid, 0) && linuxGroupHasLiving(pid),
  isAlive: pid => canSignal(pid) && linuxStat(pid)?.state !== "Z",
  processStartTime: linuxStartTime,
  runtimeDir: posixRuntimeDirectory,
  maxSocketPathBytes: 107,
  openFileLimit: linuxOpenFileLimit,
  inheritedVariables: POSIX_VARIABLES,
};

const darwin: Platform = {
  hasGroups: true,
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
  try {
    return process.kill(-pid, signal);
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

interface ProcessStat {
  readonly state: string;
  readonly group: number;
  readonly startTime: string;
}

/** https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html; the name in field 2 may hold blanks and parentheses. */
function linuxStat(pid: number | string): ProcessStat | undefined {
  const text = readProc(`${pid}/stat`);
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state, group, startTime] = [fields[0], fields[2], fields[19]];
  if (state === undefined || group === undefined || startTime === undefined) return undefined;
  return { state, group: Number(group), startTime };
}

/** Counted from the boot, so that it needs the boot's name beside it. */
function linuxStartTime(pid: number): string | undefined {
  const stat = linuxStat(pid);
  if (!stat) return undefined;
  return `${stat.startTime}@${readProc("sys/kernel/random/boot_id")?.trim() ?? "this boot"}`;
}

function readProc(path: string): string | undefined {
  try {
    return readFileSync(`/proc/${path}`, "latin1");
  } catch {
    return undefined;
  }
}

/** In a container without an init process nobody reaps orphans: they would keep their group for ever. */
function linuxGroupHasLiving(group: number): boolean {
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = linuxStat(entry);
    if (stat?.group === group && stat.state !== "Z" && stat.state !== "X") return true;
  }
  return false;
}

function psStartTime(pid: number): string | undefined {
  try {
    const text = execFileSync("/bin/ps", ["-o", "lstart=", "-p", String(pid)], {
      encoding: "utf8",
      timeout: 2_000,
      stdio: ["ignore", "pipe", "ignore"],
      env: { LC_ALL: "C", TZ: "UTC" },
    });
    return text.trim() || undefined;
  } catch {
    return undefined;
  }
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
