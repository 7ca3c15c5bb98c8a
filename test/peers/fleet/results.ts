import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Json } from "../../fixtures/upstream/contract.ts";
import { promised } from "./compare.ts";
import type { FeatureName, Sight } from "./features.ts";
import { FLEET, type FleetServer } from "./manifest.ts";
import { featuresOf, type Measured, rowsOf } from "./rows.ts";
import { OTHER, rowName, type Transport, VIEWS, WAYS } from "./ways.ts";

/**
 * Four signs: directly in the agent's own era, directly in the other one, through the endpoint of one upstream, through the
 * endpoint of all. `+` is what works, `~` what works and is not what an agent may count on, `-` what does not work.
 */
export type Mark = string;

/** What works of a server, row by row and feature by feature. */
export interface Result {
  readonly sdk: string;
  readonly version: string;
  readonly language: string;
  /** Whether it speaks the modern era too, over each transport that it has. */
  readonly dual: Readonly<Partial<Record<Transport, boolean>>>;
  readonly rows: Readonly<Record<string, Readonly<Partial<Record<FeatureName, Mark>>>>>;
}
export type Results = Readonly<Record<string, Result>>;

export const RESULTS_FILE = join(FLEET, "results.json");
/** What was measured last and written down. */
export const RESULTS: Results = existsSync(RESULTS_FILE)
  ? (JSON.parse(readFileSync(RESULTS_FILE, "utf8")) as Results)
  : {};

function sign(sight: Sight | undefined, expected?: Json): string {
  if (!sight?.works) return "-";
  return expected === undefined || isDeepStrictEqual(sight.seen, expected) ? "+" : "~";
}

/** What was measured, in the shape in which it is kept. */
export function resultOf(server: FleetServer, { direct, through }: Measured): Result {
  const { sdk, version, language } = server;
  const rows = rowsOf(server).map(row => {
    const reached = direct[WAYS[row.way].transport];
    const seen = through[rowName(row)];
    const mark = (name: FeatureName) => {
      const expected = reached && promised(name, row, { sdk: server.sdk, direct: reached });
      const directly = [row.era, OTHER[row.era]].map(era => sign(reached?.[era]?.[name]));
      const views = VIEWS.map(view => sign(seen instanceof Error ? undefined : seen?.[view][name], expected));
      return [...directly, ...views].join("");
    };
    return [rowName(row), Object.fromEntries(featuresOf(server).map(name => [name, mark(name)]))];
  });
  const dual = Object.fromEntries(Object.entries(direct).map(([name, { modern }]) => [name, modern !== undefined]));
  return { sdk, version, language, dual, rows: Object.fromEntries(rows) };
}
