import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { ask } from "../../src/app/control/client.ts";
import type { Status } from "../../src/core/status.ts";
import { invariant, type Verdict } from "../chaos/verdict.ts";
import type { Agent } from "../fixtures/agents/answered.ts";
import { legacyAgent, modernAgent } from "../fixtures/agents/http.ts";
import { upstreamCommand } from "../fixtures/build.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { poll } from "../fixtures/poll.ts";
import { createProbe } from "../fixtures/probe.ts";
import type { Json } from "../fixtures/upstream/contract.ts";
import { startUpstream } from "../fixtures/upstream/upstream.ts";
import { atRest, judgeSamples, type Sample, sample } from "./samples.ts";

export interface SoakOptions {
  readonly minutes: number;
  /** How often the work stops, something is restarted and the state is sampled. */
  readonly samples: number;
  log(text: string): void;
}

/** Those that call what is not restarted, or seldom, and those that call what is. */
const WORKERS = { steady: 6, restarting: 3 } as const;
const CALLS_PER_SESSION = 5;
/** In a run of so many minutes or longer; a shorter one does a share of them. */
const FULL_MINUTES = 8;
const RESTARTS = 500;
const RELOADS = 200;
/** More often than four times a minute would be a crash loop, after which it is left alone for long. */
const KILL_EVERY_MS = 20_000;

interface Disturbance {
  readonly restarts: number;
  readonly reloads: number;
  readonly until: number;
}
const FREE = { security: { rate_limit_per_minute: 0 } };

/** What `status` says, without a process of its own for the question. */
async function upstreamsOf({ socket }: GatewayRun): Promise<Status["upstreams"]> {
  const answer = await ask(socket, { op: "status" });
  if (answer.kind !== "answer") throw new Error(`status: ${answer.kind}`);
  return answer.result.value<Status>().upstreams;
}

/** Calls, sessions that come and go, upstreams that restart, reloads: what is used up must come back. */
export async function wear({ minutes, samples: wanted, log }: SoakOptions): Promise<Verdict[]> {
  const [modern, old] = await Promise.all([
    startUpstream({ name: "modern", era: "modern", tools: ["echo"] }),
    startUpstream({ name: "old", era: "legacy", tools: ["count", "progress"], scheme: "old" }),
  ]);
  const toml = (timeout: number): string => {
    const child = upstreamCommand("--name", "child", "--tools", "add", "--scheme", "child");
    const upstreams: Json[] = [
      { name: "modern", transport: "http", url: modern.url },
      { name: "old", transport: "http", url: old.url },
      { name: "child", transport: "stdio", ...child },
      { name: "spare", transport: "http", url: modern.url, tools: ["none"], timeout },
    ];
    return configToml(upstreams, FREE);
  };
  const probe = createProbe();
  const gateway = await startGateway({ toml: toml(60), env: probe.env });
  const totals = { calls: 0, sessions: 0, restarts: 0, reloads: 0 };
  const wrong: string[] = [];

  /** A session after the other, with a few calls in each. */
  async function work(
    until: number,
    call: (plain: Agent, session: Agent, left: number) => Promise<void>,
  ): Promise<void> {
    const plain = modernAgent(gateway.url, { name: "plain" });
    while (performance.now() < until) {
      const session = await legacyAgent(gateway.url, "2025-11-25");
      totals.sessions++;
      for (let left = CALLS_PER_SESSION; left > 0; left--) await call(plain, session, left);
      await session.close();
    }
  }

  async function callSteady(plain: Agent, session: Agent, left: number): Promise<void> {
    const { message } = await plain.request("tools/call", { name: "echo", arguments: { text: "x".repeat(200) } });
    if (!message?.result) wrong.push(JSON.stringify(message));
    // It may fail while the child is being restarted; that it ends is enough here.
    await session.request("tools/call", { name: "add", arguments: { a: 1, b: left } });
    totals.calls += 2;
  }

  /** Waits for a while whenever that upstream is being restarted, and may fail. */
  async function callRestarting(_: Agent, session: Agent): Promise<void> {
    await session.request("tools/call", { name: "progress", arguments: { steps: 1 } });
    totals.calls++;
  }

  async function killChild(): Promise<void> {
    const pid = (await upstreamsOf(gateway)).find(({ name }) => name === "child")?.pid;
    if (!pid) return;
    process.kill(pid, "SIGKILL");
    totals.restarts++;
  }

  async function reload(): Promise<void> {
    writeFileSync(gateway.configPath, toml(30 + (totals.reloads++ % 60)), { mode: 0o600 });
    const { kind } = await ask(gateway.socket, { op: "reload" });
    if (kind !== "answer") wrong.push(`reload: ${kind}`);
  }

  let killedAt = Number.NEGATIVE_INFINITY;
  /** So many restarts and reloads, evenly over the stretch; all of them, also when it is over. */
  async function disturb({ restarts, reloads, until }: Disturbance): Promise<void> {
    const from = performance.now();
    let reloaded = 0;
    for (let done = 1; done <= restarts; done++) {
      if (performance.now() - killedAt >= KILL_EVERY_MS) {
        killedAt = performance.now();
        await killChild();
      } else {
        await old.restart();
        totals.restarts++;
      }
      for (; reloaded < Math.round((reloads * done) / restarts); reloaded++) await reload();
      const next = from + ((until - from) * done) / restarts;
      await sleep(Math.max(0, Math.min(next, until) - performance.now()));
    }
  }

  try {
    await gateway.until(({ upstreams }) => upstreams.every(({ state }) => state === "ready"));
    const samples: Sample[] = [];
    const look = (): Promise<Sample> => sample({ pid: gateway.pid, probe }, totals.calls);
    const stretchMs = (minutes * 60_000) / wanted;
    const share = Math.min(1, minutes / FULL_MINUTES) / wanted;
    const each = (all: number): number => Math.max(1, Math.ceil(all * share));
    for (let turn = 0; turn < wanted; turn++) {
      const until = performance.now() + stretchMs;
      const workers = [
        ...Array.from({ length: WORKERS.steady }, () => work(until, callSteady)),
        ...Array.from({ length: WORKERS.restarting }, () => work(until, callRestarting)),
      ];
      await Promise.all([...workers, disturb({ restarts: each(RESTARTS), reloads: each(RELOADS), until })]);
      // What is in the middle of a restart counts as missing.
      const calm = (): Promise<boolean> =>
        upstreamsOf(gateway).then(all => all.every(({ state, inFlight }) => state === "ready" && inFlight === 0));
      if (!(await poll(calm))) wrong.push("an upstream did not come back");
      for (const upstream of [modern, old]) upstream.journal.clear();
      await sleep(200);
      samples.push(await look());
      const { heapMb, rssMb, files, children, timers } = samples.at(-1) as Sample;
      const held = `heap ${heapMb.toFixed(1)} MB, resident ${rssMb.toFixed(0)} MB, ${files} files`;
      log(`${totals.calls} calls: ${held}, ${children} children, ${timers} timers`);
    }
    const rest = await atRest(look, samples);
    const { calls, sessions, restarts, reloads } = totals;
    const what = `${calls} calls, ${sessions} sessions, ${restarts} restarts, ${reloads} reloads`;
    return [invariant("G-16", `calls that failed beside the restarts: ${what}`, wrong), ...judgeSamples(samples, rest)];
  } finally {
    await gateway.close();
    await Promise.all([modern.close(), old.close()]);
  }
}
