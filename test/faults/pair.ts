import { expect } from "vitest";
import type { Answered } from "../fixtures/agents/answered.ts";
import { type ModernAgent, modernAgent } from "../fixtures/agents/http.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { poll } from "../fixtures/poll.ts";
import type { Json } from "../fixtures/upstream/contract.ts";
import { type StartOptions, startUpstream, type Upstream } from "../fixtures/upstream/upstream.ts";
import { startToxicProxy, type ToxicProxy } from "./toxic-proxy.ts";

/** How the first of two replicas is reached. */
export const KINDS = {
  modern: { era: "modern" },
  legacy: { era: "legacy" },
  sse: { transport: "sse", era: "legacy" },
} as const satisfies Readonly<Record<string, StartOptions>>;
export type Kind = keyof typeof KINDS;

/** Two replicas: `a`, behind a toxic proxy, goes first; `b` has no faults. */
export interface Pair {
  readonly name: string;
  readonly kind: Kind;
  readonly a: Upstream;
  readonly b: Upstream;
  readonly proxy: ToxicProxy;
  /** A tool that must not run twice, and one that may. Both have them. */
  readonly unsafe: string;
  readonly safe: string;
  /** A name for another of their tools. */
  tool(name: string): string;
  readonly config: readonly Json[];
  close(): Promise<void>;
}

export interface PairOptions {
  /** Lower case, unique in its gateway. */
  readonly name: string;
  readonly kind: Kind;
  /** Of `a` only. */
  readonly upstream?: StartOptions;
  /** Further keys of `a` in the configuration. */
  readonly config?: Json;
}

const TOOLS = ["count", "add", "slow", "progress", "big"];

export async function startPair({ name, kind, upstream = {}, config = {} }: PairOptions): Promise<Pair> {
  const prefix = `${name.replaceAll("-", "_")}_`;
  const common = { prefix, tools: TOOLS, ...KINDS[kind] };
  const a = await startUpstream({ ...common, name: `${name}-a`, ...upstream });
  const b = await startUpstream({ prefix, tools: TOOLS, era: "modern", name: `${name}-b` });
  const proxy = await startToxicProxy({ port: a.port });
  const safe = `${prefix}add`;
  const shared = { group: name, health_check_interval: 1, safe_to_retry: [safe] };
  return {
    ...{ name, kind, a, b, proxy, safe },
    unsafe: `${prefix}count`,
    tool: tool => prefix + tool,
    config: [
      {
        ...{ name: `${name}-a`, transport: a.options.transport, url: proxy.url(new URL(a.url).pathname) },
        ...{ ...shared, ...config },
      },
      { ...{ name: `${name}-b`, transport: "http", url: b.url, priority: 2 }, ...shared },
    ],
    async close() {
      await Promise.all([proxy.close(), a.close(), b.close()]);
    },
  };
}

/** One gateway before many pairs: what goes wrong with one must not touch the others. */
export interface Lab {
  readonly gateway: GatewayRun;
  readonly pairs: ReadonlyMap<string, Pair>;
  readonly agent: ModernAgent;
  pair(name: string): Pair;
  /** Calls a tool of either replica. */
  call(tool: string, args?: Json): Promise<Answered>;
  /** Calls a tool of the first replica only. */
  callFirst(pair: Pair, tool: string, args?: Json): Promise<Answered>;
  /** Calls the first replica until it answers again. */
  recovered(pair: Pair): Promise<void>;
  close(): Promise<void>;
}

export async function startLab(options: readonly PairOptions[], more: readonly Json[] = []): Promise<Lab> {
  const pairs = new Map<string, Pair>();
  for (const one of options) pairs.set(one.name, await startPair(one));
  const upstreams = [...[...pairs.values()].flatMap(({ config }) => config), ...more];
  const gateway = await startGateway({ toml: configToml(upstreams, { security: { rate_limit_per_minute: 0 } }) });
  await gateway.until(({ upstreams }) => upstreams.every(({ state }) => state === "ready"));
  const agent = modernAgent(gateway.url);
  const lab: Lab = {
    ...{ gateway, pairs, agent },
    pair: name => pairs.get(name)!,
    call: (tool, args = {}) => agent.request("tools/call", { name: tool, arguments: args }),
    callFirst: (pair, tool, args = {}) =>
      modernAgent(gateway.of(`${pair.name}-a`)).request("tools/call", { name: tool, arguments: args }),
    async recovered(pair) {
      const nonce = `recovered-${performance.now()}`;
      const again = await poll(
        async () => (await lab.callFirst(pair, pair.safe, { a: 1, b: 2, nonce })).message?.result !== undefined,
        { everyMs: 200 },
      );
      expect(again, "the upstream answers again").toBe(true);
    },
    async close() {
      await gateway.close();
      for (const pair of pairs.values()) await pair.close();
    },
  };
  return lab;
}

/** How often each of these upstreams ran what has this nonce. */
export const runsOf = (nonce: string, ...upstreams: readonly Upstream[]): number[] =>
  upstreams.map(({ journal }) => journal.executions.filter(run => run.nonce === nonce).length);
