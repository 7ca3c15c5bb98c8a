#!/usr/bin/env node
import { closeSync, openSync } from "node:fs";
import { createInterface } from "node:readline";
import { createKnownSecrets } from "../core/secrets/known-secrets.ts";
import { takeEnvironment } from "../lib/own-environment.ts";
import { runCommandLine } from "./cli.ts";
import type { Context } from "./commands/command.ts";
import type { DetachedNews } from "./commands/detach.ts";
import { secretsOfEnvironment } from "./configured-secrets.ts";
import { EXIT } from "./exit-codes.ts";
import { printableLines } from "./terminal/printable.ts";
import { terminalOf } from "./terminal/terminal.ts";

const args = process.argv.slice(2);
const environment = takeEnvironment();

/** The reader of our output may go away first. Then there is no use in going on, unless agents are served. */
let serving = false;
process.stderr.on("error", () => {});
process.stdout.on("error", () => {
  if (!serving) process.exit(EXIT.error);
});

/** Tells a process that started this one with `--detach` how it went. Without one, nothing. */
function tell(news: DetachedNews): void {
  if (process.send && process.connected) process.send(news, undefined, undefined, () => {});
}

// By default this signal opens the debugger, through which every program of this user could take over the process.
let told = false;
process.on("SIGUSR1", () => {
  if (!told) process.stderr.write("SIGUSR1 opens no debugger here; start with --inspect to have one.\n");
  told = true;
});

function hungUp(): boolean {
  if (!process.stdout.isTTY && !process.stderr.isTTY) return false;
  try {
    closeSync(openSync("/dev/tty", "r"));
    return false;
  } catch {
    return true;
  }
}

/** An empty answer is no yes. */
async function confirm(question: string): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await new Promise<string>(resolve => {
    lines.once("close", () => resolve(""));
    lines.question(question, resolve);
  });
  lines.close();
  return /^\s*y(es)?\s*$/i.test(answer);
}

const secrets = createKnownSecrets();
secrets.learn(secretsOfEnvironment(environment.variables));

const context: Context = {
  terminal: terminalOf(
    { out: process.stdout, err: process.stderr },
    args.includes("--json") ? { ...environment.variables, NO_COLOR: "1" } : environment.variables,
    secrets,
  ),
  secrets,
  cwd: process.cwd(),
  env: environment.variables,
  signals: process,
  assemble: async options => (await import("./assemble.ts")).createGateway({ ...options, environment, secrets }),
  tellReady: () => {
    serving = true;
    tell({ rad: "ready" });
  },
  tellFailed: text => tell({ rad: "failed", text: secrets.hide(text) }),
  hungUp,
  confirm: process.stdin.isTTY && process.stderr.isTTY ? confirm : undefined,
  exit: code => process.exit(code),
};

/** A mistake of ours ends the process, as it would anyway; what it quotes may be secret. */
process.on("uncaughtException", error => {
  const text = printableLines(error instanceof Error ? (error.stack ?? error.message) : String(error));
  context.terminal.err(text);
  process.exit(EXIT.error);
});

const code = await runCommandLine(args, context);
// What was printed to a pipe leaves before the process does.
await Promise.all(
  [process.stdout, process.stderr].map(stream => new Promise<void>(resolve => stream.write("", () => resolve()))),
);
process.exit(code);
