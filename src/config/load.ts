/** Reads and understands the configuration file, and looks at who else can change it. */
import { closeSync, fstatSync, openSync, readFileSync, type Stats } from "node:fs";
import { INSECURE_VARIABLE } from "./find.ts";
import type { Environment } from "./interpolate.ts";
import { checkOwners, type Finding, isPrivateGroup, isReachable } from "./owners.ts";
import { type LoadResult, type ParseInput, parseConfig } from "./parse.ts";
import { CONFIG_CODES, type ConfigCode, type Problem } from "./problem.ts";

const MAX_BYTES = 1024 * 1024;
const EVERYBODY_WRITES = 0o002;
const GROUP_WRITES = 0o020;
const EVERYBODY_READS = 0o004;

export interface Source {
  readonly path: string;
  /** Fills in the variables of the file. */
  readonly env: Environment;
  /** Knows the users of this machine. */
  readonly user?: ParseInput["user"];
  /** Takes what is secret out of a line that is shown, and leaves it as long as it is. */
  readonly mask?: ParseInput["mask"];
  /** Others may be able to change the file. */
  readonly allowInsecure?: boolean | undefined;
}

/** Reads and understands one file. Never throws. The file that is looked at is the one that is read. */
export function loadConfig({ path, env, user, mask, allowInsecure = false }: Source): LoadResult {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, "r");
    const stats = fstatSync(descriptor);
    if (stats.size > MAX_BYTES) return refuse(path, "RAD1003", TOO_LARGE);
    const bytes = readFileSync(descriptor);
    if (bytes.length > MAX_BYTES) return refuse(path, "RAD1003", TOO_LARGE);
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    const isAllowed = allowInsecure || env[INSECURE_VARIABLE] === "1";
    const given = { ...(user && { user }), ...(mask && { mask }) };
    return parseConfig({ text, path, env, ...given, ...rightsOn(path, stats, isAllowed) });
  } catch (error) {
    const [code, words] = READ_FAILURES[(error as NodeJS.ErrnoException).code ?? ""] ?? UNKNOWN_FAILURE(error as Error);
    return refuse(path, code, words);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** Windows keeps rights elsewhere than in the mode. */
function rightsOn(path: string, stats: Stats, isAllowed: boolean): { mode?: number; findings: readonly Finding[] } {
  const findings = checkOwners(path, stats);
  if (process.platform === "win32" || !stats.isFile()) return { findings };
  let { mode } = stats;
  if (isPrivateGroup(stats.gid)) mode &= ~GROUP_WRITES;
  if (!isReachable(path)) mode &= ~EVERYBODY_READS;
  if (!isAllowed) return { mode, findings };
  const open = mode & EVERYBODY_WRITES ? [{ ...ALLOWED, message: "everybody on this machine may write to it" }] : [];
  const told = findings.map(finding =>
    CONFIG_CODES[finding.code].level === "error" ? { ...ALLOWED, message: finding.message } : finding,
  );
  return { mode: mode & ~EVERYBODY_WRITES, findings: [...told, ...open] };
}

const ALLOWED = { code: "RAD1011", help: `--allow-insecure-config or ${INSECURE_VARIABLE} was given` } as const;

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
