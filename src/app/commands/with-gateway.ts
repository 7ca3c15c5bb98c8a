import type { Config } from "../../config/schema.ts";
import { runFolder } from "../../lib/run-file.ts";
import type { GatewayClient } from "../control/gateway-client.ts";
import { localClient } from "../control/local-gateway.ts";
import { remoteClient } from "../control/remote-gateway.ts";
import { fail } from "../errors.ts";
import type { ExitCode } from "../exit-codes.ts";
import { KEEP_NOTHING, keepIn } from "../gateway.ts";
import { printable } from "../terminal/printable.ts";
import { VERSION } from "../version.ts";
import { type Common, type Context, configPathOf, placesFor, running, standingOf } from "./command.ts";
import { readTrusted } from "./trusting.ts";

/** Upstreams that are dialled for one command are waited for this long. */
export const DIAL_MS = 10_000;

export interface Wanted {
  /** The only upstream that the command is about, if there is one. */
  readonly upstream?: string | undefined;
}

/** Lets a command use the gateway that runs for this configuration, else one of its own that ends with the command. */
export async function withClient(
  options: Common & Wanted,
  context: Context,
  use: (client: GatewayClient, pid: number | undefined) => Promise<ExitCode>,
): Promise<ExitCode> {
  const places = placesFor(options, context);
  const record = running(standingOf(places));
  if (record) return use(remoteClient(record), record.pid);
  const configPath = configPathOf(places);
  const { config } = await readTrusted(configPath, options, context);
  const { terminal } = context;
  const unserved = `No gateway runs for ${printable(configPath)}: this command connects to its upstreams by itself.`;
  terminal.err(terminal.paint.err("dim", unserved));
  const gateway = await context.assemble({
    config: only(config, options.upstream),
    configPath: places.configPath,
    baseDir: places.baseDir,
    keep: { ...KEEP_NOTHING, children: recordsOf(places.runDir) },
    version: VERSION,
    warnings: [],
    tell: line => terminal.err(printable(line)),
  });
  const client = localClient(gateway);
  try {
    return await use(client, undefined);
  } finally {
    await client.close();
    await gateway.stop({ graceMs: 0 });
  }
}

/** Also a command that is killed leaves children, and nothing else that anybody needs. */
function recordsOf(runDir: string): string | null {
  return runFolder(runDir).kind === "ready" ? keepIn(runDir).children : null;
}

function only(config: Config, name: string | undefined): Config {
  if (name === undefined) return config;
  knownUpstream(
    name,
    config.upstreams.map(upstream => upstream.name),
  );
  return { ...config, upstreams: config.upstreams.filter(upstream => upstream.name === name) };
}

/** Ends the command where there is no such upstream. */
export function knownUpstream(name: string, names: readonly string[]): void {
  if (names.includes(name)) return;
  fail("unknownName", `There is no upstream ${JSON.stringify(name)}`, {
    where: "the upstreams of the configuration",
    help: [names.length > 0 ? `There are: ${names.join(", ")}.` : "The configuration has none yet."],
  });
}
