import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startUpstream, type Upstream } from "../fixtures/upstream/upstream.ts";
import { missing, runSuite, type Scenarios } from "./conformance.mjs";

/** The official suite against the fake upstream itself: what later is asked of the gateway must be possible. */
const reason = missing();
if (reason) console.log(`skipped: ${reason}`);

/** An extension of the protocol that the fake upstream does not have; the suite does not score it. */
const EXTENSIONS = /^(?:tasks-|sep-2640-)/;

function failures(scenarios: Scenarios): string[] {
  return Object.entries(scenarios).flatMap(([scenario, checks]) =>
    EXTENSIONS.test(scenario)
      ? []
      : Object.entries(checks).flatMap(([id, { FAILURE, messages }]) =>
          FAILURE ? [`${scenario}:${id} ${messages.join("; ")}`] : [],
        ),
  );
}

describe.skipIf(reason !== undefined)("the fake upstream", () => {
  let upstream: Upstream;
  beforeAll(async () => {
    upstream = await startUpstream();
  });
  afterAll(() => upstream.close());

  test.each([
    ["req-2025-11-25", 30],
    ["req-2026-07-28", 37],
    ["all-2025-06-18", 25],
    ["v0.1.16-all", 30],
  ])(
    "passes every scenario of %s",
    async (run, atLeast) => {
      const { code, scenarios } = await runSuite(upstream.url.replace("127.0.0.1", "localhost"), run);
      expect(failures(scenarios)).toEqual([]);
      expect(Object.keys(scenarios).length).toBeGreaterThanOrEqual(atLeast);
      expect(code).toBe(0);
    },
    60_000,
  );
});
