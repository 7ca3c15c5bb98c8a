import { setTimeout as sleep } from "node:timers/promises";
import { processesIn } from "../fixtures/leaks.ts";
import { storm } from "./faults.ts";
import { type Fleet, startFleet } from "./fleet.ts";
import { judgeStorm } from "./judge.ts";
import { startLoad } from "./load.ts";
import { figure, invariant, type Verdict } from "./verdict.ts";

export interface ChaosOptions {
  readonly seconds: number;
  readonly seed: number;
  log(text: string): void;
}

const MOST_PER_SECOND = 2_000;
const AT_ONCE = 32;
/** In flight when the gateway is told to stop. */
const LAST_CALLS = 200;

/** The storm: mixed load while the fleet is beaten, and a graceful stop at its end. */
export async function runStorm({ seconds, seed, log }: ChaosOptions): Promise<Verdict[]> {
  const fleet = await startFleet();
  try {
    const load = await startLoad(fleet.gateway, seed);
    const most = await load.flatOut(AT_ONCE, Math.min(5_000, seconds * 100));
    const perSecond = Math.min(MOST_PER_SECOND, most / 2);
    log(`seed ${seed}; at most ${most.toFixed(0)} requests per second; R = ${perSecond.toFixed(0)}`);
    const finish = load.steady(perSecond);
    const blows = await storm(fleet, { seed: seed + 1, ms: seconds * 1_000, log });
    await finish();
    const { deals } = load;
    log(`${deals.length} requests, ${blows.length} blows`);
    const verdicts = judgeStorm(deals, fleet.executions(), blows);
    await load.close();
    return [...verdicts, ...(await stopGracefully(fleet, seed))];
  } finally {
    await fleet.close();
  }
}

/** After many blows an upstream may be avoided for a minute; there it is all the same. */
const CONNECTED: ReadonlySet<string> = new Set(["ready", "degraded", "ejected", "probing"]);

/** G-06: what is running when the gateway is told to stop comes to its end. */
async function stopGracefully({ gateway }: Fleet, seed: number): Promise<Verdict[]> {
  await gateway.until(({ upstreams }) => upstreams.every(({ state }) => CONNECTED.has(state)));
  const load = await startLoad(gateway, seed + 2);
  const outcome = load.inFlight(LAST_CALLS);
  await gateway.until(({ upstreams }) => upstreams.reduce((sum, { inFlight }) => sum + inFlight, 0) >= LAST_CALLS / 2);
  const from = performance.now();
  const code = await gateway.stop();
  const tookMs = performance.now() - from;
  const wrong = (await outcome).filter(text => text !== "");
  for (let left = 20; left > 0 && processesIn(gateway.dir).length > 0; left--) await sleep(100);
  return [
    invariant("G-06", `calls cut by a graceful stop, of ${LAST_CALLS} in flight`, wrong),
    invariant("G-06", "exit code of the stop", code === 0 ? [] : [String(code)], "0"),
    invariant("G-06", "processes left behind", processesIn(gateway.dir)),
    figure("G-06", "time of the stop; the longest call takes 4 s", {
      ...{ value: tookMs, most: 5_000, bound: 30_000, unit: " ms" },
    }),
  ];
}
