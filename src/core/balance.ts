import type { Holder } from "./catalog.ts";

/** An upstream that could take a call, as far as choosing is concerned. */
export interface Candidate {
  readonly holder: Holder;
  /** `up` takes calls, `suspect` only when nothing better is left, `down` only when nothing else is. */
  readonly condition: "up" | "suspect" | "down";
  readonly inFlight: number;
  /** Holds the conversation of this call's agent. */
  readonly keepsAgent: boolean;
}

/** Brings candidates of one priority into an order; knows nothing of health. `turn` grows by one with every call. */
export type Policy = (equals: readonly Candidate[], turn: number) => readonly Candidate[];

const roundRobin: Policy = (equals, turn) => {
  const start = turn % equals.length;
  return [...equals.slice(start), ...equals.slice(0, start)];
};

export const POLICIES = {
  round_robin: roundRobin,
  least_pending: (equals, turn) => [...roundRobin(equals, turn)].sort((a, b) => a.inFlight - b.inFlight),
} satisfies Record<string, Policy>;

const RANK = { up: 0, suspect: 1, down: 2 } as const;

/**
 * Whom to try, first choice first: by condition, then by priority, then, among equals, whoever holds the agent's
 * conversation, then as the policy says.
 */
export function order(candidates: readonly Candidate[], policy: Policy, turn: number): readonly Candidate[] {
  const [only] = candidates;
  if (candidates.length === 1 && only) return [only];
  const ordered: Candidate[] = [];
  for (const priority of new Set(candidates.map(each => each.holder.priority))) {
    const equals = candidates.filter(each => each.holder.priority === priority);
    ordered.push(...[...policy(equals, turn)].sort((a, b) => Number(b.keepsAgent) - Number(a.keepsAgent)));
  }
  const byPriority = ordered.sort((a, b) => a.holder.priority - b.holder.priority);
  return byPriority.sort((a, b) => RANK[a.condition] - RANK[b.condition]);
}
