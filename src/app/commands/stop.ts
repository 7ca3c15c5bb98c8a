import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { lives, surelyLives } from "../../lib/lock-file.ts";
import { platformOf } from "../../lib/platform.ts";
import { clearStale, RUN_FILE, type RunRecord } from "../../lib/run-file.ts";
import { type Answer, ask } from "../control/client.ts";
import type { StopReport } from "../control/gateway-client.ts";
import { locate, type Places } from "../control/places.ts";
import { isGatewayOf } from "../control/proof.ts";
import { ANSWER_MS } from "../control/remote-gateway.ts";
import { fail } from "../errors.ts";
import { EXIT } from "../exit-codes.ts";
import { count, duration } from "../terminal/words.ts";
import { type Command, type Common, type Context, nameOf, placesFor, standingOf } from "./command.ts";

export interface StopOptions extends Common {
  /** Seconds that running calls may take to finish. */
  readonly timeout?: number | undefined;
}

/** How long a process may take beyond the drain it was asked for, and to die of a signal. */
const MARGIN_MS = 5_000;
const LOOK_MS = 20;

export const stop: Command<StopOptions> = async (options, context) => {
  if (!locate(options, context)) return notRunning("there is no configuration file here");
  const places = placesFor(options, context);
  const found = standingOf(places);
  if (found.kind === "stale") {
    await clearStale(places.runDir);
    rmSync(places.socket, { force: true });
    const whose = found.reused ? " (that pid is another program now, which is left alone)" : "";
    return notRunning(
      `${nameOf(places)}; the run file of pid ${found.pid ?? "unknown"}, which has ended, was tidied away${whose}`,
    );
  }
  if (found.kind === "none") return notRunning(nameOf(places));
  await stopRunning(found.record, { places, graceMs: (options.timeout ?? 30) * 1000 }, context);
  return EXIT.ok;
};

function notRunning(where: string): never {
  return fail("notRunning", "The proxy is not running", { where, help: ["Start it: `rad mcp proxy start`."] });
}

/**
 * Ends a gateway: by asking it, and if it does not answer by signals to the process that the run file names, when that
 * process itself shows that it is this gateway. A number is never enough, nor is what anybody could have written down.
 */
export async function stopRunning(
  record: RunRecord,
  how: { places: Places; graceMs: number },
  context: Context,
): Promise<void> {
  const { graceMs, places } = how;
  const { terminal } = context;
  const startedMs = performance.now();
  const took = (): string => duration(performance.now() - startedMs);
  const answer = await askToStop(record, graceMs);
  if (answer.kind === "answer" && (await isGone(record, MARGIN_MS))) {
    const { cut } = answer.result.value<StopReport & Record<string, unknown>>();
    const rest = cut > 0 ? `; ${count(cut, "call")} did not finish` : "; every call finished";
    terminal.out(`Stopped the gateway (pid ${record.pid}) after ${took()}${rest}.`);
    return;
  }
  if (await isGone(record, 0)) return terminal.out(`The gateway (pid ${record.pid}) has ended.`);
  if (!isGatewayOf(record.pid, places, { platform: platformOf(), env: context.env })) unproven(record, places);
  terminal.err(`The gateway (pid ${record.pid}) does not answer: ending its process.`);
  if (!(await endProcess(record, graceMs))) {
    fail("cannotStop", `The process ${record.pid} does not end`, {
      where: nameOf(places),
      help: [`Make sure that it is the gateway (\`ps -p ${record.pid}\`), and end it: \`kill -9 ${record.pid}\`.`],
    });
  }
  await clearStale(places.runDir);
  rmSync(places.socket, { force: true });
  terminal.out(`Ended the process ${record.pid} after ${took()}; calls that were running did not finish.`);
}

function unproven({ pid }: RunRecord, places: Places): never {
  return fail("cannotStop", `Nothing shows that process ${pid} is this gateway, so it is left alone`, {
    where: `${join(places.runDir, RUN_FILE)} names it, and the control socket does not answer`,
    help: [
      `Look at it: \`ps -fp ${pid}\`. If it is the gateway, end it: \`kill ${pid}\`, then \`kill -9 ${pid}\`.`,
      "If it is something else, remove that file.",
    ],
  });
}

/** A gateway that hangs is not waited for as long as one that drains. */
async function askToStop(record: RunRecord, graceMs: number): Promise<Answer> {
  const well = await ask(record.socket, { op: "status", timeoutMs: ANSWER_MS });
  if (well.kind === "silent" || well.kind === "unreachable") return well;
  return ask(record.socket, { op: "stop", with: { graceMs }, timeoutMs: graceMs + MARGIN_MS });
}

async function endProcess(record: RunRecord, graceMs: number): Promise<boolean> {
  for (const [signal, waitMs] of [
    ["SIGTERM", Math.min(graceMs, MARGIN_MS)],
    ["SIGKILL", MARGIN_MS],
  ] as const) {
    if (!surelyLives(record)) return !lives(record);
    try {
      process.kill(record.pid, signal);
    } catch {
      return !lives(record);
    }
    if (await isGone(record, waitMs)) return true;
  }
  return false;
}

async function isGone(record: RunRecord, waitMs: number): Promise<boolean> {
  const untilMs = performance.now() + waitMs;
  while (lives(record)) {
    if (performance.now() >= untilMs) return false;
    await delay(LOOK_MS);
  }
  return true;
}
