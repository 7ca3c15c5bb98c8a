import { rmSync } from "node:fs";
import type { Config } from "../../config/schema.ts";
import { systemClock } from "../../lib/clock.ts";
import { occupy, type RunRecord } from "../../lib/run-file.ts";
import { watchFile } from "../../lib/watch-file.ts";
import { allTried, localClient } from "../control/local-gateway.ts";
import type { Places } from "../control/places.ts";
import { serveControl } from "../control/server.ts";
import { fail } from "../errors.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { type Gateway, keepIn, type Listening } from "../gateway.ts";
import { printable } from "../terminal/printable.ts";
import { connectHelp, fleetSummary, styleOf } from "../terminal/summary.ts";
import { count, duration } from "../terminal/words.ts";
import { VERSION } from "../version.ts";
import { type Context, commandFor, nameOf, unsafe } from "./command.ts";
import { endingOf, obeySignals, type Session } from "./ending.ts";
import { type Address, listenFailure } from "./port.ts";
import { showProgress } from "./progress.ts";
import { type Reloading, type Reread, reloading } from "./reloading.ts";

/** A gateway that is to run in this process until somebody ends it. */
export interface Launch {
  readonly places: Places;
  readonly config: Config;
  /** One line each, for `status`. */
  readonly warnings: readonly string[];
  readonly address: Address;
  /** Where the port may be another one when this one is taken. */
  readonly anyPort: boolean;
  /** What a restart must say again. */
  readonly flags: readonly string[];
  /** Who else can change the configuration now, one line each. */
  readonly observe: () => readonly string[];
  /** Reads the configuration again. */
  readonly reread: () => Promise<Reread | { problems: readonly string[] }>;
}

/** How long the first picture waits for slow upstreams. The gateway serves meanwhile. */
const PICTURE_MS = 5_000;

/** Runs a gateway until a signal or the control socket ends it. */
export async function runForeground(launch: Launch, context: Context): Promise<ExitCode> {
  const { places } = launch;
  const held = await takeInstance(launch, context);
  // Whatever ends this process, no run file of it stays.
  const release = (): void => {
    rmSync(places.socket, { force: true });
    held.release();
  };
  process.on("exit", release);
  try {
    const gateway = await context.assemble({
      config: launch.config,
      configPath: places.configPath,
      baseDir: places.baseDir,
      keep: keepIn(places.runDir),
      version: VERSION,
      warnings: launch.warnings,
      observe: launch.observe,
      tell: line => context.terminal.err(printable(line)),
    });
    const ending = endingOf(gateway);
    const { configPath } = places;
    const changes = reloading({ gateway, config: launch.config, configPath, reread: launch.reread }, context);
    const ignoreSignals = obeySignals({ gateway, ending }, changes.aloud, context);
    try {
      const listening = await open(gateway, launch, context);
      held.announce({ host: launch.address.host, port: listening.port, url: listening.url });
      return await serve({ gateway, ending, listening, changes }, launch, context);
    } finally {
      ignoreSignals();
      await ending.end(0);
    }
  } finally {
    held.release();
    process.off("exit", release);
  }
}

async function takeInstance({ places, flags }: Launch, context: Context) {
  const facts = {
    configPath: places.configPath,
    version: VERSION,
    startedAt: new Date().toISOString(),
    socket: places.socket,
    flags,
  };
  const held = await occupy(places.runDir, facts);
  if (held.kind === "taken") return alreadyRunning(held.record, places, context);
  return held.kind === "refused" ? unsafe(held.detail) : held;
}

export function alreadyRunning(record: RunRecord, places: Places, context: Context): never {
  const [see, end, restart] = ["status", "stop", "restart"].map(verb => commandFor(verb, places.configPath, context));
  return fail("alreadyRunning", `The gateway of this configuration is already running (pid ${record.pid})`, {
    where: `${nameOf(places)}${record.address ? `, at ${record.address.url}` : ""}`,
    help: [`See it: \`${see}\`.`, `Stop it: \`${end}\`, or restart it: \`${restart}\`.`],
  });
}

/** Opens the port; where any port will do, a free one if that one is taken. */
async function open(gateway: Gateway, { address, anyPort }: Launch, context: Context): Promise<Listening> {
  try {
    return await gateway.listen(address);
  } catch (error) {
    if (!anyPort || (error as NodeJS.ErrnoException).code !== "EADDRINUSE") {
      throw (await listenFailure(error, address, context)) ?? error;
    }
  }
  context.terminal.err(`Port ${address.port} is already in use: taking a free one.`);
  return gateway.listen({ host: address.host, port: 0 });
}

async function serve(
  session: Session & { listening: Listening; changes: Reloading },
  launch: Launch,
  context: Context,
): Promise<ExitCode> {
  const { gateway, ending, listening, changes } = session;
  const { terminal } = context;
  const target = { client: localClient(gateway), stop: ending.end, reload: changes.byPerson };
  const control = await serveControl(launch.places.socket, target).catch((error: Error) => unsafe(error.message));
  terminal.out(`Listening on ${listening.url}`);
  context.tellReady();
  const progress = showProgress(gateway, terminal, terminal.live);
  const { configPath } = launch.places;
  const changed = (): void => void changes.seen();
  const watched = { clock: systemClock, changed, since: "reading" } as const;
  const unwatch = configPath === null ? () => {} : watchFile(configPath, watched);
  try {
    await Promise.race([allTried(gateway, PICTURE_MS), ending.ended]);
    progress.settle();
    const status = gateway.status();
    const lines = [...fleetSummary(status, styleOf(terminal)), "", ...connectHelp(listening, terminal.paint.out)];
    terminal.out(`\n${lines.join("\n")}\n`);
    if (terminal.live) terminal.err(terminal.paint.err("dim", "Press Ctrl+C to stop."));
    const { cut, tookMs } = await ending.ended;
    const rest = cut > 0 ? `; ${count(cut, "call")} did not finish` : "";
    terminal.err(`Stopped after ${duration(tookMs)}${rest}.`);
    return cut > 0 ? EXIT.error : EXIT.ok;
  } finally {
    unwatch();
    progress.end();
    await ending.end(0);
    await control.close();
  }
}
