import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { hasEnded, openedBy, processIds, processStat, startedWith, startTimeOf } from "./proc.ts";

/**
 * Names, in the environment of a child and of all that it starts, the gateway that started it: whatever became of their
 * parents and groups, they can be told from everything else that runs. A program that is to outlive its server is started
 * without it.
 */
export const MARK_VARIABLE = "RADIUM_CHILD";

/** Nobody else's value looks like this by accident. */
export const newMark = (): string => randomBytes(16).toString("hex");
export const isMark = (value: unknown): value is string => typeof value === "string" && /^[0-9a-f]{32}$/.test(value);

/** A process with a mark. Its group is named by the pid that led it. */
export interface MarkedProcess {
  readonly pid: number;
  readonly group: number;
  /** `undefined` where it takes long to find out. */
  readonly startTime: string | undefined;
  readonly mark: string;
}

/** How processes can be looked into. */
export interface Sight {
  /** Everything that runs, so that it can be looked at in portions; empty where that is no use. */
  running(): readonly number[];
  /** Those with a mark, of all or some processes, that we may look at and that have not ended. */
  marked(among?: readonly number[]): readonly MarkedProcess[];
  /** Names of the pipes on the standard streams of a process, such as nobody else's ever had; `undefined`: not known here. */
  readonly pipesOf: ((pid: number) => readonly string[]) | undefined;
  /** Whether a process has one of them open. */
  holds(pid: number, pipes: readonly string[]): boolean;
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
  pipesOf: pid => openedBy(pid, [0, 1, 2]).filter(isPipe),
  // Whatever is not a pipe, such as `/dev/null`, everybody may have open.
  holds: (pid, pipes) => pipes.some(isPipe) && openedBy(pid).some(name => isPipe(name) && pipes.includes(name)),
};

const isPipe = (name: string): boolean => /^(?:socket|pipe):\[\d+\]$/.test(name);

/** The system shows no environments of its own programs, such as `/bin/sh`; of others it does. */
export const darwinSight: Sight = {
  running: () => [],
  marked: () => markedIn(psOutput(["-axEww", "-o", "pid=,pgid=,command="])),
  pipesOf: undefined,
  holds: () => false,
};

export const noSight: Sight = { running: () => [], marked: () => [], pipesOf: undefined, holds: () => false };

/** Lines of pid, group, and command with environment. */
export function markedIn(text: string): MarkedProcess[] {
  return text.split("\n").flatMap(line => {
    const [, pid, group, rest = ""] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    const mark = new RegExp(`(?:^|\\s)${MARK_VARIABLE}=([0-9a-f]{32})(?=\\s|$)`).exec(rest)?.[1];
    return mark === undefined ? [] : [{ pid: Number(pid), group: Number(group), startTime: undefined, mark }];
  });
}

export function psOutput(args: readonly string[]): string {
  try {
    return execFileSync("/bin/ps", args, {
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
