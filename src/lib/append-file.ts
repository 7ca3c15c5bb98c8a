import { constants, type Stats, writeSync } from "node:fs";
import { type FileHandle, open, rename, rm, stat } from "node:fs/promises";

export interface AppendFile {
  /** Bytes in the file. */
  readonly size: number;
  /** Whether only whole lines are in it. */
  readonly endsLine: boolean;
  /**
   * Appends as much as goes, at once: when it returns, the system has it, whatever becomes of this process. Returns the number
   * of bytes written, which may be fewer. Throws the system's error.
   */
  append(bytes: Buffer): number;
  /** Whether `path` still leads to this file. */
  isInPlace(): Promise<boolean>;
  /** Moves the file to `path.1`, the one there to `path.2`, and so on up to `keep`; drops the last. */
  rotate(keep: number): Promise<void>;
  close(): Promise<void>;
}

/** Only its owner may read a log. */
const MODE = 0o600;
const FLAGS = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;

/** Opens a file to append to, creating it; a symbolic link is refused (`ELOOP`). */
export async function openAppendFile(path: string): Promise<AppendFile> {
  const handle = await open(path, FLAGS, MODE);
  try {
    return await appendFile(path, handle);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function appendFile(path: string, handle: FileHandle): Promise<AppendFile> {
  const opened = await handle.stat();
  // An older file of ours may be open to others; somebody else's cannot be changed, and need not be.
  if (opened.isFile() && (opened.mode & 0o777) !== MODE) await handle.chmod(MODE).catch(() => {});
  let size = opened.isFile() ? opened.size : 0;
  let endsLine = await endsWithLine(handle, size);
  return {
    get size() {
      return size;
    },
    get endsLine() {
      return endsLine;
    },
    append(bytes) {
      const bytesWritten = writeSync(handle.fd, bytes);
      size += bytesWritten;
      if (bytesWritten > 0) endsLine = bytes[bytesWritten - 1] === 0x0a;
      return bytesWritten;
    },
    async isInPlace() {
      const there = await stat(path).catch(() => undefined);
      return there !== undefined && isSameFile(there, opened);
    },
    async rotate(keep) {
      if (keep < 1) return rm(path, { force: true });
      for (let number = keep - 1; number >= 1; number--) {
        await rename(`${path}.${number}`, `${path}.${number + 1}`).catch(ignoreMissing);
      }
      await rename(path, `${path}.1`).catch(ignoreMissing);
    },
    close: () => handle.close(),
  };
}

async function endsWithLine(handle: FileHandle, size: number): Promise<boolean> {
  if (size === 0) return true;
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer[0] === 0x0a;
}

const isSameFile = (one: Stats, other: Stats): boolean => one.ino === other.ino && one.dev === other.dev;

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}
