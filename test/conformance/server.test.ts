import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { STDIO_SERVERS } from "../fixtures/real-servers.ts";
import { type StartOptions, startUpstream, type Upstream } from "../fixtures/upstream/upstream.ts";
import { missing, regressions, runSuite, type Scenarios } from "../peers/conformance.mjs";
import { expectKnown, expectOnly } from "./expected.ts";

/** The official suite through the gateway, with log, limits and redaction on: nothing is worse than without it. */
const reason = missing();
if (reason) console.log(`skipped: ${reason}`);

/** A reference server, and the runs of the suite that it passes. */
interface Reference {
  readonly what: string;
  readonly options: StartOptions;
  readonly runs: readonly string[];
}

const LEGACY_RUNS = ["req-2025-11-25", "v0.1.16-all"];
const REFERENCES: readonly Reference[] = [
  { what: "both eras", options: {}, runs: [...LEGACY_RUNS, "req-2026-07-28", "all-2026-07-28"] },
  { what: "legacy", options: { era: "legacy" }, runs: LEGACY_RUNS },
];
const PLACES = ["/mcp/fixture", "/mcp"];
const groupOf = (place: string, what: string, run: string): string => `${place} of ${what}: ${run}`;

describe.skipIf(reason !== undefined).each(REFERENCES)("the official suite for servers, $what", reference => {
  const { what, runs } = reference;
  const dir = mkdtempSync(join(tmpdir(), "radium-conformance-"));
  const direct = new Map<string, Scenarios>();
  let fixture: Upstream;
  let gateway: GatewayRun;

  beforeAll(async () => {
    fixture = await startUpstream(reference.options);
    const beside = [STDIO_SERVERS.memory(dir), STDIO_SERVERS.thinking(dir)].map(({ config }) => config);
    const upstreams = [{ name: "fixture", transport: "http", url: fixture.url }, ...beside];
    const security = { log_requests: true, log_responses: true, rate_limit_per_minute: 100_000 };
    gateway = await startGateway({ toml: configToml(upstreams, { security }) });
    const { catalog } = await gateway.until(({ upstreams }) => upstreams.every(({ state }) => state === "ready"));
    expect(catalog.conflicts).toEqual([]);
    for (const run of runs) direct.set(run, (await runSuite(local(fixture.url), run)).scenarios);
  });

  afterAll(async () => {
    await gateway?.close();
    await fixture?.close();
    rmSync(dir, { recursive: true, force: true });
  });

  describe.each(PLACES)("through %s", place => {
    test.each(runs)("%s", async run => {
      const { scenarios } = await runSuite(local(gateway.base + place), run);
      const baseline = direct.get(run) ?? {};
      expect(Object.keys(baseline).length).toBeGreaterThanOrEqual(30);
      expectOnly("server", groupOf(place, what, run), regressions(baseline, scenarios));
    });
  });
});

test("expected failures are of runs that exist", () => {
  expectKnown(
    "server",
    REFERENCES.flatMap(({ what, runs }) => PLACES.flatMap(place => runs.map(run => groupOf(place, what, run)))),
  );
});

/** The suite looks at the host name. */
const local = (url: string): string => url.replace("127.0.0.1", "localhost");
