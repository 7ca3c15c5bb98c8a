import { afterAll, describe, expect, test } from "vitest";
import { modernAgent } from "../fixtures/agents/http.ts";
import { configToml, startGateway } from "../fixtures/gateway.ts";
import { type Lists, LONG_LISTS, startListsUpstream } from "../fixtures/hostile/lists.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { startPlainUpstream } from "../fixtures/plain-upstream.ts";
import { createProbe } from "../fixtures/probe.ts";

const keep = useCleanup();
/** A quiet machine needs a fifth of it; what is not done in slices takes several times as long. */
const LONGEST_STALL_MS = 100;
const figures: string[] = [];
afterAll(() => console.log(figures.join("\n")));

describe("T-44 an upstream whose lists are long and change all the time", () => {
  test.each(Object.entries(LONG_LISTS))("does not stop the calls to others: %s", async (name, listed) => {
    const good = keep(await startPlainUpstream({ tools: ["work"] }));
    const hostile = keep(await startListsUpstream());
    const probe = createProbe();
    const upstreams = [good, hostile].map(({ url }, at) => {
      return { name: at === 0 ? "good" : "hostile", transport: "http", protocol: "legacy", url };
    });
    const toml = configToml(upstreams, { security: { rate_limit_per_minute: 0 } });
    const gateway = keep(await startGateway({ toml, env: probe.env }));
    await gateway.until(({ upstreams }) => upstreams.every(({ state }) => state === "ready"));
    const agent = modernAgent(gateway.url);
    const hasRead = (lists: Lists, round: number): Promise<unknown> => {
      hostile.change(lists);
      const { expected } = listed(round);
      return gateway.until(
        ({ catalog }) => catalog.tools + catalog.templates === expected,
        () => call(),
      );
    };
    const tookMs: number[] = [];
    const call = async (): Promise<void> => {
      const began = performance.now();
      const { message, raw } = await agent.request("tools/call", { name: "work", arguments: {} });
      expect(message?.result, raw).toBeDefined();
      tookMs.push(performance.now() - began);
    };
    const stalls: number[] = [];
    for (let round = 0; round < 3; round++) {
      const { lists } = listed(round);
      await probe.ask({ collects: true, pieces: true });
      await probe.ask({ resets: true });
      await hasRead(lists, round);
      stalls.push(Math.round((await probe.ask()).pieceMs));
    }
    figures.push(
      `${name}: stalls ${stalls.join(" ")} ms, calls ${Math.round(Math.max(...tookMs))} ms at most of ${tookMs.length}`,
    );
    expect(stalls.at(-1)).toBeLessThan(LONGEST_STALL_MS);
  });
});
