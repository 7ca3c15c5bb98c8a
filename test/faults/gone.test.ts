import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect } from "vitest";
import { legacyAgent, modernAgent } from "../fixtures/agents/http.ts";
import { upstreamCommand } from "../fixtures/build.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { poll } from "../fixtures/poll.ts";
import type { Json } from "../fixtures/upstream/contract.ts";
import { startUpstream } from "../fixtures/upstream/upstream.ts";
import { expectLogged, failureOf, loggedOf, resultOf, row } from "./lab.ts";
import { runsOf } from "./pair.ts";

const keep = useCleanup();
const ERAS = ["modern", "legacy"] as const;
const UNKNOWN = { code: -31003, delivery: "unknown", retryable: false, reason: "outcome_unknown" } as const;

const gatewayOf = async (...upstreams: Json[]): Promise<GatewayRun> => {
  const gateway = keep(await startGateway({ toml: configToml(upstreams, { security: { rate_limit_per_minute: 0 } }) }));
  await gateway.until(({ upstreams }) => upstreams.every(({ state }) => state === "ready"));
  return gateway;
};
const replica = (name: string, url: string, priority: number): Json => ({
  ...{ name, transport: "http", url, priority, group: "pair" },
  ...{ health_check_interval: 1, safe_to_retry: ["add"] },
});

/** The scriptable upstream as a process of its own, so that it can be killed. */
async function spawnUpstream(args: readonly string[]): Promise<{ child: ChildProcess; url: string; port: string }> {
  const { command, args: before } = upstreamCommand(...args);
  const child = spawn(command, before, { stdio: ["ignore", "ignore", "pipe"] });
  keep({
    close: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  });
  const [url] = (await once(createInterface({ input: child.stderr! }), "line")) as [string];
  return { child, url, port: new URL(url).port };
}

for (const era of ERAS) {
  row("F-01", `an upstream killed in a call: unknown for one, failed over for the other (${era})`, async () => {
    const journal = join(keep(scratch()).dir, "journal.jsonl");
    const script = '[{"when":{"name":"add"},"then":{"do":"hang"}}]';
    const common = ["--era", era, "--journal", journal];
    const { child, url, port } = await spawnUpstream([...common, "--port", "0", "--script", script]);
    const b = keep(await startUpstream({ era, name: "b" }));
    const gateway = await gatewayOf(replica("a", url, 1), replica("b", b.url, 2));
    const agent = modernAgent(gateway.url);
    const call = (name: string, args: Json) => agent.request("tools/call", { name, arguments: args });
    const unsafe = call("slow", { ms: 600_000, nonce: "unsafe" });
    const safe = call("add", { a: 1, b: 2, nonce: "safe" });
    const ran = () =>
      readFileSync(journal, "utf8")
        .split("\n")
        .filter(line => line.includes('"unsafe"')).length;
    await gateway.until(({ upstreams }) => upstreams.find(({ name }) => name === "a")?.inFlight === 2);
    child.kill("SIGKILL");
    expect(failureOf(await unsafe)).toMatchObject(UNKNOWN);
    expect(resultOf(await safe)).toMatchObject({ content: [{ text: "3" }] });
    await expectLogged(gateway, "unsafe", { ...UNKNOWN, upstream: "a" });
    expect(await loggedOf(gateway, "safe")).toMatchObject({ outcome: "ok", upstream: "b", attempts: 2 });
    expect([ran(), runsOf("unsafe", b)[0]]).toEqual([1, 0]);
    // Whoever refuses connections is out at once.
    resultOf(await call("count", { nonce: "next" }));
    expect(runsOf("next", b)).toEqual([1]);
    await gateway.until(({ upstreams }) => upstreams.find(({ name }) => name === "a")?.state === "down");
    await spawnUpstream([...common, "--port", port]);
    await gateway.until(({ upstreams }) => upstreams.find(({ name }) => name === "a")?.state === "ready");
    resultOf(await call("count", { nonce: "back" }));
    expect(runsOf("back", b)).toEqual([0]);
  });
}

function scratch(): { dir: string; close(): Promise<void> } {
  const dir = mkdtempSync(join(tmpdir(), "radium-faults-"));
  return { dir, close: async () => rmSync(dir, { recursive: true, force: true }) };
}

row("F-03", "a frozen upstream costs its callers one deadline, and goes on where it was (SIGSTOP)", async () => {
  const { child, url } = await spawnUpstream(["--era", "modern", "--port", "0"]);
  const b = keep(await startUpstream({ era: "modern", name: "b" }));
  const gateway = await gatewayOf({ ...replica("a", url, 1), timeout: 1 }, replica("b", b.url, 2));
  const agent = modernAgent(gateway.url);
  const call = (name: string, args: Json) => agent.request("tools/call", { name, arguments: args });
  child.kill("SIGSTOP");
  const late = { code: -31002, delivery: "unknown", retryable: false, reason: "upstream_timeout" };
  expect(failureOf(await call("count", { nonce: "unsafe" }))).toMatchObject(late);
  expect(resultOf(await call("add", { a: 1, b: 2 }))).toMatchObject({ content: [{ text: "3" }] });
  expect(runsOf("unsafe", b)).toEqual([0]);
  child.kill("SIGCONT");
  const first = modernAgent(gateway.of("a"));
  const params = { name: "count", arguments: {} };
  expect(await poll(async () => (await first.request("tools/call", params)).message?.result !== undefined)).toBe(true);
});

row("F-20", "a session that the upstream forgot is opened anew once, and no agent notices", async () => {
  const a = keep(await startUpstream({ era: "legacy", name: "a" }));
  const gateway = await gatewayOf(replica("a", a.url, 1));
  const agents = [keep(await legacyAgent(gateway.url)), modernAgent(gateway.url)];
  const call = (agent: (typeof agents)[number], nonce: string) =>
    agent.request("tools/call", { name: "count", arguments: { nonce } });
  for (const agent of agents) resultOf(await call(agent, "before"));
  const before = a.journal.sent("initialize").length;
  a.forgetSessions();
  const nonces = Array.from({ length: 10 }, (_, at) => `after-${at}`);
  const answered = await Promise.all(nonces.flatMap(nonce => agents.map((agent, at) => call(agent, `${nonce}-${at}`))));
  for (const one of answered) resultOf(one);
  for (const nonce of nonces) expect([...runsOf(`${nonce}-0`, a), ...runsOf(`${nonce}-1`, a)]).toEqual([1, 1]);
  // One conversation for each agent, and the gateway's own.
  expect(a.journal.sent("initialize").length - before).toBeLessThanOrEqual(agents.length + 1);
});

row("F-20", "a restart of the upstream costs no session of any agent", async () => {
  const a = keep(await startUpstream({ era: "legacy", name: "a" }));
  const gateway = await gatewayOf(replica("a", a.url, 1));
  const agent = keep(await legacyAgent(gateway.url));
  const { session } = agent;
  for (let round = 0; round < 5; round++) {
    await a.restart();
    resultOf(await agent.request("tools/call", { name: "count", arguments: { nonce: `round-${round}` } }));
    expect(runsOf(`round-${round}`, a)).toEqual([1]);
  }
  expect(agent.session).toBe(session);
});

for (const era of ERAS) {
  row("F-25", `an upstream that comes back with other tools changes the list once (${era})`, async () => {
    const a = keep(await startUpstream({ era, name: "a" }));
    const gateway = await gatewayOf(replica("a", a.url, 1));
    const agent = keep(await legacyAgent(gateway.url));
    const { inbox } = await agent.listen();
    const call = (name: string) => agent.request("tools/call", { name, arguments: { nonce: name } });
    resultOf(await call("count"));
    const { run } = a.tools.get("count")!;
    a.tools.delete("count");
    a.tools.set("recount", { definition: { name: "recount", inputSchema: { type: "object" } }, run });
    await a.restart();
    const isNews = ({ method }: { method?: string }) => method === "notifications/tools/list_changed";
    await inbox.next(isNews);
    const { message } = await call("count");
    expect(message?.error).toMatchObject({ code: -32602 });
    resultOf(await call("recount"));
    expect(inbox.all.filter(isNews)).toHaveLength(1);
    expect(runsOf("count", a)).toEqual([1]);
  });
}
