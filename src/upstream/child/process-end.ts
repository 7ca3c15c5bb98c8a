import { existsSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import type { Environment } from "../../lib/platform.ts";
import { missedVariables } from "./child-environment.ts";

/** What is run, as far as a message about it goes. */
export interface Command {
  readonly command: string;
  /** Complete: nothing is added to it. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

const LAST_WORDS = { lines: 10, length: 2_000 };

/** What is known of a process that ended by itself. */
export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Its last lines on stderr. */
  readonly lines: readonly string[];
  /** The gateway's own environment. */
  readonly environment: Environment;
}

/** Says how a process ended, what it may have missed and its last words, bounded. */
export function describeEnd(spec: Command, { code, signal, lines, environment }: ProcessEnd): string {
  const last = lines.slice(-LAST_WORDS.lines);
  const words = last.join(" | ").slice(-LAST_WORDS.length);
  const hints = missedVariables(last, environment, spec.env).map(
    name => `"${name}" is set for the gateway but not passed on; inherit_env = ["${name}"] passes it`,
  );
  const how = signal ? `was killed by ${signal}` : `exited with code ${code}`;
  return [`"${spec.command}" ${how}`, ...hints, ...(words ? [`last lines on stderr: ${words}`] : [])].join("; ");
}

/** Says in one sentence why a command could not be run and what to do about it. Names no argument: they may be secret. */
export function describeSpawnError(spec: Command, error: Error): string {
  const code = (error as NodeJS.ErrnoException).code ?? error.name;
  const explain = SPAWN_ERRORS[code];
  return explain ? explain(spec) : `command "${spec.command}" could not be started (${code})`;
}

const SPAWN_ERRORS: { readonly [code: string]: (spec: Command) => string } = {
  ENOENT: notFound,
  ENOTDIR: notFound,
  EACCES: ({ command, cwd }) =>
    `command "${command}" may not be run; make it executable (chmod +x) and check that ${cwd} can be entered`,
  EMFILE: ({ command }) => `command "${command}" could not be started: too many open files; raise "ulimit -n"`,
  ENFILE: ({ command }) => `command "${command}" could not be started: the system has too many open files`,
  EAGAIN: ({ command }) => `command "${command}" could not be started: too many processes; raise "ulimit -u"`,
  E2BIG: ({ command }) => `command "${command}" could not be started: its arguments and environment are too long`,
};

function notFound({ command, cwd, env }: Command): string {
  if (!existsSync(cwd)) return `working directory ${cwd} does not exist; change "cwd" or create it`;
  if (command.includes("/")) {
    const path = resolve(cwd, command);
    return existsSync(path) ? noInterpreter(command) : `command "${command}" does not exist (${path})`;
  }
  const path = env.PATH ?? "";
  const found = path.split(delimiter).some(folder => folder !== "" && existsSync(join(folder, command)));
  if (found) return noInterpreter(command);
  return `command "${command}" was not found; searched PATH ${path || "(empty)"}; install it or give its full path`;
}

const noInterpreter = (command: string): string =>
  `command "${command}" exists, but the interpreter that its first line names does not`;
