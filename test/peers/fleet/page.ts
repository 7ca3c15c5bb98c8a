import { unpromised } from "./compare.ts";
import { EXPLAINED, IMPOSSIBLE } from "./explained.ts";
import { FEATURES, type FeatureName } from "./features.ts";
import type { Mark, Result, Results } from "./results.ts";
import { ROWS, type Row, rowName, type Transport, WAYS } from "./ways.ts";

/** `docs/compatibility.md`, made of what the fleet's test has measured. */
export const compatibilityPage = (results: Results): string =>
  `${[
    "# Compatibility",
    INTRODUCTION,
    "## The servers",
    table(
      ["server", "SDK", "release", "language", "over HTTP", "over stdio"],
      servers(results).map(([name, { sdk, version, language, dual }]) => [
        name,
        sdk,
        version,
        language,
        eras(dual.http),
        eras(dual.stdio),
      ]),
    ),
    "## In short",
    "Of the features that an agent has directly and may count on, how many it has through the gateway, at both endpoints.",
    table(
      ["server", ...ROWS.map(rowName)],
      servers(results).map(([name, result]) => [name, ...ROWS.map(row => share(result, row))]),
    ),
    "## Feature by feature",
    LEGEND,
    ...ROWS.flatMap(row => [`### ${heading(row)}`, featureTable(results, row)]),
    "## What differs, and why",
    table(
      ["feature", "where", "because"],
      [
        ...Object.entries(IMPOSSIBLE).map(([name, why]) => [name, "a modern agent, a legacy-only server", why]),
        ...EXPLAINED.flatMap(({ features, place, reason }) => features.map(name => [name, place, reason])),
      ],
    ),
  ].join("\n\n")}\n`;

const INTRODUCTION = `<!-- Written by scripts/generate.mjs from test/peers/fleet/results.json: measure anew with npm run peers -- --write. -->

Servers made with the SDKs that people use, each asked directly and through the gateway, at \`/mcp/<upstream>\` and at \`/mcp\`,
by two clients: a *legacy* agent (TypeScript SDK v1, which keeps a session) and a *modern* one (TypeScript SDK v2, pinned to
2026-07-28). What works directly works through the gateway, and is the same: [the test](../test/peers/fleet/fleet.test.ts) fails for
everything else. What the servers do is in [the fleet's contract](../test/peers/fleet/README.md).`;

const LEGEND = `✓ as directly · ✗ works directly and not through the gateway · ≠ works, and is not the same · ○ works directly, and not
through the gateway for a reason that is given below · ＋ works through the gateway only · – works neither way · blank: that
SDK has it not`;

const servers = (results: Results) => Object.entries(results);
const eras = (dual: boolean | undefined): string => (dual === undefined ? "" : dual ? "legacy and modern" : "legacy");
const heading = ({ way, era }: Row): string => `${way === "http" ? "HTTP" : way}, asked by a ${era} agent`;

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows].map(cells => `| ${cells.join(" | ")} |`).join("\n");

const transportOf = ({ way }: Row): Transport => WAYS[way].transport;

/** One feature in one row: whether the agent has it directly, and whether it has it at both endpoints. */
function read(result: Result, row: Row, feature: FeatureName) {
  const mark: Mark | undefined = result.rows[rowName(row)]?.[feature];
  if (mark === undefined) return undefined;
  const bridged = row.era === "modern" && !result.dual[transportOf(row)];
  const [own, other, ...views] = mark;
  return {
    directly: (bridged ? other : own) === "+",
    through: views.every(sign => sign === "+"),
    differs: !views.includes("-"),
    excused: unpromised(feature, row, { sdk: result.sdk, bridged }) !== undefined,
  };
}

function cell(result: Result, row: Row, feature: FeatureName): string {
  const seen = read(result, row, feature);
  if (!seen) return "";
  const { directly, through, differs, excused } = seen;
  if (through) return directly ? "✓" : "＋";
  if (!directly) return "–";
  if (excused) return "○";
  return differs ? "≠" : "✗";
}

const NAMES = Object.keys(FEATURES) as FeatureName[];

function share(result: Result, row: Row): string {
  const promised = NAMES.flatMap(name => read(result, row, name) ?? []).filter(
    ({ directly, excused }) => directly && !excused,
  );
  if (!result.rows[rowName(row)]) return "";
  return `${promised.filter(({ through }) => through).length} of ${promised.length}`;
}

const featureTable = (results: Results, row: Row): string =>
  table(
    ["", ...Object.keys(results)],
    NAMES.map(name => [name, ...Object.values(results).map(result => cell(result, row, name))]),
  );
