import type { Kind } from "./catalog.ts";
import { skeleton } from "./look-alikes.ts";
import { prefixIn, SEPARATOR } from "./naming.ts";
import { type Candidate, type CandidateSet, replicaSets } from "./replicas.ts";
import { each, mapped, type Steps } from "./steps.ts";

/** What becomes of the sets that claim one name. */
interface Verdict {
  readonly listed: readonly { readonly set: CandidateSet; readonly prefixed: boolean }[];
  readonly hidden: readonly { readonly set: CandidateSet; readonly reason: string }[];
  /** In one sentence, given the names that the listed sets got. */
  readonly outcome: (names: readonly string[]) => string;
}

/** In configuration order. */
type Claims = readonly [CandidateSet, ...CandidateSet[]];

/** How a name that several sets claim is shared out. */
export const CONFLICT_STRATEGIES = {
  auto_prefix: claims => ({
    listed: claims.map(set => ({ set, prefixed: true })),
    hidden: [],
    outcome: names => `each is listed with a prefix: ${names.join(", ")}`,
  }),
  reject: claims => keep(claims, claims[0], "comes first in the configuration"),
  priority_override: claims => keep(claims, best(claims), "has the best priority"),
} satisfies Record<string, (claims: Claims) => Verdict>;

export type ConflictStrategy = keyof typeof CONFLICT_STRATEGIES;

function best(claims: Claims): CandidateSet {
  const rank = (set: CandidateSet): number => set.holders[0].priority;
  return claims.reduce((winner, set) => (rank(set) < rank(winner) ? set : winner));
}

function keep(claims: Claims, winner: CandidateSet, why: string): Verdict {
  const owner = JSON.stringify(winner.owner);
  return {
    listed: [{ set: winner, prefixed: false }],
    hidden: claims
      .filter(set => set !== winner)
      .map(set => ({ set, reason: `${owner} offers the same name and ${why}` })),
    outcome: () => `${owner} keeps the name: it ${why}`,
  };
}

export interface NamingRules {
  readonly strategy: ConflictStrategy;
  /** When tools and prompts get a prefix: when their name is claimed twice, always, or never (which is `reject`). */
  readonly naming: "auto" | "always" | "never";
}

/** One name or URI as upstreams spell it, and what becomes of those who offer it. */
export interface Share extends Verdict {
  readonly native: string;
  readonly claims: Claims;
  /** Whether somebody did not get the name it asked for. */
  readonly contested: boolean;
}

/**
 * Decides about every name that is offered. `candidates` come in configuration order; `owners` tells whom a name before
 * the separator stands for.
 */
export function* shareNames(
  kind: Kind,
  candidates: readonly Candidate[],
  { rules, owners }: { rules: NamingRules; owners: ReadonlyMap<string, string> },
): Steps<Share[]> {
  const claimants = new Map<string, Candidate[]>();
  yield* each(candidates, candidate => {
    const others = claimants.get(candidate.native);
    if (others) others.push(candidate);
    else claimants.set(candidate.native, [candidate]);
  });
  const decide = ([native, sharing]: [string, Candidate[]]): Share => {
    const [first, ...others] = replicaSets(kind, sharing);
    const claims: Claims = [first!, ...others];
    // A URI occurs inside content, where nobody could rename it.
    if (kind === "resource" || kind === "template") return shareOut(native, claims, "priority_override");
    if (rules.naming === "always") {
      return { native, claims, contested: false, ...CONFLICT_STRATEGIES.auto_prefix(claims) };
    }
    const strategy = rules.naming === "never" ? "reject" : rules.strategy;
    if (strategy === "auto_prefix" && poses(native, first!, owners)) return posing(native, claims);
    return shareOut(native, claims, strategy);
  };
  return yield* mapped(claimants, decide, costOf);
}

/** Of equal definitions digests are made, unless they are known. */
const costOf = ([, sharing]: [string, Candidate[]]): number =>
  sharing.length === 1 ? 2 : sharing.reduce((sum, { offered }) => sum + 5 + offered.size / 50, 0);

function shareOut(native: string, claims: Claims, strategy: ConflictStrategy): Share {
  if (claims.length > 1) return { native, claims, contested: true, ...CONFLICT_STRATEGIES[strategy](claims) };
  const listed = [{ set: claims[0], prefixed: false }];
  return { native, claims, contested: false, listed, hidden: [], outcome: () => "listed as it is" };
}

/** A name such as `github__search` or `GitHub__search`, of anybody but `github`, would pass for what `github` offers. */
export function poses(native: string, set: CandidateSet, owners: ReadonlyMap<string, string>): boolean {
  const prefix = prefixIn(native);
  const owner =
    prefix === undefined ? undefined : (owners.get(prefix) ?? owners.get(skeleton(native.split(SEPARATOR, 1)[0]!)));
  return owner !== undefined && owner !== set.owner && !set.holders.some(holder => holder.upstream === owner);
}

/** What to do where several define the same and are no replicas all the same; `undefined` where none do. */
export function adviceOf(claims: readonly CandidateSet[]): string | undefined {
  const alone = claims.filter(({ holders: [best] }) => best.group === undefined);
  if (alone.length < 2) return undefined;
  // Copies of one server mostly write the very same text; to parse all that is in conflict would cost too much.
  const twins = new Map<string, Candidate[]>();
  for (const { holders } of alone) {
    const key = holders[0].offered.bytes.toString("latin1");
    twins.set(key, [...(twins.get(key) ?? []), ...holders]);
  }
  const equal = [...twins.values()].find(each => each.length > 1);
  if (!equal) return undefined;
  const names = equal.map(({ upstream }) => `"${upstream}"`).join(" and ");
  const why =
    new Set(equal.map(({ fingerprint }) => fingerprint)).size === 1
      ? "they were not when the configuration was loaded"
      : "their places, credentials or settings are not those of one server";
  return `the definitions of ${names} are equal now, but ${why}; if they are replicas, write the same group = "…" for each`;
}

function posing(native: string, claims: Claims): Share {
  const outcome = (names: readonly string[]): string =>
    `it begins like the names of another upstream, and is listed with a prefix of its own: ${names.join(", ")}`;
  return { native, claims, contested: true, ...CONFLICT_STRATEGIES.auto_prefix(claims), outcome };
}
