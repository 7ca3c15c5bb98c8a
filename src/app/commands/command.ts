import type { EventEmitter } from "node:events";
import { dirname } from "node:path";
import { INSECURE_VARIABLE } from "../../config/find.ts";
import { foreignOnTheWay } from "../../config/owners.ts";
import type { Problem } from "../../config/problem.ts";
import { renderProblem } from "../../config/render.ts";
import type { Config } from "../../config/schema.ts";
import type { KnownSecrets } from "../../core/secrets/known-secrets.ts";
import type { Environment } from "../../lib/platform.ts";
import { type RunRecord, type Standing, standing } from "../../lib/run-file.ts";
import { userTrouble } from "../../lib/users.ts";
import { maskLine, secretsOf } from "../configured-secrets.ts";
import { locate, type Places, type Selection, type Surroundings } from "../control/places.ts";
import { CommandFailed, fail } from "../errors.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import type { Gateway, GatewayOptions } from "../gateway.ts";
import { plain, type Terminal } from "../terminal/terminal.ts";

/** Where a command runs. */
export interface Context {
  readonly terminal: Terminal;
  /** What must not be told to anybody. */
  readonly secrets: Pick<KnownSecrets, "learn">;
  readonly cwd: string;
  readonly env: Environment;
  /** Emits `SIGINT`, `SIGTERM` and `SIGHUP`. */
  readonly signals: Pick<EventEmitter, "on" | "off">;
  readonly assemble: (options: GatewayOptions) => Promise<Gateway>;
  /** Tells the process that started this one with `--detach` that it listens. */
  readonly tellReady: () => void;
  /** Tells it why it does not. */
  readonly tellFailed: (text: string) => void;
  /** Whether the terminal that this process was started on is gone, which is told by the same signal as a reload. */
  readonly hungUp: () => boolean;
  /** Asks the person at the terminal; left out where there is none. */
  readonly confirm?: ((question: string) => Promise<boolean>) | undefined;
  /** Ends this process without delay. */
  readonly exit: (code: ExitCode) => void;
}

/** Options of every command. */
export interface Common extends Selection {
  readonly json?: boolean | undefined;
  /** Others may be able to change the configuration file. */
  readonly allowInsecureConfig?: boolean | undefined;
}

/** The body of a command. Throws `CommandFailed` for what a person can do something about. */
export type Command<Options extends Common> = (options: Options, context: Context) => Promise<ExitCode>;

/**
 * The instance that the user means; ends the command where there is none, and where it is somebody else's: also its run
 * file and its log would be his.
 */
export function placesFor(options: Common, context: Context): Places {
  const places = placesOf(options, context);
  if (places.configPath === null || isInsecureAllowed(options, context)) return places;
  const path = places.configPath;
  const [found] = foreignOnTheWay(dirname(path));
  if (found) throw refused(path, [{ ...found, ...{ level: "error", file: path, line: 0, column: 0, sourceLine: "" } }]);
  return places;
}

export const isInsecureAllowed = (options: Common, { env }: Pick<Context, "env">): boolean =>
  options.allowInsecureConfig === true || env[INSECURE_VARIABLE] === "1";

/** The same, whatever its owner. */
export function placesOf(selection: Selection, context: Context): Places {
  const located = locate(selection, context);
  if (!located) {
    return fail("noConfig", "There is no configuration file here", {
      where: `.radium/mcp-proxy.toml was looked for in ${context.cwd} and in every folder above it`,
      help: [
        "Write one: `rad mcp proxy init`.",
        "Or name one: `--config FILE`.",
        "Or just look: `rad mcp proxy start --demo`.",
      ],
    });
  }
  if (!located.ok)
    return fail("unsafePlace", "There is no safe place for the control socket", {
      where: located.detail,
      help: ["Set XDG_RUNTIME_DIR to a folder that only you can reach."],
    });
  return located.places;
}

/** The file of that instance; ends the command where it is the demo, which has none. */
export function configPathOf(places: Places): string {
  if (places.configPath !== null) return places.configPath;
  return fail("noConfig", "There is no configuration file here, only a demo", {
    where: nameOf(places),
    help: ["Write one: `rad mcp proxy init`.", "Or name one: `--config FILE`."],
  });
}

/** Whether that instance runs; ends the command where the run file cannot be trusted. */
export function standingOf(places: Places): Exclude<Standing, { kind: "refused" }> {
  const found = standing(places.runDir);
  return found.kind === "refused" ? unsafe(found.detail) : found;
}

export function unsafe(detail: string): never {
  return fail("unsafePlace", "The run folder cannot be used", {
    where: detail,
    help: ["Look at what lies there, and remove it if you did not put it there."],
  });
}

/** How an instance is named to people. */
export const nameOf = (places: Pick<Places, "configPath" | "baseDir">): string =>
  places.configPath ?? `the demo in ${places.baseDir}`;

/** A command about that instance, as it can be typed in this place. */
export function commandFor(verb: string, configPath: string | null, context: Surroundings): string {
  const here = locate({}, context);
  if (here?.ok && here.places.configPath === configPath) return `rad mcp proxy ${verb}`;
  return `rad mcp proxy ${verb} ${configPath === null ? "--demo" : `--config ${configPath}`}`;
}

export function running(found: Standing): RunRecord | undefined {
  return found.kind === "running" ? found.record : undefined;
}

export interface Loaded {
  readonly config: Config;
  /** Whether the file says anything of us: an empty one, which may be in the writing, does not. */
  readonly hasTable: boolean;
  /** The contents of `[mcp.proxy]` before variables were filled in. */
  readonly written: unknown;
  /** Rendered, several lines each. */
  readonly warnings: readonly string[];
  /** One line each. */
  readonly notes: readonly string[];
}

/** Reads the configuration; ends the command with all its problems where it is bad. */
export async function readConfig(configPath: string, options: Common, context: Context): Promise<Loaded> {
  const { loadConfig } = await import("../../config/load.ts");
  const loaded = loadConfig({
    ...{ path: configPath, env: context.env, user: userTrouble, mask: maskLine },
    allowInsecure: options.allowInsecureConfig,
  });
  if (loaded.holding) context.secrets.learn(secretsOf(loaded.holding(), context.env));
  if (loaded.ok) {
    const color = context.terminal.paint.err !== plain;
    return {
      config: loaded.config,
      hasTable: loaded.hasTable,
      written: loaded.written,
      warnings: loaded.warnings.map(problem => renderProblem(problem, { color })),
      notes: loaded.warnings.map(
        ({ code, message, line }) => `${message} (${line > 0 ? `${code}, line ${line}` : code})`,
      ),
    };
  }
  throw refused(configPath, loaded.problems);
}

/** How a command ends that finds a bad configuration. */
function refused(where: string, problems: readonly Problem[]): CommandFailed {
  const count = problems.filter(({ level }) => level === "error").length;
  const first = problems.find(({ level }) => level === "error");
  const message = `The configuration has ${count === 1 ? "a problem" : `${count} problems`}`;
  return new CommandFailed({
    exit: EXIT.badConfig,
    summary: message,
    render: paint => problems.map(problem => renderProblem(problem, { color: paint !== plain })).join("\n\n"),
    json: {
      schema: "rad.error/1",
      error: { code: first?.code, name: "badConfig", message, where, help: [first?.help], problems },
      exitCode: EXIT.badConfig,
    },
  });
}
