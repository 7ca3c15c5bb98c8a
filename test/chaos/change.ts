import { readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { ask } from "../../src/app/control/client.ts";
import { PLACED, WHOLE } from "../faults/broken-configs.ts";
import { modernAgent } from "../fixtures/agents/http.ts";
import { upstreamCommand } from "../fixtures/build.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { processesIn } from "../fixtures/leaks.ts";
import { poll } from "../fixtures/poll.ts";
import { startUpstream } from "../fixtures/upstream/upstream.ts";
import type { ChaosOptions } from "./run.ts";
import { figure, invariant, type Verdict } from "./verdict.ts";

const FREE = { security: { rate_limit_per_minute: 0 } };
const PER_SECOND = 50;
const RELOADS = 100;
/** Between two of them. */
const PACE_MS = 50;
/** From here on a run is long enough for what the goals say; a shorter one does a share of it. */
const LONG_SECONDS = 120;

/** A call now and then, one after the other; the function that is returned ends it, with how many there were and what failed. */
function steadily(gateway: GatewayRun): () => Promise<{ calls: number; wrong: string[] }> {
  const agent = modernAgent(gateway.url);
  const running: Promise<void>[] = [];
  const wrong: string[] = [];
  const one = async (name: string): Promise<void> => {
    try {
      const { message, raw } = await agent.request("tools/call", { name, arguments: { a: 1, b: 2 } });
      if (!message?.result) wrong.push(`${name}: ${raw.slice(0, 200)}`);
    } catch (error) {
      wrong.push(`${name}: ${error}`);
    }
  };
  const timer = setInterval(() => running.push(one(NAMES[running.length % NAMES.length] ?? "")), 1_000 / PER_SECOND);
  return async () => {
    clearInterval(timer);
    await Promise.all(running);
    return { calls: running.length, wrong };
  };
}
/** Unsafe ones of a child and of a server, and one that only reads. */
const NAMES = ["add", "count", "echo"];

/** G-07, G-08: good and broken configurations under load. */
export async function changes({ seconds }: ChaosOptions): Promise<Verdict[]> {
  const upstream = await startUpstream({ tools: ["echo", "count"] });
  const toml = (spareTimeout: number): string => {
    const child = { name: "child", transport: "stdio", ...upstreamCommand("--tools", "add", "--scheme", "child") };
    const spare = { name: "spare", transport: "http", url: upstream.url, tools: ["none"], timeout: spareTimeout };
    // A line of its own, without which there would be no table to break.
    const proxy = { ...FREE, naming: "auto" };
    return configToml([spare, child, { name: "fixture", transport: "http", url: upstream.url }], proxy);
  };
  const gateway = await startGateway({ toml: toml(60) });
  const write = (text: string | Buffer): void => writeFileSync(gateway.configPath, text, { mode: 0o600 });
  const childPid = async (): Promise<number | null | undefined> =>
    (await gateway.status()).upstreams.find(({ name }) => name === "child")?.pid;
  const reload = async (): Promise<{ ok: boolean; problems: string }> => {
    const answer = await ask(gateway.socket, { op: "reload" });
    if (answer.kind !== "answer") return { ok: false, problems: `reload: ${answer.kind}` };
    const { ok, problems = [] } = answer.result.value<{ ok: boolean; problems?: string[] }>();
    return { ok, problems: problems.join("\n") };
  };
  try {
    await gateway.until(({ upstreams }) => upstreams.every(({ state }) => state === "ready"));
    const pid = await childPid();
    const reloads = Math.max(10, Math.min(RELOADS, Math.round((seconds * RELOADS) / LONG_SECONDS)));
    const taking = steadily(gateway);
    const refused: string[] = [];
    for (let turn = 0; turn < reloads; turn++) {
      write(toml(30 + (turn % 60)));
      const { ok, problems } = await reload();
      if (!ok) refused.push(problems);
      await sleep(PACE_MS);
    }
    const taken = await taking();
    const after = await childPid();
    if (after !== pid) refused.push(`child ${pid} became ${after}`);

    const good = readFileSync(gateway.configPath, "utf8");
    const breaks = Object.entries({ ...PLACED, ...WHOLE });
    const refusing = steadily(gateway);
    const unclear: string[] = [];
    for (const [what, breakIt] of breaks) {
      write(breakIt(good));
      const { ok, problems } = await reload();
      const said = what in PLACED ? /mcp-proxy\.toml:\d+:\d+/ : /mcp-proxy\.toml/;
      if (ok || !said.test(problems)) unclear.push(`${what}: ${ok ? "was taken" : problems.slice(0, 200)}`);
      await sleep(PACE_MS);
    }
    write(good);
    if (!(await reload()).ok) unclear.push("the good one was refused");
    const kept = await refusing();
    if ((await childPid()) !== pid) unclear.push("the child was started anew");
    return [
      invariant("G-07", `failures of ${taken.calls} calls in ${reloads} reloads; children that changed`, [
        ...refused,
        ...taken.wrong,
      ]),
      invariant(
        "G-08",
        `failures of ${kept.calls} calls under ${breaks.length} kinds of broken configuration`,
        kept.wrong,
      ),
      invariant("G-08", "of which were taken, or refused without file and line", unclear),
    ];
  } finally {
    await gateway.close();
    await upstream.close();
  }
}

/** In flight when the gateway is told to stop. */
const LAST_CALLS = 200;

/** G-06: calls that take between a tenth of a second and a long time all come to their end. */
export async function stop({ seconds }: ChaosOptions): Promise<Verdict[]> {
  const longestMs = seconds >= LONG_SECONDS ? 20_000 : 2_000;
  const [x, y] = await Promise.all([startUpstream({ tools: ["slow"] }), startUpstream({ tools: ["slow"] })]);
  const upstreams = [x, y].map(({ url }, at) => ({ name: `x${at}`, transport: "http", group: "pair", url }));
  const gateway = await startGateway({ toml: configToml(upstreams, FREE) });
  const agent = modernAgent(gateway.url);
  const called = async (at: number): Promise<string> => {
    const ms = 100 + Math.round(((longestMs - 100) * at) / (LAST_CALLS - 1));
    const { message, raw } = await agent.request("tools/call", { name: "slow", arguments: { ms } });
    return message?.result ? "" : raw.slice(0, 200);
  };
  try {
    await gateway.until(({ upstreams: all }) => all.every(({ state }) => state === "ready"));
    const ends = Promise.all(Array.from({ length: LAST_CALLS }, (_, at) => called(at).catch(String)));
    await poll(() => x.journal.executions.length + y.journal.executions.length >= LAST_CALLS, { everyMs: 5 });
    const from = performance.now();
    const code = await gateway.stop();
    const tookMs = performance.now() - from;
    const wrong = (await ends).filter(text => text !== "");
    await poll(() => processesIn(gateway.dir).length === 0, { withinMs: 2_000 });
    return [
      invariant("G-06", `calls cut by a stop, of ${LAST_CALLS} that take 0.1 to ${longestMs / 1_000} s`, wrong),
      invariant("G-06", "exit code of this stop", code === 0 ? [] : [String(code)], "0"),
      invariant("G-06", "processes left behind by it", processesIn(gateway.dir)),
      figure("G-06", "time of this stop beyond its longest call", {
        ...{ value: Math.max(0, tookMs - longestMs), most: 1_000, bound: 10_000, unit: " ms" },
      }),
    ];
  } finally {
    await gateway.close();
    await Promise.all([x.close(), y.close()]);
  }
}
