import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { legacyAgent, modernAgent } from "../fixtures/agents/http.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { createProbe } from "../fixtures/probe.ts";
import { startUpstream, type Upstream } from "../fixtures/upstream/upstream.ts";
import { fill, type Seed, seedsOf } from "./corpus.ts";
import { fairCostOf, judge } from "./cost.ts";
import { openWire, requestAround, throwAt } from "./front-http.ts";
import { mutate } from "./mutate.ts";
import { SEED, seeded } from "./random.ts";

/** Bodies in well-formed HTTP, and what is no HTTP at all. */
const BODIES = 8_000;
const WHOLE = 2_000;
const AT_ONCE = 8;
/** Seeds above this size are only replayed: their relatives would show nothing but the speed of copying. */
const MUTABLE_BYTES = 8_192;

const probe = createProbe();
let gateway: GatewayRun;
let upstream: Upstream;

beforeAll(async () => {
  upstream = await startUpstream({ name: "good" });
  gateway = await startGateway({
    toml: configToml([{ name: "good", transport: "http", url: upstream.url }], {
      security: { rate_limit_per_minute: 0 },
    }),
    env: probe.env,
  });
  await gateway.until(({ upstreams }) => upstreams.every(({ state }) => state === "ready"));
});

afterAll(async () => {
  await gateway?.close();
  await upstream?.close();
});

/** Good calls, one after the other, until the work is done. Resolves with how many there were and what was wrong. */
async function goodTraffic(work: Promise<unknown>): Promise<{ calls: number; wrong: string[] }> {
  const agent = modernAgent(gateway.url, { name: "good-agent" });
  const wrong: string[] = [];
  let [calls, working] = [0, true];
  const done = work.finally(() => {
    working = false;
  });
  while (working) {
    const nonce = randomUUID();
    const { message, raw } = await agent.request("tools/call", { name: "echo", arguments: { nonce } });
    if (JSON.stringify(message?.result?.structuredContent) !== JSON.stringify({ nonce })) wrong.push(raw);
    calls++;
  }
  await done;
  return { calls, wrong };
}

/** Works through the items, so many at a time. */
async function eachOf<T>(items: readonly T[], work: (take: () => T | undefined) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(Array.from({ length: AT_ONCE }, () => work(() => items[next++])));
}

const relatives = (seeds: readonly Seed[], count: number, draw: ReturnType<typeof seeded>): Seed[] => {
  const small = seeds.filter(({ bytes }) => bytes.length <= MUTABLE_BYTES);
  return Array.from({ length: count }, () => {
    const seed = draw.pick(small);
    return { ...seed, bytes: mutate(seed.bytes, draw) };
  });
};

const inFlight = async (): Promise<number> =>
  (await gateway.status()).upstreams.reduce((sum, upstream) => sum + upstream.inFlight, 0);

describe(`malformed requests over HTTP, seed ${SEED}`, () => {
  test(`${BODIES + WHOLE} of them are refused or answered one by one, while good calls succeed`, async () => {
    const host = `127.0.0.1:${gateway.port}`;
    const { session = "" } = await legacyAgent(gateway.url);
    const seeds = seedsOf("requests");
    const bodies = [...seeds, ...relatives(seeds, BODIES - seeds.length, seeded(SEED))].map(
      ({ name, bytes, headers }) => {
        const filled = Object.fromEntries(
          Object.entries(headers).map(([key, value]) => [key, value.replace("{{session}}", session)]),
        );
        return { name, body: bytes, request: requestAround(bytes, host, filled) };
      },
    );
    const httpSeeds = seedsOf("http");
    const whole = [...httpSeeds, ...relatives(httpSeeds, WHOLE - httpSeeds.length, seeded(SEED + 1))];
    const wrong: string[] = [];
    const complain = (name: string, bytes: Buffer, objection: string | undefined): void => {
      if (objection !== undefined) wrong.push(`${name}: ${objection}\n  for ${bytes.toString("latin1").slice(0, 500)}`);
    };
    const attack = async (): Promise<void> => {
      await eachOf(bodies, async take => {
        const wire = openWire(gateway.port);
        for (let one = take(); one; one = take()) complain(one.name, one.body, await wire.exchange(one.request));
        wire.close();
      });
      await eachOf(whole, async take => {
        for (let one = take(); one; one = take()) {
          const bytes = fill(one.bytes, "host", host);
          complain(one.name, bytes, await throwAt(gateway.port, bytes));
        }
      });
    };
    const startedAt = performance.now();
    const good = await goodTraffic(attack());
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    console.log(
      `${bodies.length + whole.length} malformed requests in ${seconds} s, ${good.calls} good calls beside them`,
    );
    expect(wrong.slice(0, 20), `${wrong.length} in all`).toEqual([]);
    expect(good.wrong).toEqual([]);
    expect(await inFlight()).toBe(0);
    expect(gateway.output()).not.toMatch(/\n\s+at .*\.js:\d+/);
  });

  test("no single one stalls the gateway, or costs it a hundred times its size in memory", async () => {
    const host = `127.0.0.1:${gateway.port}`;
    const costs = [];
    for (const { name, bytes, headers } of seedsOf("requests")) {
      const { session = "" } = "mcp-session-id" in headers ? await legacyAgent(gateway.url) : {};
      const filled = { ...headers, ...("mcp-session-id" in headers && { "mcp-session-id": session }) };
      const request = requestAround(bytes, host, filled);
      const run = async (): Promise<void> => {
        const wire = openWire(gateway.port);
        await wire.exchange(request);
        wire.close();
      };
      costs.push(await fairCostOf({ pid: gateway.pid, probe }, { name, bytes: bytes.length, run }));
    }
    for (const { name, bytes } of seedsOf("http")) {
      const run = (): Promise<unknown> => throwAt(gateway.port, fill(bytes, "host", host));
      costs.push(await fairCostOf({ pid: gateway.pid, probe }, { name, bytes: bytes.length, run }));
    }
    expect(judge("requests", costs)).toEqual([]);
  });
});
