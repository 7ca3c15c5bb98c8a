import { ask } from "../../src/app/control/client.ts";
import type { Status } from "../../src/core/status.ts";
import { processesIn } from "../fixtures/leaks.ts";
import { poll } from "../fixtures/poll.ts";
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
/** Longer than the longest pause between two attempts to connect. Who is not back by then is not called. */
const COME_BACK_MS = 70_000;

/** G-06: what is running when the gateway is told to stop comes to its end. */
async function stopGracefully({ gateway }: Fleet, seed: number): Promise<Verdict[]> {
  const upstreams = async (): Promise<Status["upstreams"]> => {
    const answer = await ask(gateway.socket, { op: "status" });
    return answer.kind === "answer" ? answer.result.value<Status>().upstreams : [];
  };
  await poll(async () => (await upstreams()).every(({ state }) => CONNECTED.has(state)), {
    ...{ withinMs: COME_BACK_MS, everyMs: 500 },
  });
  const load = await startLoad(gateway, seed + 2);
  const { outcome, ended } = load.inFlight(LAST_CALLS);
  // Whoever comes when it has been told to stop is refused, and rightly so.
  await poll(async () => {
    const before = ended();
    return before + (await upstreams()).reduce((sum, { inFlight }) => sum + inFlight, 0) >= LAST_CALLS;
  });
  const from = performance.now();
  const code = await gateway.stop();
  const tookMs = performance.now() - from;
  const wrong = (await outcome).filter(text => text !== "");
  await poll(() => processesIn(gateway.dir).length === 0, { withinMs: 2_000 });
  return [
    invariant("G-06", `calls cut by a graceful stop, of ${LAST_CALLS} in flight`, wrong),
    invariant("G-06", "exit code of the stop", code === 0 ? [] : [String(code)], "0"),
    invariant("G-06", "processes left behind", processesIn(gateway.dir)),
    figure("G-06", "time of the stop; the longest call takes 4 s", {
      ...{ value: tookMs, most: 5_000, bound: 30_000, unit: " ms" },
    }),
  ];
}
