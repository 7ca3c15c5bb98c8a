import type { Share } from "./conflict.ts";
import { byRank, type Candidate, type CandidateSet } from "./replicas.ts";
import { flatMapped, type Steps } from "./steps.ts";
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
export function* withoutRivals(shares: {
  readonly template: readonly Share[];
  readonly resource: readonly Share[];
}): Steps<{ readonly template: readonly Share[]; readonly resource: readonly Share[] }> {
  // What there is no time to look at stays listed, and each read decides anew.
  const effort: Effort = { left: CATALOG_EFFORT };
  const claims = yield* claimsOf(shares.template);
  // Whoever is as good as the best has no rivals, and is not looked at.
  const [best] = claims;
  function* judged(list: readonly Share[], urisOf: (native: string) => readonly string[]): Steps<Share[]> {
    const result: Share[] = [];
    for (const share of list) {
      const [listed] = share.listed;
      const mayYield = listed && best && byRank(best.best, listed.set.holders[0]) < 0;
      const rival = mayYield ? yield* rivalOf(listed.set, urisOf(share.native), { claims, effort }) : undefined;
      result.push(rival ? yieldTo(share, rival.best) : share);
    }
    return result;
  }
  return { template: yield* judged(shares.template, sampleOf), resource: yield* judged(shares.resource, uri => [uri]) };
}

/** What of an effort takes about a microsecond. */
const PER_COST = 100;
const REST = 10_000;
/** What one comparison may take of it. */
const MATCH_EFFORT = 200_000;

function* claimsOf(shares: readonly Share[]): Steps<Claim[]> {
  const claims = yield* flatMapped(shares, ({ native, listed: [listed] }) => {
    const matcher = listed && compileTemplate(native);
    return matcher ? [{ best: listed.set.holders[0], set: listed.set, matcher }] : [];
  });
  return claims.sort((a, b) => byRank(a.best, b.best));
}

/** Whoever has a template that all of these URIs fit, and a better claim. */
function* rivalOf(
  { holders }: CandidateSet,
  uris: readonly string[],
  { claims, effort }: { claims: readonly Claim[]; effort: Effort },
): Steps<Claim | undefined> {
  if (uris.length === 0) return undefined;
  const [best] = holders;
  let rested = effort.left;
  for (const claim of claims) {
    if (byRank(claim.best, best) >= 0 || effort.left < 0) return undefined;
    // A member of a group serves what it lists itself; it was declared to be as good as the others.
    if (claim.set.because === "group" && claim.set.owner === best.group) continue;
    if (uris.every(uri => matches(claim, uri, effort))) return claim;
    if (rested - effort.left < REST) continue;
    yield (rested - effort.left) / PER_COST;
    rested = effort.left;
  }
  return undefined;
}

function matches({ matcher }: Claim, uri: string, effort: Effort): boolean {
  const most = Math.min(effort.left, MATCH_EFFORT);
  const own: Effort = { left: most };
  const does = matcher.matches(uri, own);
  effort.left -= most - own.left;
  return does;
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
