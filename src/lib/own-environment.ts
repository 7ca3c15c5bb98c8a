import { closeSync, openSync, readFileSync, readSync, writeSync } from "node:fs";
import type { Environment } from "./platform.ts";

export interface OwnEnvironment {
  /** Everything that this process was given. */
  readonly variables: Environment;
  /** Why other processes of the same user can still read it; `undefined` where they cannot. */
  readonly exposed: string | undefined;
}

/** What the runtime and system libraries may ask for at any time. None of it is meant to hold credentials. */
const KEPT: ReadonlySet<string> = new Set([
  ...["PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "COLORTERM", "NO_COLOR", "FORCE_COLOR", "TZ", "TZDIR"],
  ...["LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "LC_COLLATE", "LC_MESSAGES", "LC_MONETARY", "LC_NUMERIC", "LC_TIME"],
  ...["TMPDIR", "TMP", "TEMP", "XDG_RUNTIME_DIR", "LD_LIBRARY_PATH", "ICU_DATA", "NODE_ICU_DATA"],
  ...["SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "NODE_USE_SYSTEM_CA", "NODE_TLS_REJECT_UNAUTHORIZED"],
  ...["OPENSSL_CONF", "OPENSSL_MODULES", "UV_THREADPOOL_SIZE", "RES_OPTIONS", "LOCALDOMAIN", "HOSTALIASES"],
  // What is preloaded into the process looks again and again.
  ...["LD_PRELOAD", "FAKETIME", "FAKETIME_TIMESTAMP_FILE", "FAKETIME_NO_CACHE", "FAKETIME_CACHE_DURATION"],
  ...["FAKETIME_DONT_FAKE_MONOTONIC", "DONT_FAKE_MONOTONIC", "FAKETIME_DONT_RESET"],
]);

/** Where the system keeps the environment that this process was started with, and shows it to its user. */
const SHOWN = "/proc/self/environ";

/**
 * Takes the environment out of the process: from then on it is where the caller keeps it, and nowhere that another
 * process of the same user can read like a file. Called once, before the first child and before any thread is started.
 */
export function takeEnvironment(): OwnEnvironment {
  if (process.platform === "win32") return { variables: process.env, exposed: UNKNOWN_WAY };
  const variables = { ...process.env };
  for (const name of Object.keys(variables)) if (!KEPT.has(name)) delete process.env[name];
  if (process.platform !== "linux") return { variables, exposed: UNKNOWN_WAY };
  return { variables, exposed: wipe() };
}

const UNKNOWN_WAY = "this system has no way to take it back";

/** Overwrites what is left of the variables that were removed, in place: those that stay are still used from there. */
function wipe(): string | undefined {
  try {
    const { start, length } = blockOf(readFileSync("/proc/self/stat", "latin1"));
    const memory = openSync("/proc/self/mem", "r+");
    try {
      const block = Buffer.alloc(length);
      readSync(memory, block, 0, length, start);
      for (const [from, to] of entriesIn(block)) if (!isKept(block, from)) block.fill(0, from, to);
      writeSync(memory, block, 0, length, start);
    } finally {
      closeSync(memory);
    }
    const shown = readFileSync(SHOWN);
    const left = entriesIn(shown).filter(([from]) => !isKept(shown, from));
    return left.length === 0 ? undefined : `${left.length} variables could not be overwritten`;
  } catch (error) {
    return isShown() ? (error as Error).message : undefined;
  }
}

/** Fields 50 and 51 of https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html; the name in field 2 may hold blanks. */
function blockOf(stat: string): { start: number; length: number } {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [start, end] = [Number(fields[47]), Number(fields[48])];
  if (!Number.isSafeInteger(start) || !(start > 0) || !(end > start)) throw new Error("its place is not known");
  return { start, length: end - start };
}

/** Where each variable begins and ends, empty ones left out. */
function entriesIn(block: Buffer): (readonly [from: number, to: number])[] {
  const entries: [number, number][] = [];
  for (let from = 0; from < block.length; ) {
    const zero = block.indexOf(0, from);
    const to = zero < 0 ? block.length : zero;
    if (to > from) entries.push([from, to]);
    from = to + 1;
  }
  return entries;
}

function isKept(block: Buffer, from: number): boolean {
  const equals = block.indexOf(0x3d, from);
  return equals >= 0 && KEPT.has(block.toString("latin1", from, equals));
}

/** What we may not look at ourselves, such as that of a program with privileges of its own, nobody of our user may. */
function isShown(): boolean {
  try {
    readFileSync(SHOWN);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "EACCES";
  }
}
