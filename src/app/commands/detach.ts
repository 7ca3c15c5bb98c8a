import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, constants, fstatSync, openSync, readSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { runFolder, standing } from "../../lib/run-file.ts";
import type { Places } from "../control/places.ts";
import { remoteClient } from "../control/remote-gateway.ts";
import { fail } from "../errors.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { printableLines } from "../terminal/printable.ts";
import { connectHelp, fleetSummary, styleOf } from "../terminal/summary.ts";
import { type Context, running, unsafe } from "./command.ts";

/** What the new process says through its channel, once. */
export type DetachedNews = { readonly rad: "ready" } | { readonly rad: "failed"; readonly text: string };

const OUTPUT = "gateway.out";
const OUTPUT_BYTES = 5 * 1024 * 1024;
const TAIL_BYTES = 8 * 1024;
const PICTURE_MS = 5_000;

/** Starts the gateway in a process of its own. Returns when it listens; what it ends with before that is passed on. */
export async function startDetached(places: Places, flags: readonly string[], context: Context): Promise<ExitCode> {
  const folder = runFolder(places.runDir);
  if (folder.kind === "refused") unsafe(folder.detail);
  const path = join(places.runDir, OUTPUT);
  const file = openOutput(path);
  const from = fstatSync(file).size;
  const which = places.configPath === null ? ["--demo"] : ["--config", places.configPath];
  const program = [...process.execArgv, process.argv[1] ?? "", "mcp", "proxy", "start", ...which, ...flags];
  const child = spawn(process.execPath, program, {
    cwd: places.baseDir,
    // Our own process has given most of it away.
    env: context.env,
    detached: true,
    stdio: ["ignore", file, file, "ipc"],
  });
  const news = await firstNews(child);
  if (news.kind === "ready") {
    closeSync(file);
    child.disconnect();
    child.unref();
    await showReady(places, context);
    return EXIT.ok;
  }
  if (news.text !== undefined) context.terminal.err(news.text);
  else {
    context.terminal.err(printableLines(lastLines(file, from)));
    const how = news.signal === null ? `with code ${news.code}` : `by ${news.signal}`;
    if (news.code === null || news.code === EXIT.ok)
      fail("didNotStart", `The gateway ended ${how} before it listened`, {
        where: path,
        help: ["Run it in the foreground to see more: `rad mcp proxy start`."],
      });
  }
  closeSync(file);
  return (news.code ?? EXIT.error) as ExitCode;
}

type News =
  | { readonly kind: "ready" }
  | {
      readonly kind: "ended";
      readonly text: string | undefined;
      readonly code: number | null;
      readonly signal: string | null;
    };

function firstNews(child: ChildProcess): Promise<News> {
  return new Promise(resolve => {
    let text: string | undefined;
    child.on("message", (message: DetachedNews) => {
      if (message.rad === "ready") resolve({ kind: "ready" });
      else text = message.text;
    });
    child.once("error", error => resolve({ kind: "ended", text: error.message, code: EXIT.error, signal: null }));
    child.once("exit", (code, signal) => resolve({ kind: "ended", text, code, signal }));
  });
}

async function showReady(places: Places, { terminal }: Context): Promise<void> {
  const record = running(standing(places.runDir));
  if (!record) return;
  const status = await remoteClient(record).status({ waitMs: PICTURE_MS });
  terminal.out(`Listening on ${status.url} (pid ${record.pid})\n`);
  terminal.out([...fleetSummary(status, styleOf(terminal)), "", ...connectHelp(status, terminal.paint.out)].join("\n"));
}

/** Appends, so that several starts do not overwrite each other; a large file is put aside first. */
function openOutput(path: string): number {
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > OUTPUT_BYTES) renameSync(path, `${path}.1`);
  const { O_RDWR, O_CREAT, O_APPEND, O_NOFOLLOW } = constants;
  return openSync(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW, 0o600);
}

function lastLines(file: number, from: number): string {
  const { size } = fstatSync(file);
  const length = Math.min(size - from, TAIL_BYTES);
  const buffer = Buffer.alloc(Math.max(0, length));
  readSync(file, buffer, 0, buffer.length, size - buffer.length);
  return buffer.toString("utf8").trimEnd();
}
