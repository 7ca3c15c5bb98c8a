import { expect, it } from "vitest";
import { parseConfig } from "./parse.ts";
import { starterFile } from "./starter.ts";

const load = (text: string) => parseConfig({ text, path: "starter", env: {}, mode: 0o644 });

it("loads as it is, without a problem and without an upstream", () => {
  const result = load(starterFile());
  expect(result).toMatchObject({ ok: true, warnings: [], config: { enable: true, port: 3000, upstreams: [] } });
});

it("begins with the address of the JSON Schema", () => {
  expect(starterFile().split("\n")[0]).toBe("#:schema ./mcp-proxy.schema.json");
});

it("loads with every setting switched on, and then says what it said before", () => {
  const everything = load(starterFile().replace(/^#(?=[\w[])/gm, ""));
  const asIs = load(starterFile());
  expect(everything).toMatchObject({ ok: true, warnings: [] });
  if (!everything.ok || !asIs.ok) return;
  expect(everything.config.upstreams.map(upstream => upstream.transport)).toEqual(["stdio", "http", "sse"]);
  // What it amounts to where it is left out.
  const security = {
    ...asIs.config.security,
    other_requests_per_minute: 100 * asIs.config.security.rate_limit_per_minute,
  };
  expect({ ...everything.config, upstreams: [] }).toEqual({ ...asIs.config, security });
});
