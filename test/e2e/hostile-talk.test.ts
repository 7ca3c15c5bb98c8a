import { describe, expect, test } from "vitest";
import { legacyAgent, modernAgent } from "../fixtures/agents/http.ts";
import { configToml, startGateway } from "../fixtures/gateway.ts";
import { HOSTILE_TALK, startTalker, talker } from "../fixtures/hostile/talk.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { startPlainUpstream } from "../fixtures/plain-upstream.ts";
import { poll } from "../fixtures/poll.ts";
import { createProbe } from "../fixtures/probe.ts";
import type { Json } from "../fixtures/upstream/contract.ts";

const keep = useCleanup();
const SHORTEST_MS = 2_000;
const security = { rate_limit_per_minute: 0 };
const CHANGED = HOSTILE_TALK["lists that change"]!;

interface Tally {
  readonly lists: number;
  readonly said: number;
  readonly listedAt: readonly number[];
}
async function tallyOf(url: string): Promise<Tally> {
  const { message, raw } = await modernAgent(url).request("tools/call", { name: "tally", arguments: {} });
  const content = message?.result?.content as { text: string }[] | undefined;
  expect(content, raw).toBeDefined();
  return JSON.parse(content![0]!.text) as Tally;
}

describe("T-51 an upstream that never stops talking", () => {
  test("is read three times in ten seconds and once more, tells agents once a second, and takes no half of a core", async () => {
    const most = 106_000;
    const probe = createProbe();
    const upstreams = [{ name: "talker", ...talker(CHANGED, { most, perSecond: 10_600 }) }];
    const gateway = keep(await startGateway({ toml: configToml(upstreams, { security }), env: probe.env }));
    const agent = keep(await legacyAgent(gateway.of("talker")));
    const stream = await agent.listen();
    await gateway.until(({ upstreams }) => upstreams[0]?.state === "ready");
    const before = await probe.ask();
    const began = performance.now();
    const hasSaidAll = async (): Promise<boolean> => (await tallyOf(gateway.of("talker"))).said >= most;
    expect(await poll(hasSaidAll, { withinMs: 50_000, everyMs: 200 })).toBe(true);
    const tookMs = performance.now() - began;
    const after = await probe.ask();
    expect((after.cpuMs - before.cpuMs) / tookMs).toBeLessThan(0.5);
    // Nobody asks for the list, which is read all the same when it has become quiet.
    await gateway.until(({ upstreams }) => upstreams[0]?.tools === 2);
    const { listedAt } = await tallyOf(gateway.of("talker"));
    for (const from of listedAt) {
      // The first is that of a new conversation. On a busy machine a request arrives up to a second late.
      expect(listedAt.slice(1).filter(at => at >= from && at < from + 9_000).length).toBeLessThanOrEqual(3);
    }
    const heard = stream.inbox.all.filter(({ method }) => method?.endsWith("list_changed"));
    expect(heard.length).toBeGreaterThan(0);
    expect(heard.length).toBeLessThanOrEqual(tookMs / 1_000 + 2);
  });

  /** Calls of a good upstream go on beside it, and so do its own. */
  async function expectNobodyToWait(table: Json): Promise<void> {
    const good = keep(await startPlainUpstream({ tools: ["work"] }));
    const probe = createProbe();
    const upstreams = [
      { name: "good", transport: "http", protocol: "legacy", url: good.url },
      { name: "talker", ...table },
    ];
    const gateway = keep(await startGateway({ toml: configToml(upstreams, { security }), env: probe.env }));
    await gateway.until(({ upstreams }) => upstreams.every(({ state }) => state === "ready"));
    const own = tallyOf(gateway.of("talker"));
    const before = await probe.ask({ collects: true });
    const began = performance.now();
    const waits: number[] = [];
    // Long enough for what a young process costs by itself to be little of it.
    while (waits.length < 60 || performance.now() - began < SHORTEST_MS) {
      const asked = performance.now();
      const { message } = await modernAgent(gateway.url).request("tools/call", { name: "work", arguments: {} });
      waits.push(performance.now() - asked);
      expect(message?.result).toBeDefined();
      await new Promise(resolve => setTimeout(resolve, 5));
    }
    const after = await probe.ask({ collects: true });
    expect((after.cpuMs - before.cpuMs) / (performance.now() - began)).toBeLessThan(0.8);
    expect(waits.toSorted((a, b) => a - b)[Math.floor(waits.length / 2)]).toBeLessThan(100);
    expect(after.heapUsed - before.heapUsed).toBeLessThan(32 * 1024 * 1024);
    expect((await own).said).toBeGreaterThan(0);
  }

  test.each(Object.entries(HOSTILE_TALK))("keeps nobody else waiting, and serves: %s", async (_, message) => {
    await expectNobodyToWait(talker(message));
  });

  test.each([
    ["stream", "lists that change"],
    ["stream", "answers that nobody asked"],
    ["sse", "pings"],
    ["sse", "answers that nobody asked"],
    ["answers", "pings"],
    ["answers", "log lines"],
  ] as const)("keeps nobody else waiting, and serves, over HTTP: %s, %s", async (way, kind) => {
    const started = keep(await startTalker(HOSTILE_TALK[kind]!, way));
    await expectNobodyToWait(started.table);
  });
});
