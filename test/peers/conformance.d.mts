export interface Check {
  readonly messages: readonly string[];
  readonly [status: string]: number | readonly string[];
}
/** Scenario → check → how often it had which status. */
export type Scenarios = Readonly<Record<string, Readonly<Record<string, Check>>>>;
export const RUNS: Readonly<Record<string, unknown>>;
export function missing(): string | undefined;
export function runSuite(
  url: string,
  run: string,
  out?: string,
): Promise<{ readonly code: number | null; readonly scenarios: Scenarios; readonly log: string }>;
export function runClientScenario(
  command: string,
  scenario: string,
  revision: string | undefined,
): Promise<{
  readonly code: number | null;
  readonly log: string;
  readonly checks: Readonly<Record<string, Check>>;
}>;
export interface Regression {
  readonly check: string;
  readonly says: string;
}
export function regressions(baseline: Scenarios, scenarios: Scenarios): readonly Regression[];
