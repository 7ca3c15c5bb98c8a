import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { platformOf } from "./platform.ts";

/**
 * Writes a file that only its owner may read. A reader finds, at whatever moment, the old content or the new one.
 * Nothing that lies there is written to, whatever it leads to.
 */
export function replaceFile(path: string, content: string | Uint8Array): void {
  const temporary = temporaryName(path);
  writeNewFile(temporary, content);
  try {
    renameSync(temporary, path);
  } catch (error) {
    unlinkSync(temporary);
    throw error;
  }
}

/** The same for much content, which is asked for bit by bit; everything else goes on meanwhile. */
export async function replaceLargeFile(path: string, content: Iterable<Uint8Array>): Promise<void> {
  const temporary = temporaryName(path);
  try {
    const file = await open(temporary, NEW_FILE, 0o600);
    try {
      for (const part of content) await file.writeFile(part);
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** A name beside `path` that cannot be known beforehand. */
export const temporaryName = (path: string): string =>
  `${path}.${process.pid}-${randomBytes(4).toString("hex")}${UNFINISHED}`;

const UNFINISHED = ".tmp";
const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** Creates a file that only its owner may read; fails with `EEXIST` where there is anything, also a link that leads nowhere. */
export function writeNewFile(path: string, content: string | Uint8Array): void {
  const file = openSync(path, NEW_FILE, 0o600);
  try {
    writeFileSync(file, content);
  } catch (error) {
    unlinkSync(path);
    throw Object.assign(error as Error, { path });
  } finally {
    closeSync(file);
  }
}

/** Removes what processes that have ended left half written in a folder, as far as that can be done. */
export function clearUnfinished(folder: string): void {
  try {
    for (const name of readdirSync(folder)) {
      const pid = /\.(\d+)-[0-9a-f]{8}\.tmp$/.exec(name)?.[1];
      if (pid !== undefined && !platformOf().isAlive(Number(pid))) rmSync(join(folder, name), { force: true });
    }
  } catch {
    // Somebody else was faster, or there is no such folder.
  }
}

/**
 * The content of a file of ours, which it closes to others. Neither follows a link nor waits for whoever writes to a
 * pipe; `undefined` where there is nothing, throws where there is something else.
 */
export function readOwnFile(path: string): Buffer | undefined {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    throw code === "ELOOP" ? new Error("it is not a regular file") : error;
  }
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) throw new Error("it is not a regular file");
    if (process.getuid && stat.uid !== process.getuid()) throw new Error("it belongs to another user");
    if ((stat.mode & 0o077) !== 0) fchmodSync(file, 0o600);
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}
