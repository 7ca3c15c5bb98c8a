import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { figure, invariant, percentile, type Verdict } from "../chaos/verdict.ts";
import { modernAgent } from "../fixtures/agents/http.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { createProbe } from "../fixtures/probe.ts";
import { startUpstream } from "../fixtures/upstream/upstream.ts";
import { requestAround } from "../fuzz/front-http.ts";
import { watchStalls } from "./stalls.ts";

const MB = 2 ** 20;
const CALM_MS = 15_000;
/** Within so long after its last byte a connection on which nobody reads is to be closed. */
const STALLED_MS = 35_000;
const META = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientInfo": { name: "reader", version: "1.0.0" },
  "io.modelcontextprotocol/clientCapabilities": {},
};
const request = (port: number, method: string, params: object): Buffer =>
  requestAround(
    Buffer.from(JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: { ...params, _meta: META } })),
    `127.0.0.1:${port}`,
    {},
  );

/** Calls one after the other for a while. Resolves with how long each took, in ms; one that fails took forever. */
async function times(gateway: GatewayRun, ms: number): Promise<number[]> {
  const agent = modernAgent(gateway.url, { name: "caller" });
  const took: number[] = [];
  for (const until = performance.now() + ms; performance.now() < until; await sleep(5)) {
    const from = performance.now();
    const { message } = await agent.request("tools/call", { name: "echo", arguments: {} });
    took.push(message?.result ? performance.now() - from : Number.POSITIVE_INFINITY);
  }
  return took;
}

async function withGateway(
  work: (gateway: GatewayRun, rss: (collects?: boolean) => Promise<number>) => Promise<Verdict[]>,
): Promise<Verdict[]> {
  const upstream = await startUpstream({ tools: ["echo", "big"] });
  const probe = createProbe();
  const toml = configToml([{ name: "one", transport: "http", url: upstream.url }], {
    security: { rate_limit_per_minute: 0 },
  });
  const gateway = await startGateway({ toml, env: probe.env });
  try {
    await gateway.until(({ upstreams }) => upstreams.every(({ state }) => state === "ready"));
    await times(gateway, 1_000);
    return await work(gateway, async (collects = true) => (await probe.ask({ collects })).rss / MB);
  } finally {
    await gateway.close();
    await upstream.close();
  }
}

/** Each idle agent takes a descriptor here and one in the gateway. */
function affordable(wanted: number): number {
  const limit = Number(execFileSync("/bin/sh", ["-c", "ulimit -n"], { encoding: "utf8" }));
  return Number.isNaN(limit) ? wanted : Math.min(wanted, Math.floor(limit / 2) - 200);
}

/** G-14: agents that only listen. */
export function idleAgents(options: { agents: number; ms: number }): Promise<Verdict[]> {
  return withGateway(async (gateway, rss) => {
    const agents = affordable(options.agents);
    const calm = percentile(await times(gateway, Math.min(CALM_MS, options.ms / 2)), 0.99);
    const before = await rss();
    const sockets: Socket[] = [];
    let dropped = 0;
    for (let at = 0; at < agents; at++) {
      const socket = connect(gateway.port, "127.0.0.1").on("error", () => {});
      socket.write(request(gateway.port, "subscriptions/listen", { notifications: { toolsListChanged: true } }));
      const [head] = (await once(socket, "data")) as [Buffer];
      if (!head.toString("latin1").startsWith("HTTP/1.1 200")) dropped++;
      sockets.push(socket.on("close", () => dropped++).resume());
    }
    const took = await times(gateway, options.ms);
    const after = await rss();
    const lost = dropped;
    const from = performance.now();
    const code = await gateway.stop();
    const stopMs = performance.now() - from;
    for (const socket of sockets) socket.destroy();
    return [
      figure("G-14", `resident memory with ${agents} idle agents`, {
        value: after,
        most: 400,
        bound: 800,
        unit: " MB",
      }),
      figure("G-14", "of it for each agent", {
        ...{ value: ((after - before) * 1024) / agents, most: 40, bound: 400, unit: " KB" },
      }),
      figure("G-14", `p99 of calls meanwhile, against ${calm.toFixed(1)} ms without`, {
        ...{ value: percentile(took, 0.99) / calm, most: 2, bound: Number.POSITIVE_INFINITY, unit: "x" },
      }),
      invariant("G-14", "streams that were refused or dropped", lost > 0 ? [String(lost)] : []),
      invariant("G-14", "exit code of the stop", code === 0 ? [] : [String(code)]),
      figure("G-14", "time of the stop", { value: stopMs, most: 10_000, bound: 35_000, unit: " ms" }),
    ];
  });
}

/** G-15: agents that ask for much and read nothing. The last of them stall when all the others have been served. */
export function stalledReaders(options: { readers: number; bytes: number; ms: number }): Promise<Verdict[]> {
  return withGateway(async (gateway, rss) => {
    const calm = percentile(await times(gateway, options.ms / 4), 0.99);
    const before = await rss();
    const params = { name: "big", arguments: { bytes: options.bytes } };
    const sockets = Array.from({ length: options.readers }, () => {
      const socket = connect(gateway.port, "127.0.0.1").on("error", () => {});
      socket.pause().write(request(gateway.port, "tools/call", params));
      return socket;
    });
    const stalls = watchStalls(gateway.port, sockets);
    const patienceMs = options.ms < STALLED_MS ? options.ms : options.ms + STALLED_MS;
    const from = performance.now();
    const lasts = (): number => performance.now() - from;
    let peak = before;
    const watched = (async () => {
      while (lasts() < options.ms || (lasts() < patienceMs && stalls.open() > 0)) {
        peak = Math.max(peak, await rss(false));
        stalls.look();
        await sleep(250);
      }
    })();
    const took = await times(gateway, options.ms);
    await watched;
    for (const socket of sockets) socket.destroy();
    const all = (options.readers * options.bytes) / MB;
    return [
      figure("G-15", `growth of resident memory for ${all.toFixed(0)} MB that ${options.readers} readers do not read`, {
        ...{ value: peak - before, most: 150, bound: Math.max(150, all * 4), unit: " MB" },
      }),
      figure("G-15", `p99 of the calls of others, against ${calm.toFixed(1)} ms without`, {
        ...{ value: percentile(took, 0.99) / calm, most: 1.5, bound: Number.POSITIVE_INFINITY, unit: "x" },
      }),
      figure("G-15", `time that a connection stalls; ${stalls.open()} of ${options.readers} are open at the end`, {
        ...{ value: stalls.longestMs(), most: STALLED_MS, bound: Number.POSITIVE_INFINITY, unit: " ms" },
      }),
    ];
  });
}
