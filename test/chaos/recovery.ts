import { setTimeout as sleep } from "node:timers/promises";
import { modernAgent } from "../fixtures/agents/http.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { startUpstream, type Upstream } from "../fixtures/upstream/upstream.ts";
import { phaseMs } from "./phases.ts";
import type { ChaosOptions } from "./run.ts";
import { figure, invariant, type Verdict } from "./verdict.ts";

const CHECK_SECONDS = 10;
const PER_SECOND = 25;
/** From here on a run is long enough for what the goals say. */
const LONG_SECONDS = 120;
/** Who comes back gets a tenth of its share at first, and all of it after so long. */
const SLOW_START_MS = 30_000;

interface Pair {
  readonly gateway: GatewayRun;
  readonly x: Upstream;
  readonly y: Upstream;
  /** Safe calls at a steady rate. Resolves with how many there were and what came back for each. */
  calls(ms: number): Promise<string[]>;
}

/** Two replicas in this process, and a gateway in front of them. */
async function withPair(work: (pair: Pair) => Promise<Verdict[]>): Promise<Verdict[]> {
  const [x, y] = await Promise.all([startUpstream({ tools: ["echo"] }), startUpstream({ tools: ["echo"] })]);
  const common = { transport: "http", group: "pair", safe_to_retry: ["echo"], health_check_interval: CHECK_SECONDS };
  const upstreams = [
    { name: "x", url: x.url, ...common },
    { name: "y", url: y.url, ...common },
  ];
  const gateway = await startGateway({ toml: configToml(upstreams, { security: { rate_limit_per_minute: 0 } }) });
  const agent = modernAgent(gateway.url);
  const one = async (): Promise<string> => {
    const { message, raw } = await agent.request("tools/call", { name: "echo", arguments: {} });
    return message?.result ? "" : raw.slice(0, 200);
  };
  const calls = async (ms: number): Promise<string[]> => {
    const ends: Promise<string>[] = [];
    for (const until = performance.now() + ms; performance.now() < until; await sleep(1_000 / PER_SECOND)) {
      ends.push(one().catch(String));
    }
    return Promise.all(ends);
  };
  try {
    await gateway.until(({ upstreams: all }) => all.every(({ state }) => state === "ready"));
    return await work({ gateway, x, y, calls });
  } finally {
    await gateway.close();
    await Promise.all([x.close(), y.close()]);
  }
}

const called = (upstream: Upstream): number => upstream.journal.sent("tools/call").length;
const failures = (ends: readonly string[]): string[] => ends.filter(text => text !== "");

/** In how many steps the growing share is told. */
const STEPS = 6;

/** G-02: who comes back takes part again, with little at first. */
export const recovery = (options: ChaosOptions): Promise<Verdict[]> =>
  withPair(async ({ y, x, calls }) => {
    await y.down();
    const during = failures(await calls(phaseMs(options, 2, 5)));
    await y.up();
    const before = called(y);
    const from = performance.now();
    const after: string[] = [];
    while (called(y) === before && performance.now() - from < 3 * CHECK_SECONDS * 1_000)
      after.push(...(await calls(200)));
    const backMs = performance.now() - from;
    const shareOver = async (ms: number): Promise<number> => {
      const [sinceX, sinceY] = [called(x), called(y)];
      after.push(...(await calls(ms)));
      return (100 * (called(y) - sinceY)) / Math.max(1, called(y) - sinceY + called(x) - sinceX);
    };
    const rampMs = options.seconds >= LONG_SECONDS ? SLOW_START_MS : phaseMs(options, 3, 30);
    const shares: number[] = [];
    for (let step = 0; step < STEPS; step++) shares.push(await shareOver(rampMs / STEPS));
    const share = await shareOver(2_000);
    const grew = shares.map(one => one.toFixed(0)).join(", ");
    return [
      invariant("G-02", "failed safe calls while one of two is down, and when it comes back", [
        ...during,
        ...failures(after),
      ]),
      figure("G-02", "time until it is called again", {
        ...{ value: backMs, most: CHECK_SECONDS * 1_000 + 1_000, bound: 3 * CHECK_SECONDS * 1_000, unit: " ms" },
      }),
      figure("G-02", `what lacks to its half of the calls, which were ${grew} % in ${rampMs / 1_000} s`, {
        ...{ value: Math.max(0, 50 - share), most: rampMs < SLOW_START_MS ? 45 : 5, bound: 50, unit: " %" },
      }),
    ];
  });

/** G-05: when everybody fails, retrying must not make it worse. */
export const retries = (options: ChaosOptions): Promise<Verdict[]> =>
  withPair(async ({ x, y, calls }) => {
    for (const upstream of [x, y]) upstream.when({ method: "tools/call" }, { do: "status", status: 500 });
    const ms = phaseMs(options, 11, 20);
    const from = performance.now();
    const offered = (await calls(ms)).length;
    const seconds = (performance.now() - from) / 1_000;
    const sent = called(x) + called(y);
    return [
      figure("G-05", `requests to upstreams that all fail, for ${offered} offered in ${seconds.toFixed(0)} s`, {
        ...{ value: sent, most: Math.round(1.2 * offered + 10 * seconds), bound: 2.2 * offered, unit: "" },
      }),
    ];
  });

/** When an upstream was called. */
function watch(upstream: Upstream): { times: number[]; stop(): void } {
  const times: number[] = [];
  const timer = setInterval(() => {
    while (times.length < called(upstream)) times.push(performance.now());
  }, LOOK_MS);
  return { times, stop: () => clearInterval(timer) };
}
const LOOK_MS = 10;
const FIRST_WAIT_MS = 1_000;

/** G-10: an instance on probation gets one real call at a time, ever more rarely. */
export const halfOpen = (options: ChaosOptions): Promise<Verdict[]> =>
  withPair(async ({ y, calls }) => {
    y.when({ method: "tools/call" }, { do: "status", status: 500 });
    const ms = options.seconds >= LONG_SECONDS ? 20_000 : phaseMs(options, 5, 15);
    const { times, stop } = watch(y);
    const wrong = failures(await calls(ms).finally(stop));
    // Five faults eject; then there is one real call after 1, 2, 4, 8 s, and those that were on their way.
    const allowed = 5 + Math.ceil(Math.log2(ms / 1_000 + 1)) + 2;
    const pauses = times.slice(1).map((at, index) => at - (times[index] ?? at));
    const waits = pauses.slice(
      Math.max(
        0,
        pauses.findIndex(pause => pause > FIRST_WAIT_MS / 2),
      ),
    );
    const seconds = waits.map(wait => (wait / 1_000).toFixed(1));
    return [
      invariant("G-10", "failed safe calls while one of two answers 500 to everything", wrong),
      figure("G-10", `real calls to an instance that always fails, in ${ms / 1_000} s`, {
        ...{ value: called(y), most: allowed, bound: Number.POSITIVE_INFINITY, unit: "" },
      }),
      invariant(
        "G-10",
        `waits shorter than 1, 2, 4 … s before its next call, of ${seconds.join(", ")} s`,
        waits.flatMap((wait, turn) =>
          wait < FIRST_WAIT_MS * 2 ** turn - 2 * LOOK_MS ? [`${wait.toFixed(0)} ms`] : [],
        ),
      ),
    ];
  });
