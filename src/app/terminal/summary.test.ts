import { describe, expect, it } from "vitest";
import { upstream } from "../../../test/cli/fake-gateway.ts";
import type { Status, UpstreamStatus } from "../../core/status.ts";
import { fleetSummary, type Style } from "./summary.ts";
import { plain } from "./terminal.ts";

const style: Style = { paint: plain, columns: 80, unicode: true, nowMs: Date.parse("2026-01-01T00:00:05Z") };
const catalog = { tools: 1, prompts: 0, resources: 0, templates: 0, hidden: [], replicas: [], conflicts: [] };

const shown = (upstreams: UpstreamStatus[], warnings: string[] = [], pending?: Status["pending"]): string[] =>
  fleetSummary({ upstreams, catalog, warnings, pending } as unknown as Status, style);

describe("the summary of the upstreams", () => {
  it("shows a warning of several lines in several lines", () => {
    const lines = shown([], ['error[RAD1203]: unknown key "prot"\n --> file:2:1\n\x1b[2J']);
    expect(lines.slice(-3)).toEqual(['  error[RAD1203]: unknown key "prot"', "   --> file:2:1", "  \\u{1b}[2J"]);
  });

  it.each([
    ["degraded", "something is wrong, but it still gets calls"],
    ["ejected", "its calls failed: others are preferred until a check succeeds"],
    ["probing", "a check has succeeded: it gets one call at a time until one succeeds"],
    ["rate_limited", "it limits our rate: others are preferred until that is over"],
  ] as const)("says what %s means, with the whole reason", (state, meaning) => {
    const lastError = `${"many words ".repeat(12)}and the last`;
    const lines = shown([upstream({ name: "files", state, lastError })]);
    expect(lines).toContain(`  files: ${meaning} (${lastError})`);
  });

  it("keeps short what is hidden of one upstream for one reason", () => {
    const of = (names: string[], reason: string) =>
      names.map(name => ({ upstream: "files", kind: "tool", name, reason, action: "hidden" }));
    const hidden = [...of(["a", "b", "c", "d", "e"], "not in `tools`"), ...of(["x", "y"], "its schema is broken")];
    const lines = fleetSummary({ upstreams: [], catalog: { ...catalog, hidden }, warnings: [] } as never, style);
    expect(lines.slice(lines.indexOf("Hidden"))).toEqual([
      "Hidden",
      '  tools "a", "b" and 3 more of files: not in `tools` (all: `rad mcp tools files`)',
      '  tool "x" of files: its schema is broken',
      '  tool "y" of files: its schema is broken',
    ]);
  });

  it("says how many calls wait for their turn at an upstream", () => {
    const [busy, idle] = [upstream({ name: "files", inFlight: 5, queued: 3 }), upstream({ name: "idle", inFlight: 9 })];
    const lines = shown([busy, idle]);
    expect(lines).toContain("  files: 2 calls running (max_concurrency), 3 calls waiting for their turn");
    expect(lines.join("\n")).not.toContain("idle:");
  });

  it("says which upstreams are reached through a proxy", () => {
    const lines = shown([upstream({ name: "far", proxy: "proxy.corp:3128" }), upstream({ name: "near" })]);
    expect(lines).toContain("  far: proxy.corp:3128, as the environment says");
    expect(lines.join("\n")).not.toContain("near: ");
  });

  it("says which changes wait for a restart", () => {
    const lines = shown(
      [],
      [],
      [{ key: "port", change: "port changed", reason: "", until: "restart", running: 3000, configured: 4000 }],
    );
    expect(lines.slice(-2)).toEqual([
      "Waits for `rad mcp proxy restart`",
      "  port is 3000 now, 4000 in the configuration",
    ]);
  });

  it("says nothing of upstreams that are well", () => {
    expect(shown([upstream({ name: "files" })])).toHaveLength(4);
  });
});
