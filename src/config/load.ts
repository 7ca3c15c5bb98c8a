/** Reads and understands the configuration file. The only part of this room that reads files. */
import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import type { Environment } from "./interpolate.ts";
import { type LoadResult, parseConfig } from "./parse.ts";
import { CONFIG_CODES, type ConfigCode, type Problem } from "./problem.ts";

const MAX_BYTES = 1024 * 1024;

export interface LoadOptions {
  readonly path: string;
  /** Fills in the variables. */
  readonly env: Environment;
  /** Takes what is secret out of a line that is shown, and leaves it as long as it is. */
  readonly mask?: (line: string) => string;
}

/** Reads and understands one file. Never throws. */
export function loadConfig({ path, env, mask }: LoadOptions): LoadResult {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, "r");
    const stats = fstatSync(descriptor);
    if (stats.size > MAX_BYTES) return refuse(path, "RAD1003", TOO_LARGE);
    const bytes = readFileSync(descriptor);
    if (bytes.length > MAX_BYTES) return refuse(path, "RAD1003", TOO_LARGE);
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    // Pipes have no owner to protect them from; Windows keeps rights elsewhere than in the mode.
    const hasMode = stats.isFile() && process.platform !== "win32";
    return parseConfig({ text, path, env, ...(mask && { mask }), ...(hasMode ? { mode: stats.mode } : {}) });
  } catch (error) {
    const [code, words] = READ_FAILURES[(error as NodeJS.ErrnoException).code ?? ""] ?? UNKNOWN_FAILURE(error as Error);
    return refuse(path, code, words);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

type Words = Pick<Problem, "message" | "help">;

const TOO_LARGE: Words = { message: "the configuration file is larger than 1 MiB", help: "is it the right file?" };
const NOT_FOUND: Words = {
  message: "the configuration file does not exist",
  help: "write one with: rad mcp proxy init",
};

const READ_FAILURES: Readonly<Record<string, readonly [ConfigCode, Words]>> = {
  ENOENT: ["RAD1001", NOT_FOUND],
  ENOTDIR: ["RAD1001", NOT_FOUND],
  EACCES: [
    "RAD1003",
    { message: "the configuration file may not be read by this user", help: "change its rights: chmod u+r" },
  ],
  EISDIR: ["RAD1003", { message: "the configuration file is a folder", help: "name a file" }],
  ERR_ENCODING_INVALID_ENCODED_DATA: [
    "RAD1003",
    { message: "the configuration file is not UTF-8 text", help: "save it in the encoding UTF-8" },
  ],
};
const UNKNOWN_FAILURE = (error: Error): readonly [ConfigCode, Words] => [
  "RAD1003",
  { message: `the configuration file cannot be read: ${error.message}`, help: "check the path and the disk" },
];

function refuse(file: string, code: ConfigCode, words: Words): LoadResult {
  return {
    ok: false,
    problems: [{ code, level: CONFIG_CODES[code].level, file, line: 0, column: 0, sourceLine: "", ...words }],
  };
}
