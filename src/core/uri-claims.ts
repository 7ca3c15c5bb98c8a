import type { Share } from "./conflict.ts";
import { byRank, type Candidate, type CandidateSet } from "./replicas.ts";
import { CATALOG_EFFORT, compileTemplate, type Effort, sampleOf, type TemplateMatcher } from "./templates.ts";

/** A template that is listed, as a claim to every URI that fits it. */
interface Claim {
  readonly best: Candidate;
  readonly set: CandidateSet;
  readonly matcher: TemplateMatcher;
}

/**
 * Takes out of lists what somebody with a better claim serves: a URI belongs to whoever lists it, or has a template that
 * it fits, first by priority and order in the configuration. How literal a template is, and who came when, does not
 * matter.
 */
export function withoutRivals(shares: { readonly template: readonly Share[]; readonly resource: readonly Share[] }): {
  readonly template: readonly Share[];
  readonly resource: readonly Share[];
} {
  // What there is no time to look at stays listed, and each read decides anew.
  const effort: Effort = { left: CATALOG_EFFORT };
  const claims = claimsOf(shares.template);
  const judge = (share: Share, uris: readonly string[]): Share => {
    const [listed] = share.listed;
    const rival = listed && rivalOf(listed.set, uris, { claims, effort });
    return rival ? yieldTo(share, rival.best) : share;
  };
  return {
    template: shares.template.map(share => judge(share, sampleOf(share.native))),
    resource: shares.resource.map(share => judge(share, [share.native])),
  };
}

function claimsOf(shares: readonly Share[]): Claim[] {
  const claims = shares.flatMap(({ native, listed }) => {
    const matcher = compileTemplate(native);
    return matcher && listed[0] ? [{ best: listed[0].set.holders[0], set: listed[0].set, matcher }] : [];
  });
  return claims.toSorted((a, b) => byRank(a.best, b.best));
}

/** Whoever has a template that all of these URIs fit, and a better claim. */
function rivalOf(
  { holders }: CandidateSet,
  uris: readonly string[],
  { claims, effort }: { claims: readonly Claim[]; effort: Effort },
): Claim | undefined {
  if (uris.length === 0) return undefined;
  const [best] = holders;
  for (const claim of claims) {
    if (byRank(claim.best, best) >= 0 || effort.left < 0) return undefined;
    // A member of a group serves what it lists itself; it was declared to be as good as the others.
    if (claim.set.because === "group" && claim.set.owner === best.group) continue;
    if (uris.every(uri => claim.matcher.matches(uri, effort))) return claim;
  }
  return undefined;
}

function yieldTo(share: Share, { upstream, native }: Candidate): Share {
  const reason = `"${upstream}" claims it by its template ${native}, and comes first by priority and order in the configuration`;
  return {
    ...share,
    ...{
      listed: [],
      contested: true,
      outcome: () => `it is left to "${upstream}", whose template ${native} covers it`,
    },
    hidden: [...share.hidden, ...share.listed.map(({ set }) => ({ set, reason }))],
  };
}
