import { EXIT, type ExitCode } from "./exit-codes.ts";
import { printable } from "./terminal/printable.ts";
import type { Paint } from "./terminal/terminal.ts";

/** Every error of the command line itself: its stable code, and what `rad` exits with. Codes RAD1xxx are the configuration's. */
export const ERRORS = {
  internal: { code: "RAD2000", exit: EXIT.error },
  usage: { code: "RAD2001", exit: EXIT.usage },
  notRunning: { code: "RAD2002", exit: EXIT.notRunning },
  alreadyRunning: { code: "RAD2003", exit: EXIT.alreadyRunning },
  portInUse: { code: "RAD2004", exit: EXIT.alreadyRunning },
  cannotListen: { code: "RAD2005", exit: EXIT.error },
  disabled: { code: "RAD2006", exit: EXIT.disabled },
  unauthenticated: { code: "RAD2007", exit: EXIT.authentication },
  noAnswer: { code: "RAD2008", exit: EXIT.timedOut },
  otherVersion: { code: "RAD2009", exit: EXIT.error },
  noConfig: { code: "RAD2010", exit: EXIT.badConfig },
  fileExists: { code: "RAD2011", exit: EXIT.error },
  unsafePlace: { code: "RAD2012", exit: EXIT.error },
  upstreamFailed: { code: "RAD2013", exit: EXIT.error },
  unknownName: { code: "RAD2014", exit: EXIT.error },
  callFailed: { code: "RAD2015", exit: EXIT.error },
  timedOut: { code: "RAD2016", exit: EXIT.timedOut },
  badConfig: { code: "RAD2017", exit: EXIT.badConfig },
  didNotStart: { code: "RAD2018", exit: EXIT.error },
  cannotStop: { code: "RAD2019", exit: EXIT.error },
  upstreamAuth: { code: "RAD2020", exit: EXIT.authentication },
  notTrusted: { code: "RAD2022", exit: EXIT.notTrusted },
  system: { code: "RAD2021", exit: EXIT.error },
} as const satisfies Record<string, { code: `RAD2${number}`; exit: ExitCode }>;
export type ErrorName = keyof typeof ERRORS;

/** What a person needs to hear about an error. The strings may hold text from outside. */
export interface Trouble {
  readonly error: ErrorName;
  /** What happened. */
  readonly what: string;
  /** Where: a file, an address, a process. */
  readonly where: string;
  /** What to do, one remedy a line. */
  readonly help: readonly string[];
}

export function trouble(error: ErrorName, what: string, more: { where: string; help: readonly string[] }): Trouble {
  return { error, what, ...more };
}

/** How a command ends that failed: for a person, for a script, and for the shell. */
export interface Ending {
  readonly exit: ExitCode;
  readonly summary: string;
  render(paint: Paint): string;
  readonly json: object;
}

/** Ends a command. Thrown by commands and what they are made of, and caught in one place, which prints it. */
export class CommandFailed extends Error {
  readonly ending: Ending;
  constructor(ending: Ending) {
    super(ending.summary);
    this.ending = ending;
  }
}

/** Ends the command with one of the errors above. */
export function fail(...facts: Parameters<typeof trouble>): never {
  throw failure(trouble(...facts));
}

export function failure(problem: Trouble): CommandFailed {
  return new CommandFailed({
    exit: ERRORS[problem.error].exit,
    summary: problem.what,
    render: paint => renderTrouble(problem, paint),
    json: troubleJson(problem),
  });
}

/** The lines that a person sees: what happened, where, what to do. */
export function renderTrouble(problem: Trouble, paint: Paint): string {
  const { code } = ERRORS[problem.error];
  return [
    `${paint("bad", `error[${code}]`)}${paint("strong", `: ${printable(problem.what)}`)}`,
    ` ${paint("dim", "-->")} ${printable(problem.where)}`,
    ...problem.help.map(line => `  ${paint("dim", "=")} ${paint("accent", "help")}: ${printable(line)}`),
  ].join("\n");
}

/** The same for scripts. */
export function troubleJson(problem: Trouble): object {
  const { code, exit } = ERRORS[problem.error];
  const { what, where, help } = problem;
  return { schema: "rad.error/1", error: { code, name: problem.error, message: what, where, help }, exitCode: exit };
}
