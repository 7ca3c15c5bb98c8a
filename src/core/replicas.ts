import { canonicalJson } from "./canonical-json.ts";
import type { Holder, Kind } from "./catalog.ts";
import type { Payload } from "./payload.ts";

/** A holder, and what decides whether it is a replica of another. */
export interface Candidate extends Holder {
  /** Position of its upstream in the configuration. */
  readonly position: number;
  readonly group: string | undefined;
  readonly fingerprint: string;
}

/** Candidates that are interchangeable: one, or several replicas. */
export interface CandidateSet {
  readonly because: "alone" | "group" | "equal";
  /** What the set is called where it needs a name of its own: its group, else its first upstream. */
  readonly owner: string;
  /** The first one in configuration order: the set stands in lists where this one stands. */
  readonly first: Candidate;
  /** Best priority first, then configuration order. */
  readonly holders: readonly [Candidate, ...Candidate[]];
}

/** What must be equal in two definitions; titles, icons and metadata may differ between replicas. */
const COMPARED: Readonly<Record<Kind, readonly string[]>> = {
  tool: ["name", "description", "inputSchema", "outputSchema", "annotations"],
  prompt: ["name", "description", "arguments"],
  resource: ["uri", "name", "description", "mimeType"],
  template: ["uriTemplate", "name", "description", "mimeType"],
};

/**
 * Sorts the candidates of one name, given in configuration order, into sets of replicas, in the order of their first
 * members. Members of one group are replicas even while their definitions differ; without a group, replicas are those
 * whose definitions and configurations are equal.
 */
export function replicaSets(kind: Kind, candidates: readonly Candidate[]): CandidateSet[] {
  if (candidates.length === 1) return [candidateSet(candidates)];
  const sets = new Map<string, Candidate[]>();
  const shared = new Set(repeated(candidates.map(candidate => candidate.fingerprint)));
  // Replicas mostly send the very same text.
  const known = new Map<string, string>();
  const canonical = (definition: Payload): string => {
    const text = definition.bytes.toString("latin1");
    const result = known.get(text) ?? canonicalDefinition(kind, definition);
    known.set(text, result);
    return result;
  };
  for (const candidate of candidates) {
    const key = setKey(candidate, shared, canonical);
    const members = sets.get(key);
    if (members) members.push(candidate);
    else sets.set(key, [candidate]);
  }
  return [...sets.values()].map(candidateSet);
}

function setKey(candidate: Candidate, shared: ReadonlySet<string>, canonical: (definition: Payload) => string): string {
  if (candidate.group !== undefined) return JSON.stringify(["group", candidate.group]);
  // Comparing definitions means parsing them; without a twin in the configuration there is nothing to compare with.
  if (!shared.has(candidate.fingerprint)) return JSON.stringify(["alone", candidate.upstream]);
  return JSON.stringify(["equal", candidate.fingerprint, canonical(candidate.definition)]);
}

function candidateSet(members: readonly Candidate[]): CandidateSet {
  const first = members[0]!;
  const [best = first, ...others] = members.toSorted((a, b) => a.priority - b.priority || a.position - b.position);
  const because = members.length === 1 ? "alone" : first.group !== undefined ? "group" : "equal";
  return { because, owner: first.group ?? first.upstream, first, holders: [best, ...others] };
}

function* repeated(values: readonly string[]): Iterable<string> {
  const seen = new Set<string>();
  for (const value of values) {
    if (seen.has(value)) yield value;
    seen.add(value);
  }
}

/** The compared members as JSON text in which the order of keys no longer shows. */
export function canonicalDefinition(kind: Kind, definition: Payload): string {
  const parts = COMPARED[kind].map(key => {
    const raw = definition.raw(key);
    return raw === undefined ? "absent" : canonicalJson(JSON.parse(raw.toString("utf8")));
  });
  return parts.join("\n");
}
