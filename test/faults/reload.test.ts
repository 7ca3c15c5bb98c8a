import { readFileSync, writeFileSync } from "node:fs";
import { expect } from "vitest";
import { ask } from "../../src/app/control/client.ts";
import type { ReloadReport } from "../../src/app/control/gateway-client.ts";
import { type LegacyAgent, legacyAgent, modernAgent } from "../fixtures/agents/http.ts";
import { upstreamCommand } from "../fixtures/build.ts";
import { configToml, type GatewayRun } from "../fixtures/gateway.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { poll } from "../fixtures/poll.ts";
import type { Json } from "../fixtures/upstream/contract.ts";
import { startUpstream } from "../fixtures/upstream/upstream.ts";
import { gatewayOf, tableOf, UNLIMITED } from "./behind.ts";
import { PLACED, WHOLE } from "./broken-configs.ts";
import { row } from "./lab.ts";

const keep = useCleanup();
const child: Json = {
  name: "child",
  transport: "stdio",
  ...upstreamCommand("--era", "legacy", "--tools", "count,slow"),
};
const count = { name: "child__count", arguments: {} };
const slow = (name: string, ms: number) => ({ name, arguments: { ms } });

/** A child and an upstream that keeps sessions, neither of which any reload here changes. */
async function steady(...more: Json[]) {
  const upstream = keep(await startUpstream({ name: "fixture", era: "legacy" }));
  const tables = [child, tableOf(upstream), ...more];
  const gateway = await gatewayOf(keep, tables, { ...UNLIMITED, naming: "always" });
  const { upstreams } = await gateway.status();
  return { gateway, upstream, tables, pid: upstreams[0]?.pid };
}

const write = (gateway: GatewayRun, tables: readonly Json[], proxy: Json = {}): void =>
  writeFileSync(gateway.configPath, configToml(tables, { ...UNLIMITED, naming: "always", ...proxy }));

async function reload({ socket }: GatewayRun): Promise<ReloadReport> {
  const answer = await ask(socket, { op: "reload" });
  if (answer.kind !== "answer") throw new Error(JSON.stringify(answer));
  return answer.result.value() as unknown as ReloadReport;
}

/** One call after the other until it is told to stop; resolves with how many there were, and every answer that was an error. */
function under(agent: LegacyAgent) {
  let stopped = false;
  const failures: unknown[] = [];
  let calls = 0;
  const run = async () => {
    for (; !stopped; calls++) {
      const name = calls % 2 === 0 ? "child__count" : "fixture__count";
      const { message, status } = await agent.request("tools/call", { name, arguments: {} });
      if (message?.result === undefined) failures.push({ status, message });
    }
  };
  const running = run().catch(error => failures.push(error));
  return {
    async stop() {
      stopped = true;
      await running;
      return { calls, failures };
    },
  };
}

row(
  "F-42",
  "of more than fifty broken files none interrupts a call, and each complaint names file, line and column",
  async () => {
    const { gateway, upstream, pid } = await steady();
    const agent = keep(await legacyAgent(gateway.url));
    const load = under(agent);
    const good = readFileSync(gateway.configPath, "utf8");
    const sessions = upstream.journal.sent("initialize").length;
    const place = new RegExp(`${gateway.configPath}:\\d+:\\d+`);
    expect(Object.keys({ ...PLACED, ...WHOLE }).length).toBeGreaterThanOrEqual(50);
    for (const [what, breakIt] of Object.entries({ ...PLACED, ...WHOLE })) {
      writeFileSync(gateway.configPath, breakIt(good));
      const report = await reload(gateway);
      expect(report.ok, what).toBe(false);
      const problems = report.ok ? "" : report.problems.join("\n");
      expect(problems, what).toMatch(what in PLACED ? place : gateway.configPath);
    }
    const { upstreams, warnings } = await gateway.status();
    expect(warnings.join("\n")).toMatch(/The configuration on disk was not taken/);
    expect(upstreams.map(({ name, state }) => [name, state])).toEqual([
      ["child", "ready"],
      ["fixture", "ready"],
    ]);
    writeFileSync(gateway.configPath, good);
    expect(await reload(gateway)).toEqual({ ok: true, changes: [] });
    expect((await gateway.status()).warnings).toEqual([]);
    const { calls, failures } = await load.stop();
    expect(failures).toEqual([]);
    expect(calls).toBeGreaterThan(10);
    // The agent's own conversation with that upstream is the one that was added.
    expect(upstream.journal.sent("initialize").length).toBeLessThanOrEqual(sessions + 1);
    expect((await gateway.status()).upstreams[0]?.pid).toBe(pid);
  },
);

row(
  "F-42",
  "`reload` ends with the code for a bad configuration and says where it is bad; `status` says so too",
  async () => {
    const { gateway } = await steady();
    const good = readFileSync(gateway.configPath, "utf8");
    writeFileSync(gateway.configPath, good.replace("naming =", "nameing ="));
    const line = good.split("\n").findIndex(text => text.startsWith("naming =")) + 1;
    const refused = await gateway.rad("mcp", "proxy", "reload");
    expect(refused.code).toBe(5);
    expect(refused.stderr).toContain(`${gateway.configPath}:${line}:1`);
    expect(refused.stderr).toContain("the gateway goes on with the old one");
    const { stdout } = await gateway.rad("mcp", "proxy", "status");
    expect(stdout).toMatch(/was not taken/);
    expect(stdout).toContain(`:${line}:1`);
  },
);

row(
  "F-42",
  "a file that is written in two parts is taken once it is whole, also when the first part lay there for long",
  async () => {
    const { gateway, tables } = await steady();
    write(gateway, tables, { max_name_length: 40 });
    const whole = readFileSync(gateway.configPath, "utf8");
    const half = Math.floor(whole.length * 0.6);
    const rejected = () => gateway.output().match(/Not reloaded/g)?.length ?? 0;
    const taken = () => gateway.output().match(/Reloaded/g)?.length ?? 0;
    expect(await poll(() => taken() === 1)).toBe(true);
    // Both parts within the time in which the watch waits for more.
    writeFileSync(gateway.configPath, whole.slice(0, half));
    writeFileSync(gateway.configPath, `${whole.slice(half)}\n# whole`, { flag: "a" });
    expect(await poll(() => taken() === 2)).toBe(true);
    expect(rejected()).toBe(0);
    writeFileSync(gateway.configPath, whole.slice(0, half));
    expect(await poll(() => rejected() === 1)).toBe(true);
    expect((await gateway.status()).warnings.join()).toContain("was not taken");
    writeFileSync(gateway.configPath, whole.slice(half), { flag: "a" });
    expect(await poll(() => taken() === 3)).toBe(true);
    expect((await gateway.status()).warnings).toEqual([]);
  },
);

row(
  "F-43",
  "an upstream that is removed or changed finishes its calls; unchanged ones keep pid and session",
  async () => {
    const [gone, moved] = [keep(await startUpstream({ name: "gone" })), keep(await startUpstream({ name: "moved" }))];
    const other = keep(await startUpstream({ name: "moved" }));
    const { gateway, upstream, tables, pid } = await steady(tableOf(gone), tableOf(moved));
    const agent = keep(await legacyAgent(gateway.url));
    expect(
      (await agent.request("tools/call", { name: "fixture__count", arguments: {} })).message?.result,
    ).toBeDefined();
    const sessions = upstream.journal.sent("initialize").length;
    const names = ["gone__slow", "moved__slow", "fixture__slow", "child__slow"];
    const running = names.map(name => agent.request("tools/call", slow(name, 1_500)));
    for (const one of [gone, moved, upstream])
      await one.journal.until(({ executions }) => executions.some(({ name }) => name === "slow"));
    write(gateway, [...tables.slice(0, 2), tableOf(other)]);
    const report = await reload(gateway);
    expect(report).toEqual({ ok: true, changes: ['changed upstream "moved"', 'removed upstream "gone"'] });
    expect((await agent.request("tools/call", slow("gone__slow", 1))).message?.error?.code).toBe(-32602);
    expect((await agent.request("tools/call", slow("moved__slow", 1))).message?.result).toBeDefined();
    expect(other.journal.executions).toHaveLength(1);
    for (const call of running)
      expect((await call).message?.result).toMatchObject({ content: [{ text: "waited 1500 ms" }] });
    expect((await gateway.status()).upstreams[0]?.pid).toBe(pid);
    expect(
      (await agent.request("tools/call", { name: "fixture__count", arguments: {} })).message?.result,
    ).toBeDefined();
    expect(upstream.journal.sent("initialize")).toHaveLength(sessions);
    expect(
      [gone, moved, upstream].flatMap(({ journal }) =>
        journal.cancelled.filter(({ method }) => method === "tools/call"),
      ),
    ).toEqual([]);
  },
);

row(
  "F-43",
  "twenty reloads under load fail no call, and the child that none of them changes keeps its pid",
  async () => {
    const extra = keep(await startUpstream({ name: "extra" }));
    const { gateway, tables, pid } = await steady();
    const load = under(keep(await legacyAgent(gateway.url)));
    for (let at = 0; at < 20; at++) {
      const more = at % 2 === 0 ? [tableOf(extra, { timeout: 10 + at })] : [];
      write(gateway, [...tables, ...more], { max_name_length: 40 + at });
      expect((await reload(gateway)).ok).toBe(true);
      expect((await modernAgent(gateway.url).request("tools/call", count)).message?.result).toBeDefined();
    }
    const { calls, failures } = await load.stop();
    expect(failures, gateway.output()).toEqual([]);
    expect(calls).toBeGreaterThan(20);
    expect((await gateway.status()).upstreams[0]?.pid, gateway.output()).toBe(pid);
  },
);
