import { join } from "node:path";
import { remoteClient } from "../control/remote-gateway.ts";
import { fail } from "../errors.ts";
import { EXIT } from "../exit-codes.ts";
import { printable } from "../terminal/printable.ts";
import { type Command, type Common, nameOf, placesFor, running, standingOf } from "./command.ts";
import { followFile, lastLines } from "./follow.ts";
import { isForPeople, logLine } from "./log-line.ts";
import { knownUpstream } from "./with-gateway.ts";

export interface LogsOptions extends Common {
  readonly follow?: boolean | undefined;
  /** How many of the last lines are shown. */
  readonly lines?: number | undefined;
  /** Show what this upstream's child wrote to stderr instead. */
  readonly stderr?: string | undefined;
}

const LINES = 50;

/** Shows the log of calls. */
export const logs: Command<LogsOptions> = async (options, context) => {
  const places = placesFor(options, context);
  const { terminal, signals } = context;
  if (options.stderr !== undefined) {
    const record = running(standingOf(places));
    if (!record)
      fail("notRunning", "The proxy is not running", {
        where: nameOf(places),
        help: ["Only a running gateway knows what its children write."],
      });
    const { upstreams } = await remoteClient(record).status({ waitMs: 0 });
    knownUpstream(
      options.stderr,
      upstreams.map(({ name }) => name),
    );
    const lines = upstreams.find(({ name }) => name === options.stderr)?.stderr ?? [];
    if (options.json) terminal.json(JSON.stringify({ schema: "rad.stderr/1", upstream: options.stderr, lines }));
    else if (lines.length > 0) terminal.out(lines.map(printable).join("\n"));
    else terminal.err(`${printable(options.stderr)} has written nothing to stderr.`);
    return EXIT.ok;
  }
  const path = join(places.runDir, "calls.log");
  const isWanted = (line: string): boolean => options.json === true || isForPeople(line);
  const show = (line: string): void => {
    if (!isWanted(line)) return;
    if (options.json) terminal.json(line);
    else terminal.out(logLine(line, terminal.paint.out));
  };
  const start = lastLines(path, options.lines ?? LINES, isWanted);
  if (!start && !options.follow) {
    terminal.err(`Nothing has been logged yet (${printable(path)}).`);
    return EXIT.ok;
  }
  for (const line of start?.lines ?? []) show(line);
  if (!options.follow) return EXIT.ok;
  const ended = new AbortController();
  const end = (): void => ended.abort();
  signals.on("SIGINT", end);
  signals.on("SIGTERM", end);
  try {
    await followFile({ path, from: start?.end ?? 0, signal: ended.signal, receive: show });
  } finally {
    signals.off("SIGINT", end);
    signals.off("SIGTERM", end);
  }
  return EXIT.ok;
};
