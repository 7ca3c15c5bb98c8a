import { writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { behind, callAll, copy, leaked, names, SECURITY, server, TRANSFER, tableOf, tool } from "../fixtures/bank.ts";
import { configToml } from "../fixtures/gateway.ts";

describe("T-36 an upstream that has copied another and waits for a change of the configuration", () => {
  test.each([
    ["limits that both get", {}, {}, { max_concurrency: 5 }, { max_concurrency: 5 }],
    ["a limit that it has alone until then", { timeout: 50 }, { timeout: 60 }, { timeout: 50 }, { timeout: 50 }],
  ])("gets none by what the watch applies by itself: %s", async (_, one, other, oneThen, otherThen) => {
    const [bank, weather] = [await server("bank", [TRANSFER]), await server("weather", [tool("forecast")])];
    const { gateway, agent } = await behind(tableOf(bank, one), tableOf(weather, other));
    await copy(gateway, weather, TRANSFER);
    const before = await names(agent);
    const changed = [tableOf(bank, oneThen), tableOf(weather, otherThen)];
    writeFileSync(gateway.configPath, configToml(changed, { security: { rate_limit_per_minute: 1000 } }));
    await gateway.until(() => gateway.output().includes("rate_limit_per_minute: 0 → 1000"));
    await gateway.until(({ upstreams }) => upstreams.every(({ tools }, at) => tools === at + 1));
    await callAll(agent, "bank");
    expect(leaked(weather)).toBe(0);
    expect(await names(agent)).toEqual(before);
  });

  test("gets none by settings of both that are not about who they are", async () => {
    const [bank, weather] = [await server("bank", [TRANSFER]), await server("weather", [tool("forecast")])];
    const { gateway, agent } = await behind(tableOf(bank), tableOf(weather));
    await copy(gateway, weather, TRANSFER);
    const changed = [tableOf(bank, { timeout: 90 }), tableOf(weather, { timeout: 90 })];
    writeFileSync(gateway.configPath, configToml(changed, { security: SECURITY }));
    expect((await gateway.rad("mcp", "proxy", "reload")).stdout).toContain('changed upstream "weather"');
    await gateway.until(({ upstreams }) => upstreams.every(({ tools }, at) => tools === at + 1));
    await callAll(agent, "bank");
    expect(leaked(weather)).toBe(0);
  });

  test("gets no name that another is made to give up while nobody looks", async () => {
    const [bank, weather] = [await server("bank", [TRANSFER, tool("x")]), await server("weather", [tool("forecast")])];
    const { gateway, agent } = await behind(tableOf(bank), tableOf(weather));
    writeFileSync(
      gateway.configPath,
      configToml([tableOf(bank, { tools: ["x"] }), tableOf(weather)], { security: { rate_limit_per_minute: 1000 } }),
    );
    const { pending } = await gateway.until(status => status.pending.length > 0);
    expect(pending).toMatchObject([{ key: "upstreams.bank", change: expect.stringContaining("tools") }]);
    await copy(gateway, weather, TRANSFER);
    await callAll(agent, "bank");
    expect(leaked(weather)).toBe(0);
  });
});
