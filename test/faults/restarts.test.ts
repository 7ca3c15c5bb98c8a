import { expect, test } from "vitest";
import type { Agent } from "../fixtures/agents/answered.ts";
import { legacyAgent, modernAgent } from "../fixtures/agents/http.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import type { Json } from "../fixtures/upstream/contract.ts";
import { behind } from "./behind.ts";

const keep = useCleanup();

const AGENTS: Readonly<Record<string, (url: string) => Promise<Agent>>> = {
  modern: async url => modernAgent(url),
  legacy: async url => keep(await legacyAgent(url)),
};

test("G-26 an upstream with sessions that restarts twenty times under load fails no safe call, and no agent opens anew", async () => {
  const { gateway, upstream } = await behind(keep, { era: "legacy" }, { table: { safe_to_retry: ["add"] } });
  const agents = await Promise.all(Object.values(AGENTS).map(open => open(gateway.url)));
  const failures: Json[] = [];
  let stopped = false;
  let calls = 0;
  const use = async (agent: Agent, name: string, args: Json) => {
    for (; !stopped; calls++) {
      const { message, status } = await agent.request("tools/call", { name, arguments: args });
      if (message?.result === undefined) failures.push({ name, status, ...(message?.error as Json | undefined) });
    }
  };
  const loads = agents.flatMap(agent => [use(agent, "add", { a: 1, b: 2 }), use(agent, "slow", { ms: 30 })]);
  for (let restart = 0; restart < 20; restart++) {
    const before = calls;
    await upstream.restart();
    await expect.poll(() => calls, { timeout: 15_000 }).toBeGreaterThan(before + 8);
  }
  stopped = true;
  await Promise.all(loads);
  expect(failures.filter(({ name }) => name === "add")).toEqual([]);
  expect(failures.filter(({ code }) => code !== -31003)).toEqual([]);
  expect(failures.length).toBeLessThanOrEqual(20 * agents.length);
  console.log(`G-26: ${calls} calls over 20 restarts, ${failures.length} unsafe ones in flight told so`);
});

test("checks of an upstream with sessions go over the session that is there, and open none", async () => {
  const { gateway, upstream } = await behind(keep, { era: "legacy" });
  await upstream.journal.until(journal => journal.sent("ping").length >= 3);
  expect(upstream.journal.sent("initialize")).toHaveLength(1);
  expect(upstream.sessions()).toBe(1);
  expect((await gateway.status()).upstreams[0]).toMatchObject({ state: "ready", failures: 0 });
});
