import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startToxicProxy } from "../faults/toxic-proxy.ts";
import { type ModernAgent, modernAgent } from "../fixtures/agents/http.ts";
import { configToml, startGateway } from "../fixtures/gateway.ts";
import type { Json } from "../fixtures/upstream/contract.ts";
import { freePort, readJournal, serverAt } from "./fleet.ts";
import type { ChaosOptions } from "./run.ts";
import { invariant, type Verdict } from "./verdict.ts";

/** In a run of two minutes or longer; a shorter one makes its share of them. */
const CALLS = 100_000;
const PER_SECOND = CALLS / 120;
const LEAST_CALLS = 2_000;
const AT_ONCE = 32;
/** More than any deadline of the configuration allows. */
const PATIENCE_MS = 30_000;
/** About sixty requests and sixty answers: whichever reset comes first does so after some twenty calls. */
const VARY_BYTES = { up: 48_000, down: 24_000 } as const;

type End =
  | { readonly kind: "result" }
  | { readonly kind: "error"; readonly code: number; readonly delivery: unknown; readonly text: string }
  | { readonly kind: "dropped"; readonly text: string };

/** G-03, G-04: every connection to an upstream is reset at some byte, within requests and within answers. */
export async function resets({ seconds, seed }: ChaosOptions): Promise<Verdict[]> {
  const calls = Math.max(LEAST_CALLS, Math.min(CALLS, Math.round(seconds * PER_SECOND)));
  const dir = mkdtempSync(join(tmpdir(), "radium-resets-"));
  const journal = (name: string): string => join(dir, `${name}.jsonl`);
  const replica = async (name: string) => {
    writeFileSync(journal(name), "");
    const args = ["--tools", "count", "--scheme", "pair", "--journal", journal(name)];
    const server = await serverAt(name, await freePort(), args);
    return { name, server, proxy: await startToxicProxy({ port: server.port, seed: seed + server.port }) };
  };
  const pair = await Promise.all([replica("a"), replica("b")]);
  const upstreams = pair.map(({ name, proxy }) => ({
    ...{ name, transport: "http", group: "pair", url: proxy.url("/mcp"), timeout: 10 },
  }));
  const gateway = await startGateway({ toml: configToml(upstreams, { security: { rate_limit_per_minute: 0 } }) });
  try {
    await gateway.until(({ upstreams: all }) => all.every(({ state }) => state === "ready"));
    for (const { proxy } of pair) {
      for (const way of ["up", "down"] as const) proxy.add(way, { kind: "reset", varyBytes: VARY_BYTES[way] });
    }
    const agent = modernAgent(gateway.url);
    const ends = new Map<string, End>();
    let made = 0;
    const work = async (): Promise<void> => {
      while (made < calls) {
        const nonce = `r${++made}`;
        ends.set(nonce, await count(agent, nonce));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    const executions = new Map<string, number>();
    for (const { name } of pair) {
      for (const { nonce } of readJournal(name, journal(name))) executions.set(nonce, (executions.get(nonce) ?? 0) + 1);
    }
    const connections = pair.reduce((sum, { proxy }) => sum + proxy.connections.total, 0);
    return judge(ends, executions, connections);
  } finally {
    await gateway.close();
    await Promise.all(pair.flatMap(({ server, proxy }) => [server.kill(), proxy.close()]));
    rmSync(dir, { recursive: true, force: true });
  }
}

async function count(agent: ModernAgent, nonce: string): Promise<End> {
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const { message, raw } = await agent.request("tools/call", { name: "count", arguments: { nonce } }, { signal });
    if (message?.result) return { kind: "result" };
    if (!message?.error) return { kind: "dropped", text: raw.slice(0, 200) };
    const { code, message: text, data } = message.error as { code: number; message: string; data?: Json };
    const { delivery } = (data?.gateway ?? {}) as Json;
    return { kind: "error", code, delivery, text };
  } catch (error) {
    return { kind: "dropped", text: String(error) };
  }
}

function judge(
  ends: ReadonlyMap<string, End>,
  executions: ReadonlyMap<string, number>,
  connections: number,
): Verdict[] {
  const where = (check: (end: End, ran: number) => boolean): string[] =>
    [...ends].flatMap(([nonce, end]) => {
      const ran = executions.get(nonce) ?? 0;
      return check(end, ran) ? [`${nonce} ran ${ran} times: ${JSON.stringify(end)}`] : [];
    });
  const lost = where(({ kind }) => kind === "error").length;
  const under = `${ends.size}, of which ${lost} were lost while ${connections} connections were reset at a random byte`;
  return [
    invariant(
      "G-03",
      `unsafe calls that ran twice, of ${under}`,
      where((_, ran) => ran > 1),
    ),
    invariant(
      "G-03",
      "results of calls that did not run",
      where(({ kind }, ran) => kind === "result" && ran !== 1),
    ),
    invariant(
      "G-03",
      "calls that ran although the agent was told that they were not sent",
      where((end, ran) => end.kind === "error" && end.delivery !== "unknown" && ran > 0),
    ),
    invariant(
      "G-04",
      "of these, requests that ended without a JSON-RPC message",
      where(({ kind }) => kind === "dropped"),
    ),
  ];
}
