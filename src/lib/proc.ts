import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** What `/proc` says of processes on Linux. Everything is `undefined`, or missing, where it cannot be looked at. */

export interface ProcessStat {
  readonly state: string;
  readonly group: number;
  /** When it started, counted from the boot. */
  readonly ticks: string;
}

/** https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html; the name in field 2 may hold blanks and parentheses. */
export function processStat(pid: number | string): ProcessStat | undefined {
  const text = readProc(`${pid}/stat`);
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state, group, ticks] = [fields[0], fields[2], fields[19]];
  if (state === undefined || group === undefined || ticks === undefined) return undefined;
  return { state, group: Number(group), ticks };
}

/** Names the moment for ever: the boot stands beside it. */
export const startTimeOf = ({ ticks }: ProcessStat): string =>
  `${ticks}@${readProc("sys/kernel/random/boot_id")?.trim() ?? "this boot"}`;

/** Ended, and waiting to be reaped or being so. */
export const hasEnded = ({ state }: ProcessStat): boolean => state === "Z" || state === "X";

/** Empty where there is no `/proc`. */
export const processIds = (): readonly number[] =>
  list("/proc")
    .filter(entry => /^\d+$/.test(entry))
    .map(Number);

/** The value of a variable in the environment that a process was started with. */
export function startedWith(pid: number, variable: string): string | undefined {
  const start = `${variable}=`;
  const block = readProc(`${pid}/environ`);
  // Most have none, and need not be taken apart.
  if (!block?.includes(start)) return undefined;
  return block
    .split("\0")
    .find(entry => entry.startsWith(start))
    ?.slice(start.length);
}

/** What the descriptors of a process lead to: paths, `socket:[inode]`, … */
export function openedBy(pid: number, descriptors: readonly (number | string)[] = list(`/proc/${pid}/fd`)): string[] {
  return descriptors.flatMap(descriptor => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${descriptor}`)];
    } catch {
      return [];
    }
  });
}

/** `Flags` of a socket that takes connections (`SO_ACCEPTCON`). */
const LISTENS = 0x10000;

/** Paths of the Unix sockets on which a process listens; https://man7.org/linux/man-pages/man5/proc_pid_net.5.html. */
export function listeningSockets(pid: number): string[] {
  const opened = new Set(openedBy(pid));
  return (readProc(`${pid}/net/unix`) ?? "").split("\n").flatMap(line => {
    const [, flags = "", inode, path = ""] = /^\S+ \S+ \S+ (\S+) \S+ \S+ +(\d+) (\/.*)$/.exec(line) ?? [];
    const isTheirs = (Number.parseInt(flags, 16) & LISTENS) !== 0 && opened.has(`socket:[${inode}]`);
    return isTheirs ? [Buffer.from(path, "latin1").toString("utf8")] : [];
  });
}

export function commandOf(pid: number): { args: string[]; cwd: string } | undefined {
  const text = readProc(`${pid}/cmdline`);
  try {
    const args = Buffer.from(text ?? "", "latin1")
      .toString("utf8")
      .split("\0");
    return text === undefined ? undefined : { args, cwd: readlinkSync(`/proc/${pid}/cwd`) };
  } catch {
    return undefined;
  }
}

export function readProc(path: string): string | undefined {
  try {
    return readFileSync(`/proc/${path}`, "latin1");
  } catch {
    return undefined;
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
