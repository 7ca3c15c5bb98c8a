import { isIP } from "node:net";
import { insecurities } from "../../config/owners.ts";
import type { Config } from "../../config/schema.ts";
import type { Places } from "../control/places.ts";
import { CommandFailed, fail } from "../errors.ts";
import type { ExitCode } from "../exit-codes.ts";
import { plain } from "../terminal/terminal.ts";
import {
  type Command,
  type Common,
  type Context,
  configPathOf,
  isInsecureAllowed,
  type Loaded,
  placesFor,
  readConfig,
  running,
  standingOf,
} from "./command.ts";
import { startDetached } from "./detach.ts";
import { flagsOf } from "./flags.ts";
import { alreadyRunning, type Launch, runForeground } from "./foreground.ts";
import { requireTrust, trustIn } from "./trusting.ts";

export interface StartOptions extends Common {
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly detach?: boolean | undefined;
  readonly allowUnauthenticated?: boolean | undefined;
}

export const start: Command<StartOptions> = async (options, context) => {
  const places = placesFor(options, context);
  if (options.demo) return startDemo(places, options, context);
  const path = configPathOf(places);
  const loaded = await readConfig(path, options, context);
  checkAllowed(loaded.config, options, path);
  const record = running(standingOf(places));
  if (record) alreadyRunning(record, places, context);
  await requireTrust({ path, written: loaded.written }, context);
  if (options.detach) return startDetached(places, flagsOf(options), context);
  for (const warning of loaded.warnings) context.terminal.err(warning);
  return runForeground(launchOf(loaded, { places, options }, context), context);
};

async function startDemo(places: Places, options: StartOptions, context: Context): Promise<ExitCode> {
  const record = running(standingOf(places));
  if (record) alreadyRunning(record, places, context);
  if (options.detach) return startDetached(places, flagsOf(options), context);
  const { startDemoFleet } = await import("../../demo/fleet.ts");
  const fleet = await startDemoFleet();
  try {
    checkAllowed(fleet.config, options, "the demo");
    const launch = launchOf({ config: fleet.config, notes: [] }, { places, options }, context);
    return await runForeground({ ...launch, anyPort: options.port === undefined }, context);
  } finally {
    await fleet.stop();
  }
}

function launchOf(
  loaded: Pick<Loaded, "config" | "notes">,
  chosen: { places: Places; options: StartOptions },
  context: Context,
): Launch {
  const { places, options } = chosen;
  const config = withFlags(loaded.config, options);
  return {
    places,
    config,
    warnings: loaded.notes,
    address: { host: config.host, port: options.port ?? config.port },
    anyPort: false,
    flags: flagsOf(options),
    observe: () => {
      if (places.configPath === null || isInsecureAllowed(options, context)) return [];
      return insecurities(places.configPath).map(
        what => `The configuration is not safe, and no change of it is taken: ${what}`,
      );
    },
    reread: () => reread(places.configPath, options, context),
  };
}

/** The command line wins over the file, also when the file is read again. Port 0 is no setting, only a wish. */
const withFlags = (config: Config, { host, port }: StartOptions): Config => ({
  ...config,
  host: host ?? config.host,
  port: port || config.port,
});

async function reread(path: string | null, options: StartOptions, context: Context): ReturnType<Launch["reread"]> {
  if (path === null) return { problems: ["The demo has no configuration file."] };
  try {
    const { config, hasTable, written } = await readConfig(path, options, context);
    // Programs that write a file empty it first: that is no wish to remove every upstream.
    if (!hasTable)
      return { problems: [`${path}:1:1: there is no [mcp.proxy] table; is the file still being written?`] };
    checkAllowed(config, options, path);
    return { ...trustIn({ path, written }, context), config: withFlags(config, options) };
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    return { problems: [error.ending.render(plain)] };
  }
}

/** What the configuration forbids, or would be dangerous. */
function checkAllowed(config: Config, options: StartOptions, where: string): void {
  if (!config.enable) {
    fail("disabled", "The proxy is switched off in its configuration", {
      where,
      help: ["Set `enable = true` in [mcp.proxy], or remove the line."],
    });
  }
  const host = options.host ?? config.host;
  if (isLoopback(host) || options.allowUnauthenticated) return;
  fail("unauthenticated", `Refusing to listen on ${host} without authentication`, {
    where: options.host === undefined ? `host in ${where}` : "--host",
    help: [
      "Everybody who reaches that address could call every tool. Listen on 127.0.0.1, the default.",
      "If something else protects that address, say so as well: `--allow-unauthenticated`.",
    ],
  });
}

function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, "$1").toLowerCase();
  if (isIP(bare) === 4) return bare.startsWith("127.");
  return bare === "localhost" || bare === "::1";
}
