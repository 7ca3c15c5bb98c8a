import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { figure, invariant, percentile, type Verdict } from "../chaos/verdict.ts";
import { legacyAgent, modernAgent } from "../fixtures/agents/http.ts";
import { upstreamCommand } from "../fixtures/build.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { HOSTILE_CLIENTS, type HostileName } from "../fixtures/hostile-clients.ts";
import { startCrowd, type Told } from "../fixtures/hostile-crowd.ts";
import { createProbe } from "../fixtures/probe.ts";
import { startUpstream } from "../fixtures/upstream/upstream.ts";

const MB = 2 ** 20;
const HEAP_MB = 300;
/** Kinds of hostile clients are entries of one table. */
const KINDS = Object.keys(HOSTILE_CLIENTS) as HostileName[];

export interface CrowdOptions {
  /** Hostile clients of all kinds together. */
  readonly clients: number;
  readonly ms: number;
  readonly kinds?: readonly HostileName[];
  readonly log: (text: string) => void;
}

interface Good {
  readonly took: number[];
  readonly wrong: string[];
}

/** Agents that do nothing but call; one of them opens a connection for each call, the others keep theirs. */
async function goodAgents(gateway: GatewayRun, ms: number): Promise<Good> {
  const took: number[] = [];
  const wrong: string[] = [];
  const callers = [
    modernAgent(gateway.url, { name: "good" }),
    await legacyAgent(gateway.url, "2025-11-25", { name: "good" }),
    await legacyAgent(gateway.url, "2025-11-25", { name: "claude-code" }),
    await legacyAgent(gateway.url, "2025-11-25", { name: "claude-code" }),
  ];
  await Promise.all(
    callers.map(async (agent, at) => {
      for (const until = performance.now() + ms; performance.now() < until; await sleep(10)) {
        const from = performance.now();
        try {
          const { message, status } = await agent.request("tools/call", { name: "echo", arguments: { at } });
          if (message?.result) took.push(performance.now() - from);
          else wrong.push(`${status} ${JSON.stringify(message?.error)}`);
        } catch (error) {
          wrong.push(String(error));
        }
      }
    }),
  );
  for (const agent of callers) await agent.close().catch(() => {});
  return { took, wrong };
}

/** In a process of its own: whoever measures the gateway does not wait for it. */
async function upstreamOfItsOwn(...more: string[]): Promise<{ url: string; end(): void }> {
  const { command, args } = upstreamCommand("--port", "0", "--journal", "/dev/null", ...more);
  const child = spawn(command, args, { stdio: ["ignore", "ignore", "pipe"] });
  const [url] = (await once(child.stderr, "data")) as [Buffer];
  return { url: url.toString().trim(), end: () => void child.kill() };
}

/** T-24: clients that want more than their share keep nobody from being served, and cost a bounded amount of memory. */
export async function crowd({ clients, ms, log, kinds = KINDS }: CrowdOptions): Promise<Verdict[]> {
  const upstream = await startUpstream({ tools: ["echo"] });
  const attacked = await upstreamOfItsOwn("--era", "legacy", "--tools", "big,progress", "--scheme", "main");
  const probe = createProbe();
  const each = Math.max(1, Math.floor(clients / kinds.length));
  const toml = configToml(
    [
      { name: "good", transport: "http", url: upstream.url },
      { name: "main", transport: "http", url: attacked.url },
      {
        name: "own",
        transport: "stdio",
        isolation: "per_agent",
        tools: ["count"],
        ...upstreamCommand("--scheme", "own"),
      },
    ],
    {
      max_connections: Math.max(100, Math.ceil(clients * 0.8)),
      security: { rate_limit_per_minute: 1_000_000, other_requests_per_minute: 6_000, log_max_bytes: 0 },
    },
  );
  const NODE_OPTIONS = `${probe.env.NODE_OPTIONS} --max-old-space-size=${HEAP_MB}`;
  const gateway = await startGateway({ toml, env: { ...probe.env, NODE_OPTIONS } });
  let peak = 0;
  let told: Told = {};
  try {
    await gateway.until(({ upstreams }) => upstreams.every(({ state }) => state === "ready"));
    await goodAgents(gateway, 1_000);
    const calm = await goodAgents(gateway, Math.max(2_000, ms / 4));
    const before = (await probe.ask({ collects: true })).rss / MB;
    const hostile = startCrowd({
      target: { port: gateway.port, scheme: "main", ownTool: "count" },
      clients: Object.fromEntries(kinds.map(kind => [kind, each])),
    });
    let goes = true;
    const watched = (async () => {
      while (goes) {
        const { rss, heapUsed, cpuMs, stallMs } = await probe.ask({ resets: true });
        peak = Math.max(peak, rss / MB);
        log(
          `${(rss / MB).toFixed(0)} MB, heap ${(heapUsed / MB).toFixed(0)} MB, cpu ${cpuMs.toFixed(0)} ms, stall ${stallMs.toFixed(0)} ms`,
        );
        await sleep(1_000);
      }
    })();
    await sleep(Math.min(5_000, ms / 4));
    const crowded = await goodAgents(gateway, ms);
    goes = false;
    await watched;
    const { shares } = await gateway.status();
    log(JSON.stringify(shares, undefined, 1));
    told = await hostile.end();
    for (const [kind, counts] of Object.entries(told)) log(`${kind}: ${JSON.stringify(counts)}`);
    const served = await goodAgents(gateway, 1_000);
    const [slow, usual] = [percentile(crowded.took, 0.99), percentile(calm.took, 0.99)];
    return [
      invariant("T-24", `calls of others that fail, of ${crowded.took.length}`, crowded.wrong),
      invariant("T-24", "calls that fail when the crowd has left", served.wrong),
      figure("T-24", `p99 of the calls of others, against ${usual.toFixed(1)} ms without`, {
        ...{ value: slow / usual, most: 3, bound: Number.POSITIVE_INFINITY, unit: "x" },
      }),
      figure("T-24", `peak of resident memory with a heap of ${HEAP_MB} MB, from ${before.toFixed(0)} MB`, {
        ...{ value: peak, most: 700, bound: 1_000, unit: " MB" },
      }),
    ];
  } finally {
    await gateway.close();
    await upstream.close();
    attacked.end();
  }
}
