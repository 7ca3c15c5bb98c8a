import type { Principal } from "./names.ts";
import type { Clock } from "./ports.ts";

/** For whom something is kept: the agent, and where it comes from, since anybody may give any name for itself. */
export interface Keeper {
  readonly principal: Principal;
  readonly address: string;
}

/** What agents make us keep. */
export const KEPT = ["events", "sessions", "streams"] as const;
export type Kept = (typeof KEPT)[number];

/** Whether somebody needs it now: nobody, somebody who listens, or a request that runs, which is never ended. */
export type Standing = "idle" | "listening" | "running";

/** Something that is kept for an agent, as it is at any moment. */
export interface Keeping {
  readonly kind: Kept;
  readonly bytes: number;
  standing(): Standing;
  /** Gives it up, or the older half of it where it has parts. Its agent must be able to notice. */
  shed(): void;
  /** What it belongs to, whose use is its use. */
  of?(): Holding | undefined;
}

/** An entry in the book. */
export interface Holding {
  readonly bytes: number;
  /** When it was used last. */
  readonly usedAt: number;
  /** Whether its agent has had something done, so that it is more than a place that is taken. */
  readonly hasWorked: boolean;
  /** Takes so much more; `false`: there is no room for it, and nothing was taken. */
  grow(bytes: number): boolean;
  /** Takes so much more in any case; of what can be read again whatever is too much is shed, if only this. */
  add(bytes: number): void;
  shrink(bytes: number): void;
  used(): void;
  worked(): void;
  end(): void;
}

/** Who takes how much, and what became of what there was no room for; counts since the start. */
export interface LedgerStatus {
  readonly bytes: number;
  readonly maxBytes: number;
  /** Those who take most. */
  readonly most: readonly {
    readonly principal: Principal;
    readonly address: string;
    readonly bytes: number;
    readonly counts: Readonly<Record<Kept, number>>;
  }[];
  readonly shed: Readonly<Record<Kept, number>>;
  readonly refused: number;
}

export const LEDGER = {
  /** Whoever takes so large a part of everything makes room before others do. */
  greedyPart: 1 / 4,
  /** What may be taken for more than to be there: the rest is left for sessions of others. */
  morePart: 3 / 4,
  /** What may be kept to be read again. */
  eventsPart: 1 / 2,
  /** So long a newcomer has for doing something. */
  graceMs: 10_000,
  /** What is freed at a time beyond what is needed, as a part: whom to shed is not looked for each time. */
  sparePart: 1 / 128,
  shown: 5,
} as const;

/** `openPart`: up to which part of everything one more may come. `yields`: what of a kind goes for another one of it. */
const RULES = {
  events: { openPart: 1, yields: "any" },
  sessions: { openPart: 1, yields: "any" },
  // Whose stream is ended opens it anew: agents who all need theirs would end each other's without end.
  streams: { openPart: LEDGER.morePart, yields: "spare" },
} as const satisfies Record<Kept, { openPart: number; yields: "any" | "spare" }>;

/**
 * The one book of what all agents together make us keep. Nobody has a fixed share: while there is room, all of it is
 * anybody's. Where there is none, whoever takes more than a quarter makes room: the address, and of it the agent. Where
 * nobody does (names cost nothing), first goes what serves nobody and was never of use, then what was not used for
 * longest. What runs stays.
 */
export interface Ledger {
  /** `undefined`: there is no room for it, not even for what all have. */
  open(keeper: Keeper, keeping: Keeping): Holding | undefined;
  /** One more of a kind is to come, of which there may be so many: some that are there make room. Tells whether there is some. */
  makeRoom(keeper: Keeper, kind: Kept, max: number): boolean;
  readonly bytes: number;
  status(): LedgerStatus;
}

interface Tally {
  bytes: number;
  /** Of it what can be read again. */
  eventBytes: number;
  readonly counts: Record<Kept, number>;
}

interface Owner extends Tally {
  readonly keeper: Keeper;
  readonly place: Place;
  readonly entries: Set<Entry>;
}

/** All agents of one address. */
interface Place extends Tally {
  readonly owners: Map<Principal, Owner>;
}

interface Entry extends Holding {
  readonly keeping: Keeping;
  readonly owner: Owner;
  readonly openedAt: number;
}

/** What there is too little of: who takes how much of it, what may be given up for it, and when it is enough. */
interface Need {
  amount(tally: Tally): number;
  readonly wanted: number;
  readonly limit: number;
  /** Only what is of this kind; `undefined`: anything. */
  readonly kind: Kept | undefined;
  /** `others`: whoever takes most is refused rather than shed. */
  readonly from: "anybody" | "others";
  readonly yields: "any" | "spare";
}

const bytesOf = ({ bytes }: Tally): number => bytes;
const eventBytesOf = ({ eventBytes }: Tally): number => eventBytes;
const tally = (): Tally => ({ bytes: 0, eventBytes: 0, counts: { events: 0, sessions: 0, streams: 0 } });

export function createLedger({ clock, maxBytes }: { clock: Clock; maxBytes: number }): Ledger {
  const places = new Map<string, Place>();
  const all = tally();
  const { counts: shed } = tally();
  let refused = 0;
  const mayTake = (part: number): Pick<Need, "amount" | "limit"> => ({ amount: bytesOf, limit: maxBytes * part });

  function ownerOf(keeper: Keeper): Owner {
    const { address, principal } = keeper;
    const place = places.get(address) ?? { owners: new Map(), ...tally() };
    places.set(address, place);
    const owner = place.owners.get(principal) ?? { keeper, place, entries: new Set(), ...tally() };
    place.owners.set(principal, owner);
    return owner;
  }

  function forget(owner: Owner): void {
    const { place, keeper, entries } = owner;
    if (entries.size > 0 || place.owners.get(keeper.principal) !== owner) return;
    place.owners.delete(keeper.principal);
    if (place.owners.size === 0 && places.get(keeper.address) === place) places.delete(keeper.address);
  }

  function enter(keeper: Keeper, keeping: Keeping): Entry {
    const owner = ownerOf(keeper);
    const talliesOf = [all, owner.place, owner];
    const take = (bytes: number): void => {
      entry.bytes += bytes;
      for (const one of talliesOf) {
        one.bytes += bytes;
        if (keeping.kind === "events") one.eventBytes += bytes;
      }
    };
    const entry: Entry & { bytes: number; usedAt: number; hasWorked: boolean } = {
      ...{ keeping, owner, bytes: 0, hasWorked: false, openedAt: clock.now(), usedAt: clock.now() },
      grow(bytes) {
        const need: Need = {
          ...mayTake(LEDGER.morePart),
          wanted: bytes,
          kind: undefined,
          from: "others",
          yields: "any",
        };
        const allowed = isAllowed(owner, need) && owner.entries.has(entry);
        if (allowed) take(bytes);
        return allowed;
      },
      add(bytes) {
        if (!owner.entries.has(entry)) return;
        take(bytes);
        const rest = { wanted: 0, kind: "events", from: "anybody", yields: "any" } as const;
        free(owner, { ...rest, amount: eventBytesOf, limit: maxBytes * LEDGER.eventsPart });
        free(owner, { ...rest, ...mayTake(LEDGER.morePart) });
      },
      shrink(bytes) {
        if (owner.entries.has(entry)) take(-bytes);
      },
      used() {
        entry.usedAt = clock.now();
      },
      worked() {
        entry.hasWorked = true;
      },
      end() {
        if (!owner.entries.delete(entry)) return;
        take(-entry.bytes);
        for (const { counts } of talliesOf) counts[keeping.kind]--;
        forget(owner);
      },
    };
    owner.entries.add(entry);
    take(keeping.bytes);
    for (const { counts } of talliesOf) counts[keeping.kind]++;
    return entry;
  }

  /** Whoever takes most, the newcomer counted in, if that is a good part of everything. */
  function greediest<T extends Tally>(of: Iterable<T>, newcomer: T, { amount, wanted }: Need): T | undefined {
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

  const everybody = (): Owner[] => [...places.values()].flatMap(({ owners }) => [...owners.values()]);

  /** What these may give up, the first first. */
  function sheddable(owners: Iterable<Owner>, { kind }: Need, yields: Need["yields"]): Entry[] {
    const now = clock.now();
    const found: { readonly entry: Entry; readonly rank: number }[] = [];
    for (const { entries } of owners) {
      for (const entry of entries) {
        const fits = entry.bytes > 0 && (kind === undefined || entry.keeping.kind === kind);
        if (!fits || entry.keeping.standing() === "running") continue;
        if (yields === "any" || !isOfUse(entry, now)) found.push({ entry, rank: rankOf(entry, now) });
      }
    }
    return found.sort((a, b) => a.rank - b.rank || order(a.entry, b.entry)).map(({ entry }) => entry);
  }

  const isOver = ({ amount, wanted, limit }: Need): boolean => amount(all) + wanted > limit;

  /** Tells whether there is room, if need be after others have made some. */
  function free(owner: Owner, need: Need): boolean {
    if (!isOver(need)) return true;
    const place = greediest(places.values(), owner.place, need);
    const there = place ? [...place.owners.values()] : everybody();
    const greedy = greediest(there, owner, need);
    if (greedy === owner && need.from === "others") return false;
    // Whoever takes most, and is not the one who asks, gives up also what it uses.
    const first = { owners: greedy ? [greedy] : [], yields: greedy === owner ? need.yields : ("any" as const) };
    for (const { owners, yields } of [first, { ...need, owners: there }, { ...need, owners: everybody() }]) {
      if (shedUntilFree(owners, need, yields)) return true;
    }
    return false;
  }

  function shedUntilFree(owners: readonly Owner[], need: Need, yields: Need["yields"]): boolean {
    const enough = need.limit - Math.floor(need.limit * LEDGER.sparePart);
    // What has parts gives up one of them at a time.
    for (let before = Number.POSITIVE_INFINITY; isOver(need) && need.amount(all) < before; ) {
      before = need.amount(all);
      for (const entry of sheddable(owners, need, yields)) {
        if (need.amount(all) + need.wanted <= enough) break;
        shed[entry.keeping.kind]++;
        entry.keeping.shed();
        if (entry.keeping.kind !== "events") entry.end();
      }
    }
    return !isOver(need);
  }

  function isAllowed(owner: Owner, need: Need): boolean {
    const allowed = free(owner, need);
    if (!allowed) refused++;
    forget(owner);
    return allowed;
  }

  return {
    open(keeper, keeping) {
      const { openPart } = RULES[keeping.kind];
      const need: Need = {
        ...mayTake(openPart),
        wanted: keeping.bytes,
        kind: undefined,
        from: "anybody",
        yields: "any",
      };
      return isAllowed(ownerOf(keeper), need) ? enter(keeper, keeping) : undefined;
    },
    makeRoom(keeper, kind, max) {
      const { yields } = RULES[kind];
      const amount = ({ counts }: Tally): number => counts[kind];
      return isAllowed(ownerOf(keeper), { amount, wanted: 1, limit: max, kind, from: "anybody", yields });
    },
    get bytes() {
      return all.bytes;
    },
    status() {
      const most = everybody()
        .sort((a, b) => b.bytes - a.bytes)
        .slice(0, LEDGER.shown)
        .map(({ keeper, bytes, counts }) => ({ ...keeper, bytes, counts: { ...counts } }));
      return { bytes: all.bytes, maxBytes, most, shed: { ...shed }, refused };
    },
  };
}

const isOfUse = ({ keeping, hasWorked, openedAt }: Entry, now: number): boolean =>
  hasWorked || keeping.of?.()?.hasWorked === true || now - openedAt < LEDGER.graceMs;

/** What is kept to be read again goes first; what serves nobody before what somebody listens to; what was of use last. */
function rankOf(entry: Entry, now: number): number {
  const { keeping } = entry;
  if (keeping.kind === "events") return 0;
  return 1 + (keeping.standing() === "listening" ? 2 : 0) + (isOfUse(entry, now) ? 1 : 0);
}

const usedAtOf = ({ usedAt, keeping }: Entry): number => Math.max(usedAt, keeping.of?.()?.usedAt ?? usedAt);

const order = (a: Entry, b: Entry): number =>
  a.keeping.kind === "events" ? b.bytes - a.bytes : usedAtOf(a) - usedAtOf(b);
