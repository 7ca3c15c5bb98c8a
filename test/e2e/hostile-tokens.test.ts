import { writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { modernAgent } from "../fixtures/agents/http.ts";
import { configToml, startGateway } from "../fixtures/gateway.ts";
import { HONEST_TOKEN, HOSTILE_TOKENS, startTokenEndpoint, type TokenEndpoint } from "../fixtures/hostile/tokens.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { startPlainUpstream } from "../fixtures/plain-upstream.ts";
import { createProbe } from "../fixtures/probe.ts";
import type { Json } from "../fixtures/upstream/contract.ts";

const keep = useCleanup();
const MEBIBYTE = 1024 * 1024;
const security = { rate_limit_per_minute: 0 };
const slug = (kind: string): string => `t-${kind.toLowerCase().replaceAll(/[^a-z]+/g, "-")}`.slice(0, 32);

describe("T-52 a token endpoint that means harm", () => {
  test("takes no memory, no time of others, no second word, whatever it answers", async () => {
    const good = keep(await startPlainUpstream({ tools: ["work"] }));
    const guarded = keep(await startPlainUpstream({ tools: ["secret"] }));
    const endpoints = new Map<string, TokenEndpoint>();
    for (const [kind, answering] of Object.entries(HOSTILE_TOKENS)) {
      endpoints.set(slug(kind), keep(await startTokenEndpoint(answering)));
    }
    const probe = createProbe();
    const goodTable = { name: "good", transport: "http", url: good.url, protocol: "legacy" };
    const honest = keep(await startTokenEndpoint(HONEST_TOKEN));
    const guardedBy = (tokenUrls: readonly (readonly [name: string, url: string])[]): string => {
      const hostile = tokenUrls.map(([name, url]): Json => {
        const auth = { auth_type: "oauth", token_url: url, client_id: "me", client_secret: "canary" };
        return { name, transport: "http", url: guarded.url, protocol: "legacy", health_check_interval: 1, auth };
      });
      return configToml([goodTable, ...hostile], { security });
    };
    // As many with a good endpoint first, so that what is measured is the malice.
    const toml = guardedBy([...endpoints.keys()].map(name => [name, honest.url]));
    const gateway = keep(await startGateway({ toml, env: probe.env }));
    await gateway.until(({ upstreams }) => upstreams.every(({ state }) => state === "ready"));
    const opened = guarded.count("initialize");
    const { rss: before } = await probe.ask({ collects: true, resets: true });

    writeFileSync(gateway.configPath, guardedBy([...endpoints].map(([name, { url }]) => [name, url])));
    await gateway.rad("mcp", "proxy", "reload");
    let most = 0;
    const settled = await gateway.until(
      ({ upstreams }) => upstreams.slice(1).every(({ lastError }) => lastError),
      async () => {
        most = Math.max(most, (await probe.ask()).rss);
        const { message } = await modernAgent(gateway.url).request("tools/call", { name: "work", arguments: {} });
        expect(message?.result).toBeDefined();
      },
    );
    for (const { name, state, lastError } of settled.upstreams.slice(1)) {
      expect([name, state]).not.toEqual([name, "ready"]);
      expect(lastError, name).toContain("token endpoint");
    }
    expect(guarded.count("initialize")).toBe(opened);
    expect((most - before) / MEBIBYTE).toBeLessThan(32);

    const askedBefore = new Map([...endpoints].map(([name, { asked }]) => [name, asked()]));
    const calls = Array.from({ length: 30 }, (_, at) =>
      modernAgent(gateway.of([...endpoints.keys()][at % endpoints.size]!)).request("tools/call", { name: "secret" }),
    );
    await Promise.all(calls);
    for (const [name, { asked }] of endpoints) expect(asked() - askedBefore.get(name)!, name).toBeLessThan(10);
    expect(((await probe.ask()).rss - before) / MEBIBYTE).toBeLessThan(32);
    expect(JSON.stringify(await gateway.status())).not.toContain("canary");
  });
});
