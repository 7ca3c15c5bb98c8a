import { type Holding, type Keeper, type Keeping, type Kept, LEDGER } from "./ledger-entries.ts";
import type { Principal } from "./names.ts";

export interface Tally {
  bytes: number;
  /** Of it what can be read again. */
  eventBytes: number;
  readonly counts: Record<Kept, number>;
}

export interface Owner extends Tally {
  readonly keeper: Keeper;
  readonly place: Place;
  readonly entries: Set<Entry>;
}

/** All agents of one address. */
export interface Place extends Tally {
  readonly owners: Map<Principal, Owner>;
}

export interface Entry extends Holding {
  readonly keeping: Keeping;
  readonly owner: Owner;
  readonly openedAt: number;
}

/** What there is too little of: who takes how much of it, what may be given up for it, and when it is enough. */
export interface Need {
  amount(tally: Tally): number;
  readonly wanted: number;
  readonly limit: number;
  /** Only what is of this kind; `undefined`: anything. */
  readonly kind: Kept | undefined;
  /** `others`: whoever takes most is refused rather than shed. */
  readonly from: "anybody" | "others";
  readonly yields: "any" | "spare";
}

/** Whoever takes most, the newcomer counted in, if that is a good part of everything. */
export function greediest<T extends Tally>(
  of: Iterable<T>,
  { all, newcomer, need }: { readonly all: Tally; readonly newcomer: T; readonly need: Need },
): T | undefined {
  const { amount, wanted } = need;
  let found: T | undefined;
  let most = (amount(all) + wanted) * LEDGER.greedyPart;
  for (const one of of) {
    const taken = amount(one) + (one === newcomer ? wanted : 0);
    if (taken <= most) continue;
    found = one;
    most = taken;
  }
  return found;
}

/** What these may give up, the first first. */
export function sheddable(
  owners: Iterable<Owner>,
  { kind, yields, now }: { readonly kind: Kept | undefined; readonly yields: Need["yields"]; readonly now: number },
): Entry[] {
  const found: { readonly entry: Entry; readonly rank: number; readonly weight: number }[] = [];
  for (const { entries } of owners) {
    for (const entry of entries) {
      const fits = entry.bytes > 0 && (kind === undefined || entry.keeping.kind === kind);
      if (!fits || entry.keeping.standing() === "running") continue;
      if (yields === "any" || !isOfUse(entry, now))
        found.push({ entry, rank: rankOf(entry, now), weight: weightOf(entry, kind, now) });
    }
  }
  return found.sort((a, b) => a.rank - b.rank || b.weight - a.weight).map(({ entry }) => entry);
}

const hasWorked = (entry: Entry): boolean => entry.hasWorked || entry.keeping.of?.()?.hasWorked === true;

const isOfUse = (entry: Entry, now: number): boolean => hasWorked(entry) || now - entry.openedAt < LEDGER.graceMs;

/** What is kept to be read again goes first; what serves nobody before what is listened to; what was of use after what was not. */
function rankOf(entry: Entry, now: number): number {
  const { keeping } = entry;
  if (keeping.kind === "events") return 0;
  return 1 + (keeping.standing() === "listening" ? 3 : 0) + (hasWorked(entry) ? 2 : isOfUse(entry, now) ? 1 : 0);
}

const usedAtOf = ({ usedAt, keeping }: Entry): number => Math.max(usedAt, keeping.of?.()?.usedAt ?? usedAt);

/** How gladly it is given up among its equals: what is large and was not used for long frees most and is missed least. */
const weightOf = (entry: Entry, kind: Kept | undefined, now: number): number => {
  if (entry.keeping.kind === "events") return entry.bytes;
  const idleMs = now - usedAtOf(entry) + LEDGER.leastIdleMs;
  return kind === undefined ? entry.bytes * idleMs : idleMs;
};
