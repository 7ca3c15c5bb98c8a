import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { legacyAgent } from "../fixtures/agents/http.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { createProbe } from "../fixtures/probe.ts";
import { startUpstream, type Upstream } from "../fixtures/upstream/upstream.ts";
import { fill, seedsOf } from "./corpus.ts";
import { fairCostOf, judge } from "./cost.ts";
import { openWire, requestAround, throwAt } from "./front-http.ts";
import { SEED, seeded } from "./random.ts";
import { BUG, eachOf, goodTraffic, inFlight, relatives } from "./traffic.ts";

/** Bodies in well-formed HTTP, and what is no HTTP at all. */
const BODIES = 8_000;
const WHOLE = 2_000;
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
    const good = await goodTraffic(gateway, attack());
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    console.log(
      `${bodies.length + whole.length} malformed requests in ${seconds} s, ${good.calls} good calls beside them`,
    );
    expect(wrong.slice(0, 20), `${wrong.length} in all`).toEqual([]);
    expect(good.wrong).toEqual([]);
    expect(await inFlight(gateway)).toBe(0);
    expect(gateway.output()).not.toMatch(BUG);
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
