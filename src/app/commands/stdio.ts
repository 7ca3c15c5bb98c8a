import type { Readable, Writable } from "node:stream";
import { runFolder } from "../../lib/run-file.ts";
import { fail } from "../errors.ts";
import { EXIT } from "../exit-codes.ts";
import { KEEP_NOTHING, keepIn } from "../gateway.ts";
import { printable } from "../terminal/printable.ts";
import { VERSION } from "../version.ts";
import { type Command, type Common, configPathOf, placesFor } from "./command.ts";
import { endingOf, obeySignals } from "./ending.ts";
import { showProgress } from "./progress.ts";
import { readTrusted } from "./trusting.ts";

export interface StdioOptions extends Common {
  readonly streams: { readonly input: Readable; readonly output: Writable };
}

/** After the agent has gone, calls that still run are of no use. */
const GRACE_MS = 2_000;

/** Serves one agent on standard input and output. Nothing but the protocol is written there. */
export const stdio: Command<StdioOptions> = async (options, context) => {
  const places = placesFor(options, context);
  const path = configPathOf(places);
  const { config, warnings, notes } = await readTrusted(path, options, { ...context, confirm: undefined });
  if (!config.enable) {
    fail("disabled", "The proxy is switched off in its configuration", {
      where: path,
      help: ["Set `enable = true` in [mcp.proxy], or remove the line."],
    });
  }
  for (const warning of warnings) context.terminal.err(warning);
  const gateway = await context.assemble({
    config,
    configPath: path,
    baseDir: places.baseDir,
    // Every agent may start one of these beside the instance that holds the folder.
    keep: runFolder(places.runDir).kind === "ready" ? keepIn(places.runDir) : KEEP_NOTHING,
    version: VERSION,
    warnings: notes,
    tell: line => context.terminal.err(printable(line)),
  });
  const progress = showProgress(gateway, context.terminal, undefined);
  progress.settle();
  const ending = endingOf(gateway);
  const hangUp = async (): Promise<void> => void (await ending.end(GRACE_MS));
  const ignoreSignals = obeySignals({ gateway, ending }, hangUp, context);
  try {
    await Promise.race([gateway.serveStdio(options.streams), ending.ended]);
    const { cut } = await ending.end(GRACE_MS);
    return cut > 0 ? EXIT.error : EXIT.ok;
  } finally {
    progress.end();
    await ending.end(GRACE_MS);
    ignoreSignals();
  }
};
