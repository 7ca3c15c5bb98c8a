import { describe, expect, test } from "vitest";
import { modernAgent } from "../fixtures/agents/http.ts";
import { configToml, startGateway } from "../fixtures/gateway.ts";
import { HOSTILE_LISTS, startListsUpstream } from "../fixtures/hostile/lists.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { startPlainUpstream } from "../fixtures/plain-upstream.ts";
import { createProbe } from "../fixtures/probe.ts";

const keep = useCleanup();
const security = { rate_limit_per_minute: 0 };
/** Of these nothing is left out: they are large, and no more than that. */
const TAKEN = /thousand|many wide|a wide|^a long enum|^many alternatives|deep enough|icons|many templates/;

describe("T-44 an upstream that lists too much", () => {
  test.each(Object.entries(HOSTILE_LISTS))(
    "takes nobody else's tools away, and is told of: %s",
    async (kind, lists) => {
      const [good, hostile] = [
        keep(await startPlainUpstream({ tools: ["work"] })),
        keep(await startListsUpstream(lists())),
      ];
      const probe = createProbe();
      const common = { transport: "http", protocol: "legacy" };
      const upstreams = [
        { name: "good", ...common, url: good.url },
        { name: "hostile", ...common, url: hostile.url },
      ];
      const gateway = keep(await startGateway({ toml: configToml(upstreams, { security }), env: probe.env }));
      await gateway.until(({ upstreams }) => upstreams.every(({ state }) => state !== "connecting"));
      const { message, raw } = await modernAgent(gateway.url).request("tools/call", { name: "work", arguments: {} });
      expect(message?.result, raw).toBeDefined();
      const { catalog, upstreams: all } = await gateway.status();
      const { lastError, notes } = all.find(({ name }) => name === "hostile")!;
      const told = [lastError, ...notes, ...catalog.hidden.map(({ reason }) => reason)].join("");
      if (!TAKEN.test(kind)) expect(told).not.toBe("");
      expect((await probe.ask({ collects: true })).rss).toBeLessThan(512 * 1024 * 1024);
    },
  );
});
