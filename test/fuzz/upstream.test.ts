import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { modernAgent } from "../fixtures/agents/http.ts";
import { program } from "../fixtures/build.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { createProbe } from "../fixtures/probe.ts";
import { startUpstream, type Upstream } from "../fixtures/upstream/upstream.ts";
import { type Seed, seedsOf } from "./corpus.ts";
import { fairCostOf, judge } from "./cost.ts";
import { openWire, requestAround, type Wire } from "./front-http.ts";
import { type Carried, type Evil, type HostileUpstream, startHostile, startHostileStream } from "./hostile-http.ts";
import { SEED, seeded } from "./random.ts";
import { BUG, eachOf, goodTraffic, inFlight, relatives } from "./traffic.ts";

/** How many relatives each way of carrying them gets; together 10,000. */
const COUNTS = { reply: 2_500, body: 2_500, events: 1_500, stream: 1_000, child: 2_500 } as const;
/** Lines, or events of one stream, that are said before one honest answer. */
const PER_CALL = 25;
/** Answers that rightly keep the gateway away for a while: they are replayed, one by one, and have no relatives. */
const KEEPS_AWAY = /^HTTP\/1\.1 (401|403|407|429|503)/;

const evil = (carried: Carried, seeds: readonly Seed[]): Evil[] =>
  seeds.map(({ name, bytes }) => ({ name, bytes, carried }));
const closesDoor = ({ bytes }: Seed): boolean => KEEPS_AWAY.test(bytes.toString("latin1"));

const replies = seedsOf("replies");
const harmless = replies.filter(seed => !closesDoor(seed));
const [messages, events] = [seedsOf("messages"), seedsOf("events")];
const grown = (seeds: readonly Seed[], count: number, turn: number): Seed[] => [
  ...seeds,
  ...relatives(seeds, count - seeds.length, seeded(SEED + turn)),
];
const overHttp = [
  ...evil("reply", grown(harmless, COUNTS.reply, 10)),
  ...evil("body", grown(messages, COUNTS.body, 11)),
  ...evil("events", grown(events, COUNTS.events, 12)),
];
const atTheEnd = evil("reply", replies.filter(closesDoor));
const onStream = evil("stream", grown(events, COUNTS.stream, 13));
const fromChild = grown(messages, COUNTS.child, 14);

const probe = createProbe();
const dir = mkdtempSync(join(tmpdir(), "radium-fuzz-"));
let gateway: GatewayRun;
let good: Upstream;
let hostile: HostileUpstream;
let stream: HostileUpstream;

beforeAll(async () => {
  const file = join(dir, "items");
  writeFileSync(file, fromChild.map(({ bytes }) => bytes.toString("base64")).join("\n"));
  const child = program("test/fuzz/hostile-child.ts", ["test/fuzz"]);
  good = await startUpstream({ name: "good" });
  hostile = await startHostile([...overHttp, ...atTheEnd]);
  stream = await startHostileStream(onStream);
  gateway = await startGateway({
    toml: configToml(
      [
        { name: "good", transport: "http", url: good.url },
        { name: "hostile", transport: "http", url: hostile.url, timeout: 3 },
        { name: "stream", transport: "sse", url: stream.url, timeout: 10 },
        { name: "child", transport: "stdio", command: process.execPath, args: [child, file], timeout: 10 },
      ],
      { security: { rate_limit_per_minute: 0 } },
    ),
    env: probe.env,
  });
  await gateway.until(({ upstreams }) => upstreams.every(({ state }) => state === "ready"));
});

afterAll(async () => {
  await gateway?.close();
  await Promise.all([good, hostile, stream].map(one => one?.close()));
  rmSync(dir, { recursive: true, force: true });
});

const META = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientInfo": { name: "fuzz", version: "1.0.0" },
  "io.modelcontextprotocol/clientCapabilities": {},
};

/** One call of a hostile tool. Resolves with what is wrong with how it ended. */
function provoke(wire: Wire, upstream: string, range: { from: number; to: number }): Promise<string | undefined> {
  const params = { name: `${upstream}:hostile`, arguments: range, _meta: META };
  const body = Buffer.from(JSON.stringify({ jsonrpc: "2.0", id: range.from, method: "tools/call", params }));
  return wire.exchange(requestAround(body, `127.0.0.1:${gateway.port}`, {}));
}

/** Until the upstream was really asked: what it said before may keep the gateway away for a moment. */
async function provokeOnce(wire: Wire, at: number): Promise<string | undefined> {
  for (;;) {
    const wrong = await provoke(wire, "hostile", { from: at, to: at + 1 });
    if (wrong !== undefined || hostile.said.has(at)) return wrong && `${at}: ${wrong}`;
    await sleep(50);
  }
}

const ranges = (count: number): { from: number; to: number }[] =>
  Array.from({ length: Math.ceil(count / PER_CALL) }, (_, at) => ({ from: at * PER_CALL, to: (at + 1) * PER_CALL }));

const numbers = (from: number, count: number): number[] => Array.from({ length: count }, (_, at) => from + at);

describe(`malformed messages of upstreams, seed ${SEED}`, () => {
  const all = overHttp.length + atTheEnd.length + onStream.length + fromChild.length;

  test(`${all} of them end their calls one by one, while good calls succeed`, async () => {
    const wrong: (string | undefined)[] = [];
    const times: string[] = [];
    const timed = async (what: string, work: Promise<void>): Promise<void> => {
      const from = performance.now();
      await work;
      times.push(`${what} ${((performance.now() - from) / 1000).toFixed(1)} s`);
    };
    const attack = async (): Promise<void> => {
      const overLines = async (upstream: string, count: number): Promise<void> => {
        const wire = openWire(gateway.port);
        for (const range of ranges(count)) wrong.push(await provoke(wire, upstream, range));
        wire.close();
      };
      await timed(
        "HTTP",
        eachOf(numbers(0, overHttp.length), async take => {
          const wire = openWire(gateway.port);
          for (let at = take(); at !== undefined; at = take()) wrong.push(await provokeOnce(wire, at));
          wire.close();
        }),
      );
      await timed("stdio", overLines("child", fromChild.length));
      await timed("HTTP+SSE", overLines("stream", onStream.length));
      const last = openWire(gateway.port);
      for (const at of numbers(overHttp.length, atTheEnd.length)) wrong.push(await provokeOnce(last, at));
      last.close();
    };
    const traffic = await goodTraffic(gateway, attack());
    console.log(`${all} malformed messages: ${times.join(", ")}; ${traffic.calls} good calls beside them`);
    expect(wrong.filter(one => one !== undefined).slice(0, 20)).toEqual([]);
    expect(hostile.said.size).toBe(overHttp.length + atTheEnd.length);
    expect(traffic.wrong).toEqual([]);
    for (const name of ["child", "stream"]) {
      const agent = modernAgent(gateway.url);
      const { message } = await agent.request("tools/call", { name: `${name}:hostile`, arguments: {} });
      expect(message?.result).toMatchObject({ content: [{ text: "honest" }] });
    }
    expect(await inFlight(gateway)).toBe(0);
    expect(gateway.output()).not.toMatch(BUG);
  });

  test("no single one stalls the gateway, or costs it a hundred times its size in memory", async () => {
    const seedNumbers = overHttp.flatMap(({ name, carried, bytes }, at) =>
      [harmless, messages, events].some(seeds => seeds.some(seed => seed.bytes === bytes))
        ? [{ at, name, carried, bytes }]
        : [],
    );
    const costs = [];
    const wire = openWire(gateway.port);
    for (const { at, name, carried, bytes } of seedNumbers) {
      const run = (): Promise<unknown> => provoke(wire, "hostile", { from: at, to: at + 1 });
      costs.push(
        await fairCostOf({ pid: gateway.pid, probe }, { name: `${carried}: ${name}`, bytes: bytes.length, run }),
      );
    }
    wire.close();
    expect(judge("upstream messages", costs)).toEqual([]);
  });
});
