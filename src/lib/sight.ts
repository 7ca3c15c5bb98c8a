import { execFileSync } from "node:child_process";
import { MARK_VARIABLE, type MarkedProcess, markedIn } from "./marked-processes.ts";
import {
  commandOf,
  hasEnded,
  listeningSockets,
  openedBy,
  processIds,
  processStat,
  startedWith,
  startTimeOf,
} from "./proc.ts";

/** How processes can be looked into. */
export interface Sight {
  /** Everything that runs, so that it can be looked at in portions; empty where that is no use. */
  running(): readonly number[];
  /** Those with a mark, of all or some processes, that we may look at and that have not ended. */
  marked(among?: readonly number[]): readonly MarkedProcess[];
  /** The group of a process that has not ended. */
  groupOf(pid: number): number | undefined;
  /** Names of the pipes on the standard streams of a process, such as nobody else's ever had; `undefined`: not known here. */
  readonly pipesOf: ((pid: number) => readonly string[]) | undefined;
  /** Whether a process has one of them open. */
  holds(pid: number, pipes: readonly string[]): boolean;
  /** Paths of the Unix sockets on which a process listens. */
  listensOn(pid: number): readonly string[];
  /** The command line that a process was started with, and where it is now. */
  commandOf(pid: number): { readonly args: readonly string[]; readonly cwd: string } | undefined;
}

export const linuxSight: Sight = {
  running: processIds,
  marked: (among = processIds()) =>
    among.flatMap(pid => {
      const mark = startedWith(pid, MARK_VARIABLE);
      const stat = mark === undefined ? undefined : processStat(pid);
      if (mark === undefined || !stat || hasEnded(stat)) return [];
      return [{ pid, group: stat.group, startTime: startTimeOf(stat), mark }];
    }),
  groupOf(pid) {
    const stat = processStat(pid);
    return stat && !hasEnded(stat) ? stat.group : undefined;
  },
  pipesOf: pid => openedBy(pid, [0, 1, 2]).filter(isPipe),
  // Whatever is not a pipe, such as `/dev/null`, everybody may have open.
  holds: (pid, pipes) => pipes.some(isPipe) && openedBy(pid).some(name => isPipe(name) && pipes.includes(name)),
  listensOn: listeningSockets,
  commandOf,
};

const isPipe = (name: string): boolean => /^(?:socket|pipe):\[\d+\]$/.test(name);

/** The system shows no environments of its own programs, such as `/bin/sh`; of others it does. */
export const darwinSight: Sight = {
  running: () => [],
  marked: () => markedIn(psOutput(["-axEww", "-o", "pid=,pgid=,command="])),
  groupOf: () => undefined,
  pipesOf: undefined,
  holds: () => false,
  listensOn: pid =>
    programOutput("/usr/sbin/lsof", ["-a", "-U", "-p", String(pid), "-Fn"])
      .split("\n")
      .flatMap(line => /^n(\/.*)$/.exec(line)?.[1] ?? []),
  commandOf: () => undefined,
};

export const noSight: Sight = {
  running: () => [],
  marked: () => [],
  groupOf: () => undefined,
  pipesOf: undefined,
  holds: () => false,
  listensOn: () => [],
  commandOf: () => undefined,
};

export const psOutput = (args: readonly string[]): string => programOutput("/bin/ps", args);

/** Nothing where it fails, takes long, or is not there. */
export function programOutput(path: string, args: readonly string[]): string {
  try {
    return execFileSync(path, args, {
      encoding: "utf8",
      timeout: 2_000,
      maxBuffer: 64 * 1024 * 1024,
      stdio: ["ignore", "pipe", "ignore"],
      env: { LC_ALL: "C", TZ: "UTC" },
    });
  } catch {
    return "";
  }
}
