import type { Holder, Kind, LoadedOffer } from "./catalog.ts";
import { definitionDigests } from "./definition-digest.ts";
import type { Payload } from "./payload.ts";

/** A holder, and what decides whether it is a replica of another. */
export interface Candidate extends Holder {
  /** Position of its upstream in the configuration. */
  readonly position: number;
  readonly group: string | undefined;
  readonly fingerprint: string;
  readonly loaded: LoadedOffer | undefined;
  /** The definition as the upstream wrote it. */
  readonly offered: Payload;
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
  /** Were replicas of the holders when the configuration was loaded, and define something else now. */
  readonly departed: readonly Candidate[];
}

/**
 * Sorts the candidates of one name, given in configuration order, into sets of replicas, in the order of their first
 * members. Members of one group are replicas even while their definitions differ. Without a group, replicas are those
 * whose configurations allow it, who were equal when these were loaded, and who are equal now. Whoever departs costs its
 * set neither its name nor its other members.
 */
export function replicaSets(kind: Kind, candidates: readonly Candidate[]): CandidateSet[] {
  if (candidates.length === 1) return [candidateSet(candidates, [])];
  const sets = new Map<string, Candidate[]>();
  for (const candidate of candidates) {
    const key = setKey(kind, candidate);
    const members = sets.get(key);
    if (members) members.push(candidate);
    else sets.set(key, [candidate]);
  }
  return [...sets.values()].map(members => withoutDeparted(kind, members));
}

function setKey(kind: Kind, candidate: Candidate): string {
  const { group, fingerprint, upstream } = candidate;
  if (group !== undefined) return JSON.stringify(["group", group]);
  const bond = bondOf(kind, candidate);
  return JSON.stringify(bond === undefined ? ["alone", upstream] : ["equal", fingerprint, ...bond]);
}

/**
 * What has to be the same for two to have been equal when their configurations were loaded: this definition; or all that
 * they offered, for copies of one server that have come to offer more since.
 */
function bondOf(kind: Kind, { loaded, native }: Candidate): readonly [string, string] | undefined {
  if (!loaded?.knows(kind)) return undefined;
  const digest = loaded.digest(kind, native);
  if (digest !== undefined) return ["definition", digest];
  return loaded.whole === undefined ? undefined : ["whole", loaded.whole];
}

/** Replicas define the same now: as the best of them does, or, of equal ones, one that has not changed. */
function withoutDeparted(kind: Kind, members: readonly Candidate[]): CandidateSet {
  const [first] = members;
  if (members.length === 1 || first?.group !== undefined) return candidateSet(members, []);
  const digest = definitionDigests();
  const hasChanged = ({ loaded, native, offered }: Candidate): number =>
    loaded?.digest(kind, native) === digest(offered) ? 0 : 1;
  const [lead] = members.toSorted((a, b) => a.priority - b.priority || hasChanged(a) - hasChanged(b));
  const isLeads = (member: Candidate): boolean => digest(member.offered) === digest(lead!.offered);
  return candidateSet(
    members.filter(isLeads),
    members.filter(member => !isLeads(member)),
  );
}

function candidateSet(members: readonly Candidate[], departed: readonly Candidate[]): CandidateSet {
  const [best = members[0]!, ...others] = members.toSorted(byRank);
  const [first = best] = [...members, ...departed].toSorted((a, b) => a.position - b.position);
  const because = members.length === 1 ? "alone" : best.group !== undefined ? "group" : "equal";
  return { because, owner: first.group ?? first.upstream, first, holders: [best, ...others], departed };
}

/** Whose claim is the better one: best priority first, then configuration order. */
export const byRank = (a: Pick<Candidate, "priority" | "position">, b: Pick<Candidate, "priority" | "position">) =>
  a.priority - b.priority || a.position - b.position;
