import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { promised } from "./compare.ts";
import { declaredAs, FEATURE_NAMES } from "./features.ts";
import { type FleetServer, missing, SERVERS, USUAL } from "./manifest.ts";
import { RESULTS, RESULTS_FILE, resultOf } from "./results.ts";
import { featuresOf, type Measured, measure, rowsOf } from "./rows.ts";
import { rowName, VIEWS, WAYS } from "./ways.ts";

/**
 * Servers of real SDKs, directly and through the gateway. By default the usual ones, as far as they are installed;
 * `FLEET=all` for every one, `FLEET_ONLY=name,name` for some, `FLEET_WRITE=1` to keep what was measured.
 */
const { FLEET = "usual", FLEET_ONLY, FLEET_WRITE, FLEET_AT_ONCE = "3" } = process.env;
const chosen = SERVERS.filter(server =>
  FLEET_ONLY ? FLEET_ONLY.split(",").includes(server.name) : FLEET === "all" || USUAL.includes(server.name),
);
const here = chosen.filter(server => {
  const reason = missing(server);
  if (reason) console.log(`skipped: ${server.name} (${reason}; see test/peers/fleet/README.md)`);
  return reason === undefined;
});
const LIMIT_MS = 60 * 60_000;

const measured = new Map<string, Measured | Error>();

beforeAll(async () => {
  const waiting = [...here];
  const work = async () => {
    for (let server = waiting.shift(); server; server = waiting.shift()) {
      const began = performance.now();
      measured.set(server.name, await measure(server).catch((error: Error) => error));
      console.log(`${server.name}: ${((performance.now() - began) / 1_000).toFixed(1)} s`);
    }
  };
  await Promise.all(Array.from({ length: Number(FLEET_AT_ONCE) }, work));
}, LIMIT_MS);

function measuredOf({ name }: FleetServer): Measured {
  const found = measured.get(name);
  if (!found || found instanceof Error) throw found ?? new Error(`${name} was not measured`);
  return found;
}

describe.each(here)("$name", server => {
  describe.each(rowsOf(server).map(row => [rowName(row), row] as const))("over %s", (_name, row) => {
    test.each(featuresOf(server))("has through the gateway what it has directly: %s", feature => {
      const found = measuredOf(server);
      const seen = found.through[rowName(row)];
      if (!seen || seen instanceof Error) throw seen;
      const reached = found.direct[WAYS[row.way].transport];
      const expected = reached && promised(feature, row, { sdk: server.sdk, direct: reached });
      if (expected) {
        const both = VIEWS.map(view => [view, seen[view][feature]?.seen] as const);
        expect(Object.fromEntries(both)).toEqual(Object.fromEntries(VIEWS.map(view => [view, expected])));
      }
      if (FLEET_WRITE) return;
      const kept = RESULTS[server.name]?.rows[rowName(row)]?.[feature];
      expect(resultOf(server, found).rows[rowName(row)]?.[feature], "docs/compatibility.md says").toBe(kept);
    });
  });

  test.skipIf(FLEET_WRITE)("speaks the eras that docs/compatibility.md says", () => {
    expect(resultOf(server, measuredOf(server)).dual).toEqual(RESULTS[server.name]?.dual);
  });
});

test.runIf(process.env.CI)("in CI, the servers that npm installs are there", () => {
  const missed = SERVERS.filter(({ name, language }) => USUAL.includes(name) && language === "TypeScript").flatMap(
    server => missing(server) ?? [],
  );
  expect(missed).toEqual([]);
});

test("manifests declare features that there are", () => {
  const known = new Set(FEATURE_NAMES.map(declaredAs));
  expect(SERVERS.flatMap(({ features }) => features.filter(name => !known.has(name)))).toEqual([]);
});

test("every result is one of a server that there is, in the release that there is", () => {
  const releases = new Map(SERVERS.map(({ name, version }) => [name, version]));
  expect(Object.entries(RESULTS).filter(([name, { version }]) => releases.get(name) !== version)).toEqual([]);
});

afterAll(() => {
  if (!FLEET_WRITE) return;
  const news = here.map(server => [server.name, resultOf(server, measuredOf(server))] as const);
  const all = { ...RESULTS, ...Object.fromEntries(news) };
  const ordered = SERVERS.flatMap(({ name }) => (all[name] ? [[name, all[name]] as const] : []));
  writeFileSync(RESULTS_FILE, `${JSON.stringify(Object.fromEntries(ordered), null, 2)}\n`);
});
