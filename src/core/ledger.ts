import { type Holding, type Keeper, type Keeping, type Kept, LEDGER } from "./ledger-entries.ts";
import type { Principal } from "./names.ts";
import type { Clock } from "./ports.ts";
import { type Entry, greediest, type Need, type Owner, type Place, sheddable, type Tally } from "./who-yields.ts";

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

/** `openPart`: up to which part of everything one more may come. `yields`: what of a kind goes for another one of it. */
const RULES = {
  events: { openPart: 1, yields: "any" },
  // Agents leave sessions behind, and whose session is gone opens another one.
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

const bytesOf = ({ bytes }: Tally): number => bytes;
const eventBytesOf = ({ eventBytes }: Tally): number => eventBytes;
const tally = (): Tally => ({ bytes: 0, eventBytes: 0, counts: { events: 0, sessions: 0, streams: 0 } });

export function createLedger({ clock, maxBytes }: { clock: Clock; maxBytes: number }): Ledger {
  const places = new Map<string, Place>();
  const all = tally();
  const { counts: shed } = tally();
  /** Nobody could make room: that will not be different at once, and it costs time to find out. */
  const stuckUntil = new Map<Kept | undefined, number>();
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
        const more = { wanted: bytes, kind: undefined, from: "others", yields: "spare" } as const;
        const need: Need = { ...mayTake(LEDGER.morePart), ...more };
        const allowed = isAllowed(owner, need) && owner.entries.has(entry);
        if (allowed) take(bytes);
        return allowed;
      },
      add(bytes) {
        if (!owner.entries.has(entry)) return;
        take(bytes);
        const events = { wanted: 0, kind: "events", from: "anybody", yields: "any" } as const;
        free(owner, { ...events, amount: eventBytesOf, limit: maxBytes * LEDGER.eventsPart });
        // Where all the rest takes the room, nobody can make any.
        for (let before = Number.POSITIVE_INFINITY; entry.bytes < before && all.bytes > maxBytes * LEDGER.morePart; ) {
          before = entry.bytes;
          giveUp(entry);
        }
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

  const everybody = (): Owner[] => [...places.values()].flatMap(({ owners }) => [...owners.values()]);

  const isOver = ({ amount, wanted, limit }: Need): boolean => amount(all) + wanted > limit;

  /** Tells whether there is room, if need be after others have made some. */
  function free(owner: Owner, need: Need): boolean {
    if (!isOver(need)) return true;
    if (clock.now() < (stuckUntil.get(need.kind) ?? 0)) return false;
    const place = greediest(places.values(), { all, need, newcomer: owner.place });
    const there = place ? [...place.owners.values()] : everybody();
    const greedy = greediest(there, { all, need, newcomer: owner });
    if (greedy === owner && need.from === "others") return false;
    // Whoever takes most, and is not the one who asks, gives up also what it uses.
    const first = { owners: greedy ? [greedy] : [], yields: greedy === owner ? need.yields : ("any" as const) };
    for (const { owners, yields } of [first, { ...need, owners: there }, { ...need, owners: everybody() }]) {
      if (shedUntilFree(owners, need, yields)) return true;
    }
    stuckUntil.set(need.kind, clock.now() + LEDGER.stuckMs);
    return false;
  }

  function giveUp(entry: Entry): void {
    shed[entry.keeping.kind]++;
    entry.keeping.shed();
    if (entry.keeping.kind !== "events") entry.end();
  }

  function shedUntilFree(owners: readonly Owner[], need: Need, yields: Need["yields"]): boolean {
    const enough = need.limit - Math.floor(need.limit * LEDGER.sparePart);
    // What has parts gives up one of them at a time.
    for (let before = Number.POSITIVE_INFINITY; isOver(need) && need.amount(all) < before; ) {
      before = need.amount(all);
      for (const entry of sheddable(owners, { kind: need.kind, yields, now: clock.now() })) {
        if (need.amount(all) + need.wanted <= enough) break;
        giveUp(entry);
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
      const { openPart, yields } = RULES[keeping.kind];
      const need: Need = { ...mayTake(openPart), wanted: keeping.bytes, kind: undefined, from: "anybody", yields };
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
