import { randomBytes } from "node:crypto";

/**
 * Names, in the environment of a child and of all that it starts, the gateway that started it: whatever became of their
 * parents and groups, they can be told from everything else that runs. A program that is to outlive its server is started
 * without it.
 */
export const MARK_VARIABLE = "RADIUM_CHILD";

/** No other value looks like this by accident. */
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

/** Lines of pid, group, and command with environment. */
export function markedIn(text: string): MarkedProcess[] {
  return text.split("\n").flatMap(line => {
    const [, pid, group, rest = ""] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    const mark = new RegExp(`(?:^|\\s)${MARK_VARIABLE}=([0-9a-f]{32})(?=\\s|$)`).exec(rest)?.[1];
    return mark === undefined ? [] : [{ pid: Number(pid), group: Number(group), startTime: undefined, mark }];
  });
}
