import { cpSync, mkdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { namesOf } from "../fixtures/agents/answered.ts";
import { legacyAgent, modernAgent } from "../fixtures/agents/http.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { startRawPeer } from "../fixtures/http-peer.ts";
import { createProbe } from "../fixtures/probe.ts";
import type { Json } from "../fixtures/upstream/contract.ts";
import { startUpstream, type Upstream } from "../fixtures/upstream/upstream.ts";
import { phaseMs } from "./phases.ts";
import type { ChaosOptions } from "./run.ts";
import { figure, invariant, percentile, type Verdict } from "./verdict.ts";

const LINKS = 200;
const WINDOW_MS = 100;
const FREE = { security: { rate_limit_per_minute: 0 } };

/** G-11: links that break together do not come back together. */
export async function herd(options: ChaosOptions): Promise<Verdict[]> {
  const upstream = await startUpstream({ transport: "sse", era: "legacy", tools: [] });
  const upstreams = Array.from({ length: LINKS }, (_, at) => ({ name: `u${at}`, transport: "sse", url: upstream.url }));
  const gateway = await startGateway({ toml: configToml(upstreams, FREE) });
  const attempts: number[] = [];
  const wall = createServer(socket => {
    attempts.push(performance.now());
    socket.on("error", () => {}).resetAndDestroy();
  });
  try {
    await gateway.until(({ upstreams: all }) => all.every(({ state }) => state === "ready"));
    await upstream.down();
    await new Promise<void>(resolve => wall.listen(upstream.port, "127.0.0.1", resolve));
    const ms = phaseMs(options, 5, 30);
    await sleep(ms);
    const windows = new Map<number, number>();
    for (const at of attempts)
      windows.set(Math.floor(at / WINDOW_MS), (windows.get(Math.floor(at / WINDOW_MS)) ?? 0) + 1);
    const most = Math.max(0, ...windows.values());
    return [
      figure("G-11", `fullest ${WINDOW_MS} ms of ${attempts.length} attempts of ${LINKS} links in ${ms / 1_000} s`, {
        ...{ value: (100 * most) / Math.max(1, attempts.length), most: 10, bound: 60, unit: " %" },
      }),
    ];
  } finally {
    await gateway.close();
    await new Promise(resolve => wall.close(resolve));
    await upstream.close();
  }
}

const MANY = 10;
/** So many that the slowest hundredth is more than one. */
const LISTS = 500;

/** G-12: one that hangs does not keep the others from being listed. */
export async function fanOut(): Promise<Verdict[]> {
  const good = await Promise.all(
    Array.from({ length: MANY - 1 }, (_, at) => startUpstream({ name: `g${at}`, tools: ["echo"], scheme: `g${at}` })),
  );
  const silent = await startRawPeer(() => {});
  const upstreams: Json[] = [...good, silent].map(({ url }, at) => ({
    name: `g${at}`,
    transport: "http",
    url,
    timeout: 30 + at,
  }));
  const toml = configToml(upstreams, { ...FREE, naming: "always" });
  const gateway = await startGateway({ toml });
  let again: GatewayRun | undefined;
  const list = async ({ url } = gateway): Promise<{ ms: number; names: string[]; missing: boolean }> => {
    const from = performance.now();
    const { message } = await modernAgent(url).request("tools/list");
    const { tools = [], _meta } = (message?.result ?? {}) as { tools?: Json[]; _meta?: Json };
    const missing = JSON.stringify(_meta ?? {}).includes(`"g${MANY - 1}"`);
    return { ms: performance.now() - from, names: namesOf(tools), missing };
  };
  try {
    const first = await list();
    await gateway.until(({ upstreams: all }) => all.filter(({ state }) => state === "ready").length === MANY - 1);
    const times: number[] = [];
    for (let left = LISTS; left > 0; left--) times.push((await list()).ms);
    const last = good[0] as Upstream;
    last.when({}, { do: "hang" });
    const stale = await list();
    again = await startGateway({ toml, prepare: dir => takeOver(gateway.dir, dir) });
    const remembered = await list(again);
    const lacking = (names: readonly string[]): string[] =>
      good.map((_, at) => `g${at}__echo`).filter(name => !names.includes(name));
    return [
      figure("G-12", `first list of ${MANY} upstreams of which one hangs`, {
        ...{ value: first.ms, most: 1_100, bound: 5_000, unit: " ms" },
      }),
      invariant("G-12", `tools that this list lacks, of ${MANY - 1}`, lacking(first.names)),
      invariant("G-12", "a partial list that does not say so", first.missing ? [] : ["no name in _meta"]),
      invariant("G-12", "tools that are lost when another upstream stops answering", lacking(stale.names)),
      invariant("G-12", "tools that are lost when the gateway starts anew meanwhile", lacking(remembered.names)),
      figure("G-12", "first list of that gateway, which knows the one that hangs from before", {
        ...{ value: remembered.ms, most: 1_100, bound: 5_000, unit: " ms" },
      }),
      figure("G-12", `p99 of ${LISTS} lists, with a connection for each`, {
        ...{ value: percentile(times, 0.99), most: 5, bound: 1_000, unit: " ms" },
      }),
    ];
  } finally {
    await Promise.all([gateway.close(), again?.close()]);
    await Promise.all([...good, silent].map(one => one.close()));
  }
}

/** What a gateway knows of its upstreams from before. */
function takeOver(from: string, to: string): void {
  const catalogs = (dir: string): string => join(dir, ".radium", "run", "catalogs");
  mkdirSync(catalogs(to), { recursive: true, mode: 0o700 });
  cpSync(catalogs(from), catalogs(to), { recursive: true });
}

const NEWS_PER_SECOND = 1_000;
const TICK_MS = 10;

/** G-13: an upstream that cries wolf is read now and then, and agents hear of it when it is true. */
export async function listStorm(options: ChaosOptions): Promise<Verdict[]> {
  const upstream = await startUpstream({ era: "legacy", tools: ["echo"] });
  const probe = createProbe();
  const toml = configToml([{ name: "noisy", transport: "http", url: upstream.url }], FREE);
  const gateway = await startGateway({ toml, env: probe.env });
  const agent = await legacyAgent(gateway.url, "2025-11-25");
  const timeOf = async (): Promise<number> => {
    const from = performance.now();
    await agent.request("tools/call", { name: "echo", arguments: {} });
    return performance.now() - from;
  };
  const p99 = async (ms: number): Promise<number> => {
    const times: number[] = [];
    for (const until = performance.now() + ms; performance.now() < until; await sleep(20)) times.push(await timeOf());
    return percentile(times, 0.99);
  };
  try {
    await gateway.until(({ upstreams }) => upstreams.every(({ state }) => state === "ready"));
    const { inbox } = await agent.listen();
    const ms = phaseMs(options, 4, 30);
    const calm = await p99(ms / 2);
    const [lists, told] = [upstream.journal.sent("tools/list").length, inbox.all.length];
    const before = await probe.ask();
    let ticks = 0;
    const timer = setInterval(() => {
      ticks++;
      // Once in a second something really changes.
      if (ticks % (1_000 / TICK_MS) === 0) upstream.change("tools");
      for (let left = (NEWS_PER_SECOND * TICK_MS) / 1_000; left > 0; left--) upstream.announce("tools");
    }, TICK_MS);
    const from = performance.now();
    const stormy = await p99(ms);
    clearInterval(timer);
    const seconds = (performance.now() - from) / 1_000;
    const after = await probe.ask();
    const read = upstream.journal.sent("tools/list").length - lists;
    return [
      figure("G-13", `lists per second for ${Math.round((ticks * 10) / seconds)} notifications per second`, {
        ...{ value: read / seconds, most: 2.3, bound: 10, unit: "/s" },
      }),
      figure("G-13", "notifications to an agent per second", {
        ...{ value: (inbox.all.length - told) / seconds, most: 1.1, bound: 5, unit: "/s" },
      }),
      figure("G-13", "processor time of the gateway", {
        ...{ value: (after.cpuMs - before.cpuMs) / seconds / 10, most: 100, bound: 200, unit: " %" },
      }),
      figure("G-13", `p99 of calls, against ${calm.toFixed(0)} ms without the storm`, {
        ...{ value: stormy / calm, most: 2, bound: Number.POSITIVE_INFINITY, unit: "x" },
      }),
    ];
  } finally {
    await agent.close();
    await gateway.close();
    await upstream.close();
  }
}
