import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ask } from "../../src/app/control/client.ts";
import { figure, invariant, percentile, type Verdict } from "../chaos/verdict.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { HOSTILE_CLIENTS, type HostileName } from "../fixtures/hostile-clients.ts";
import { startCrowd } from "../fixtures/hostile-crowd.ts";
import { startHostileFleet } from "../fixtures/hostile-fleet.ts";
import { HOSTILE_UPSTREAMS } from "../fixtures/hostile-upstreams.ts";
import { descendants, processesIn } from "../fixtures/leaks.ts";
import { poll } from "../fixtures/poll.ts";
import { createProbe } from "../fixtures/probe.ts";
import { startBraveAgents } from "./brave-agents.ts";
import { createCanaryWatch } from "./canary-watch.ts";
import { type Deed, startGoodAgents } from "./good-agents.ts";
import { startGoodFleet } from "./good-fleet.ts";
import { judgeDeeds } from "./judge-deeds.ts";
import { atRest, sample } from "./samples.ts";
import { watchVitals } from "./vitals.ts";

export interface HostileOptions {
  /** For so long all of them work beside each other. */
  readonly ms: number;
  /** One upstream of each. */
  readonly upstreams?: readonly string[];
  /** One client of each. */
  readonly clients?: readonly HostileName[];
  /** A module that the gateway loads first, such as a profiler. */
  readonly preload?: string | undefined;
  readonly log: (text: string) => void;
}

const HEAP_MB = 600;
/** Reading a hundred hostile upstreams for the first time takes a while on a small machine. */
const RELOAD_MS = 120_000;
const CHANGE_EVERY_MS = 15_000;
const SECURITY = { rate_limit_per_minute: 3_000, other_requests_per_minute: 6_000 };
/** What keeps silent must not keep its callers for ever, and what does not start is tried again soon. */
const PATIENCE = { timeout: 10, start_timeout: 20, health_check_interval: 10 };

/** Good upstreams and agents beside one of each kind of malice on both sides. */
export async function hostile(options: HostileOptions): Promise<Verdict[]> {
  const { ms, log, upstreams = Object.keys(HOSTILE_UPSTREAMS) } = options;
  const { clients = Object.keys(HOSTILE_CLIENTS) as HostileName[] } = options;
  const good = await startGoodFleet();
  const evil = await startHostileFleet(upstreams);
  const names = upstreams.map((kind, at) => {
    log(`h${at}: ${kind}`);
    return `h${at}`;
  });
  const evilTables = upstreams.map((kind, at) => ({ name: `h${at}`, ...PATIENCE, ...evil.tables[kind] }));
  const proxy = { security: SECURITY };
  const calm = configToml(good.tables, proxy);
  const empty = configToml([], proxy);
  const crowded = configToml([...good.tables, ...evilTables], proxy);
  const probe = createProbe();
  const preloading = options.preload === undefined ? "" : ` --import=${options.preload}`;
  const NODE_OPTIONS = `${probe.env.NODE_OPTIONS} --max-old-space-size=${HEAP_MB}${preloading}`;
  const gateway = await startGateway({ toml: calm, env: { ...probe.env, NODE_OPTIONS } });
  const canaries = createCanaryWatch();
  try {
    await gateway.until(({ upstreams: all }) => all.every(({ state }) => state === "ready"));
    const agents = await startGoodAgents(gateway, text => canaries.look("an answer to a good agent", text));
    const deaf = await agents.hear(good.change);
    await agents.work(2_000);
    const before = await agents.work(Math.max(3_000, Math.min(30_000, ms / 4)));
    const look = () => sample({ pid: gateway.pid, probe }, 0);
    const start = await look();
    log(`calm: ${start.rssMb.toFixed(0)} MB, ${start.files} files, ${start.children} children`);

    const seen = watchVitals({ gateway, probe }, log);
    const reloading = performance.now();
    await reload(gateway, crowded);
    const reloadMs = performance.now() - reloading;
    log(`reload: ${reloadMs.toFixed(0)} ms`);
    const crowd = startCrowd({
      target: { port: gateway.port, scheme: "old", ownTool: "own:count" },
      clients: Object.fromEntries(clients.map(kind => [kind, 1])),
    });
    const endBrave = startBraveAgents({ base: gateway.base, upstreams: names });
    // The first seconds are part of it: that is when everything is read for the first time.
    const during: Deed[] = [];
    const working = agents.work(ms).then(deeds => during.push(...deeds));
    for (const until = performance.now() + ms - 5_000; performance.now() < until; ) {
      deaf.push(...(await agents.hear(good.change)));
      await sleep(Math.max(0, Math.min(CHANGE_EVERY_MS, until - performance.now())));
    }
    await working;
    const vitals = await seen();
    const brave = await endBrave();
    for (const [kind, counts] of Object.entries(await crowd.end())) log(`${kind}: ${JSON.stringify(counts)}`);
    log(`to those who call hostile ones: ${JSON.stringify(brave.told)}`);
    canaries.look("status", vitals.status);
    canaries.look("the output", gateway.output());

    // The children that hostile clients have of their own would stay for as long as their sessions.
    await reload(gateway, empty);
    await reload(gateway, calm);
    await gateway.until(({ upstreams: all }) => all.every(({ state }) => state === "ready"));
    const after = await agents.work(2_000);
    const rest = await atRest(look, [start]);
    await agents.close();
    // To be stopped with all of them running.
    await reload(gateway, crowded);
    await sleep(Math.min(10_000, ms / 2));
    const children = descendants(gateway.pid);
    const from = performance.now();
    const code = await gateway.stop();
    const stopMs = performance.now() - from;
    await poll(() => processesIn(gateway.dir).length === 0, { withinMs: 5_000 });
    const left = processesIn(gateway.dir);
    const lines = logText(gateway.dir);
    for (const line of lines) canaries.look("the log", line);
    const p99 = (deeds: readonly Deed[]): number =>
      percentile(
        deeds.map(deed => deed.ms),
        0.99,
      );
    const unbounded = Number.POSITIVE_INFINITY;
    return [
      ...judgeDeeds([...before, ...during, ...after], good.executions()),
      invariant("T-24", "changes of a resource that a good agent did not hear of", deaf),
      figure("T-24", `p99 of ${during.length} requests of good agents, against ${p99(before).toFixed(1)} ms without`, {
        ...{ value: p99(during) / p99(before), most: 3, bound: unbounded, unit: "x" },
      }),
      figure("T-24", "the longest of them", {
        ...{ value: Math.max(0, ...during.map(deed => deed.ms)), most: 2_000, bound: unbounded, unit: " ms" },
      }),
      invariant("T-24", `lists of everything that failed, of ${brave.lists.ms.length}`, brave.lists.wrong),
      figure("T-44", "p99 of lists of everything", {
        ...{ value: percentile(brave.lists.ms, 0.99), most: 2_000, bound: unbounded, unit: " ms" },
      }),
      invariant("T-31", "requests to hostile upstreams that ended without a message", brave.wrong),
      figure("T-26", "longest stall of the event loop", {
        ...{ value: vitals.stallMs, most: 250, bound: 10_000, unit: " ms" },
      }),
      figure("T-24", "longest time that status took", {
        ...{ value: vitals.statusMs, most: 2_000, bound: 30_000, unit: " ms" },
      }),
      figure("T-24", `peak of resident memory with a heap of ${HEAP_MB} MB, from ${start.rssMb.toFixed(0)} MB`, {
        ...{ value: vitals.peakMb, most: 1_000, bound: 1_600, unit: " MB" },
      }),
      figure("T-24", "slope of resident memory after the first third", {
        ...{ value: vitals.mbPerMinute, most: 5, bound: unbounded, unit: " MB a minute" },
      }),
      invariant("T-24", "descriptors that did not come back", grown(start.files, rest.files, 8)),
      invariant("T-48", "children that did not go with their upstreams", grown(start.children, rest.children, 0)),
      invariant("T-48", `processes left behind after the stop, of ${children.length}`, left),
      invariant("T-48", "exit code of the stop", code === 0 ? [] : [String(code)], "0"),
      figure("T-48", "time of the stop", { value: stopMs, most: 10_000, bound: 35_000, unit: " ms" }),
      invariant(
        "T-41",
        `log lines that are no JSON, of ${lines.length}`,
        lines.filter(line => !isObject(line)),
      ),
      invariant("T-41", "secrets in the log, in status, in the output and in answers to agents", [
        ...canaries.found,
        ...brave.canaries,
      ]),
    ];
  } finally {
    await gateway.close();
    await Promise.all([good.close(), evil.close()]);
  }
}

async function reload(gateway: GatewayRun, toml: string): Promise<void> {
  writeFileSync(gateway.configPath, toml, { mode: 0o600 });
  const answer = await ask(gateway.socket, { op: "reload", timeoutMs: RELOAD_MS });
  if (answer.kind !== "answer") throw new Error(`reload: ${JSON.stringify(answer)}`);
}

const grown = (from: number, to: number, spare: number): string[] => (to > from + spare ? [`${from} → ${to}`] : []);

function logText(dir: string): string[] {
  const run = join(dir, ".radium", "run");
  return readdirSync(run)
    .filter(name => /^requests\..*|\.log/.test(name))
    .flatMap(name => readFileSync(join(run, name), "utf8").split("\n"))
    .filter(line => line !== "");
}

function isObject(line: string): boolean {
  try {
    return typeof JSON.parse(line) === "object";
  } catch {
    return false;
  }
}
