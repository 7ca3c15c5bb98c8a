import { existsSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import type { Environment } from "../../lib/platform.ts";
import { missedVariables } from "./child-environment.ts";
import { CannotRunAs } from "./run-as.ts";

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

/** Why a process never ran. */
export interface SpawnFailure {
  /** `cannot_run` where only another configuration, or another file, helps. */
  readonly how: "not_started" | "cannot_run";
  readonly detail: string;
}

/** Says in one sentence why a command could not be run and what to do about it. Names no argument: they may be secret. */
export function describeSpawnError(spec: Command, error: Error): SpawnFailure {
  if (error instanceof CannotRunAs) return { how: "cannot_run", detail: error.message };
  const code = (error as NodeJS.ErrnoException).code ?? error.name;
  const [how, explain] = SPAWN_ERRORS[code] ?? ["not_started", couldNot(code)];
  return { how, detail: explain(spec) };
}

const couldNot =
  (why: string) =>
  ({ command }: Command): string =>
    `command "${command}" could not be started: ${why}`;

const SPAWN_ERRORS: { readonly [code: string]: readonly [SpawnFailure["how"], (spec: Command) => string] } = {
  ENOENT: ["cannot_run", notFound],
  ENOTDIR: ["cannot_run", notFound],
  EACCES: [
    "cannot_run",
    ({ command, cwd }) =>
      `command "${command}" may not be run; make it executable (chmod +x) and check that ${cwd} can be entered`,
  ],
  EPERM: ["cannot_run", couldNot("the system does not permit it; a gateway in a container may not change users")],
  ENOEXEC: ["cannot_run", couldNot("it is no program for this system")],
  E2BIG: ["cannot_run", couldNot("its arguments and environment are too long")],
  ERR_INVALID_ARG_VALUE: ["cannot_run", couldNot("its name or an argument holds what no command line can")],
  EMFILE: ["not_started", couldNot('too many open files; raise "ulimit -n"')],
  ENFILE: ["not_started", couldNot("the system has too many open files")],
  EAGAIN: ["not_started", couldNot('too many processes; raise "ulimit -u"')],
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
