#!/usr/bin/env node
import { closeSync, openSync } from "node:fs";
import { createKnownSecrets } from "../core/secrets/known-secrets.ts";
import { runCommandLine } from "./cli.ts";
import type { Context } from "./commands/command.ts";
import type { DetachedNews } from "./commands/detach.ts";
import { secretsOfEnvironment } from "./configured-secrets.ts";
import { EXIT } from "./exit-codes.ts";
import { printableLines } from "./terminal/printable.ts";
import { terminalOf } from "./terminal/terminal.ts";

const args = process.argv.slice(2);

/** Whoever reads our output may go away first. Then there is no use in going on, unless agents are served. */
let serving = false;
process.stderr.on("error", () => {});
process.stdout.on("error", () => {
  if (!serving) process.exit(EXIT.error);
});

/** Tells a process that started this one with `--detach` how it went. Without one, nothing. */
function tell(news: DetachedNews): void {
  if (process.send && process.connected) process.send(news, undefined, undefined, () => {});
}

function hungUp(): boolean {
  if (!process.stdout.isTTY && !process.stderr.isTTY) return false;
  try {
    closeSync(openSync("/dev/tty", "r"));
    return false;
  } catch {
    return true;
  }
}

const secrets = createKnownSecrets();
secrets.learn(secretsOfEnvironment(process.env));

const context: Context = {
  terminal: terminalOf(
    { out: process.stdout, err: process.stderr },
    args.includes("--json") ? { ...process.env, NO_COLOR: "1" } : process.env,
    secrets,
  ),
  secrets,
  cwd: process.cwd(),
  env: process.env,
  signals: process,
  assemble: async options => (await import("./assemble.ts")).createGateway({ ...options, secrets }),
  tellReady: () => {
    serving = true;
    tell({ rad: "ready" });
  },
  tellFailed: text => tell({ rad: "failed", text: secrets.hide(text) }),
  hungUp,
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
