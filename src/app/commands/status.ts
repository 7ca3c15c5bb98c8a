import { setTimeout as delay } from "node:timers/promises";
import type { Status } from "../../core/status.ts";
import { standing } from "../../lib/run-file.ts";
import { locate } from "../control/places.ts";
import { remoteClient } from "../control/remote-gateway.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { printable } from "../terminal/printable.ts";
import { connectHelp, fleetSummary, headline, styleOf } from "../terminal/summary.ts";
import { type Command, type Common, type Context, nameOf, placesFor, unsafe } from "./command.ts";

export interface StatusOptions extends Common {
  readonly watch?: boolean | undefined;
}

/** A gateway that holds the instance and does not listen yet is given this long. */
const STARTING_MS = 3_000;
const LOOK_MS = 100;
const REDRAW_MS = 1_000;

type Seen =
  | { readonly kind: "running"; readonly status: Status }
  | { readonly kind: "absent"; readonly config: string | null; readonly reason: string };

export const status: Command<StatusOptions> = (options, context) =>
  options.watch ? watch(options, context) : once(options, context);

async function once(options: StatusOptions, context: Context): Promise<ExitCode> {
  const seen = await look(options, context);
  if (options.json) context.terminal.json(json(seen));
  else context.terminal.out(text(seen, context).join("\n"));
  return exitOf(seen);
}

async function watch(options: StatusOptions, context: Context): Promise<ExitCode> {
  const ended = new AbortController();
  const end = (): void => ended.abort();
  context.signals.on("SIGINT", end);
  context.signals.on("SIGTERM", end);
  try {
    while (!ended.signal.aborted) {
      const seen = await look(options, context);
      const clear = context.terminal.watched ? "\x1b[H\x1b[2J" : "";
      if (options.json) context.terminal.json(json(seen));
      else context.terminal.out(`${clear}${text(seen, context).join("\n")}\n`);
      await delay(REDRAW_MS, undefined, { signal: ended.signal }).catch(() => {});
    }
    return EXIT.ok;
  } finally {
    context.signals.off("SIGINT", end);
    context.signals.off("SIGTERM", end);
  }
}

async function look(options: StatusOptions, context: Context): Promise<Seen> {
  if (!locate(options, context))
    return {
      kind: "absent",
      config: null,
      reason: "there is no configuration file here; write one with `rad mcp proxy init`",
    };
  const places = placesFor(options, context);
  const untilMs = performance.now() + STARTING_MS;
  for (;;) {
    const found = standing(places.runDir);
    switch (found.kind) {
      case "refused":
        return unsafe(found.detail);
      case "none":
        return { kind: "absent", config: places.configPath, reason: nameOf(places) };
      case "stale": {
        const now = found.reused ? "whose number belongs to another program now" : "which is gone";
        const reason = `${nameOf(places)}; it did not end cleanly: a run file names process ${found.pid ?? "unknown"}, ${now} (the next start tidies up)`;
        return { kind: "absent", config: places.configPath, reason };
      }
      case "running":
        if (found.record.address !== null || performance.now() >= untilMs) {
          return { kind: "running", status: await remoteClient(found.record).status({ waitMs: 0 }) };
        }
        await delay(LOOK_MS);
    }
  }
}

function json(seen: Seen): string {
  if (seen.kind === "running") return JSON.stringify(seen.status);
  return JSON.stringify({ schema: "rad.status/1", running: false, config: seen.config, reason: seen.reason });
}

function text(seen: Seen, { terminal }: Context): string[] {
  const style = styleOf(terminal);
  if (seen.kind === "absent")
    return [`${style.paint("strong", "The proxy is not running")} (${printable(seen.reason)}).`];
  return [
    headline(seen.status, style),
    "",
    ...fleetSummary(seen.status, style),
    ...(seen.status.stopping ? [] : ["", ...connectHelp(seen.status, style.paint)]),
  ];
}

function exitOf(seen: Seen): ExitCode {
  if (seen.kind === "absent") return EXIT.notRunning;
  return seen.status.health === "ok" ? EXIT.ok : EXIT.degraded;
}
