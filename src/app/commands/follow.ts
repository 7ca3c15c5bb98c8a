import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

const CHUNK_BYTES = 64 * 1024;
/** How much of a file is looked at for its last lines. */
const TAIL_BYTES = 4 * 1024 * 1024;
const LOOK_MS = 200;
const MAX_LINE_BYTES = 1024 * 1024;

/** The last lines of a file that are wanted, and where it ends; `undefined` when there is no such file. */
export function lastLines(
  path: string,
  count: number,
  isWanted: (line: string) => boolean = () => true,
): { lines: string[]; end: number } | undefined {
  const file = open(path);
  if (file === undefined) return undefined;
  try {
    const { size } = fstatSync(file);
    const from = Math.max(0, size - TAIL_BYTES);
    const text = readFrom(file, from, size - from).toString("utf8");
    const end = text.lastIndexOf("\n") + 1;
    const lines = text
      .slice(0, end)
      .split("\n")
      .slice(from > 0 ? 1 : 0, -1)
      .filter(isWanted);
    return { lines: count > 0 ? lines.slice(-count) : [], end: from + Buffer.byteLength(text.slice(0, end)) };
  } finally {
    closeSync(file);
  }
}

export interface Following {
  readonly path: string;
  /** Where to begin, in bytes. */
  readonly from: number;
  readonly signal: AbortSignal;
  receive(line: string): void;
}

/** Reads lines as they are added. When the file is replaced by a new one, the old one is read to its end first. */
export async function followFile({ path, from, signal, receive }: Following): Promise<void> {
  let file = open(path);
  let at = from;
  let rest: Buffer = Buffer.alloc(0);
  const drain = (): void => {
    for (;;) {
      const chunk = file === undefined ? undefined : readFrom(file, at, CHUNK_BYTES);
      if (!chunk?.length) return;
      at += chunk.length;
      const whole = Buffer.concat([rest, chunk]);
      // Decoded only up to a line break: a chunk may end in the middle of a character.
      const end = whole.lastIndexOf(0x0a) + 1;
      rest = whole.length - end > MAX_LINE_BYTES ? Buffer.alloc(0) : whole.subarray(end);
      for (const line of whole.toString("utf8", 0, end).split("\n").slice(0, -1)) receive(line);
    }
  };
  try {
    while (!signal.aborted) {
      drain();
      if (isReplaced(path, file, at)) {
        drain();
        if (file !== undefined) closeSync(file);
        file = open(path);
        at = 0;
        rest = Buffer.alloc(0);
        continue;
      }
      await delay(LOOK_MS, undefined, { signal }).catch(() => {});
    }
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function isReplaced(path: string, file: number | undefined, at: number): boolean {
  const now = statSync(path, { throwIfNoEntry: false });
  if (!now) return false;
  if (file === undefined) return true;
  const old = fstatSync(file);
  return old.ino !== now.ino || now.size < at;
}

function open(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function readFrom(file: number, position: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  return buffer.subarray(0, readSync(file, buffer, 0, length, position));
}
