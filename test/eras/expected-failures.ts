import type { AgentKind, UpstreamKind } from "./kinds.ts";

/** Cells that fail, each with what is missing. A cell that passes in spite of its entry fails the test. */
interface ExpectedFailure {
  readonly features: readonly string[];
  agent?(kind: AgentKind): boolean;
  upstream?(kind: UpstreamKind): boolean;
  readonly reason: string;
}

export const EXPECTED_FAILURES: readonly ExpectedFailure[] = [];

export const expectedFailure = (
  feature: string,
  agent: AgentKind,
  upstream: UpstreamKind,
): ExpectedFailure | undefined =>
  EXPECTED_FAILURES.find(
    entry => entry.features.includes(feature) && (entry.agent?.(agent) ?? true) && (entry.upstream?.(upstream) ?? true),
  );
