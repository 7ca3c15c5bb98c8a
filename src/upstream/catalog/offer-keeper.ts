import { KINDS, type Kind, type Offer } from "../../core/catalog.ts";
import type { UpstreamName } from "../../core/names.ts";
import type { Payload } from "../../core/payload.ts";
import type { Clock } from "../../core/ports.ts";
import { Aborter } from "../../core/signal.ts";
import { LIST_METHODS } from "../../wire/methods.ts";
import { createOfferRoom, type OfferRoom } from "../channel/offer-room.ts";
import type { Link } from "../conversation/link.ts";
import { isOverIn } from "./is-over-in.ts";
import { fetchOffer } from "./offer.ts";
import { createPace, type Pace } from "./relists.ts";

/** At least this long between two readings of the same upstream's lists that only its own notices ask for. */
const SPACING_MS = 500;
/** A list that says nothing of its age and whose changes nobody tells is read again for whoever asks, but not more often than this. */
export const LEAST_AGE_MS = 1_000;
/** How long after a call of an agent a notice of what the call has changed may be on its way. */
export const NOTICE_MAY_FOLLOW_MS = 500;

/** So long an offer is looked at before it is shown with what is known of it; hardly one takes a hundredth of that. */
const INSPECT_MS = 3_000;

/**
 * Whether a list may be given out: as it is; as it is, while it is read again; only when the reading is over that is under
 * way or due; or only once it has been read after this moment.
 */
export type Freshness = "fresh" | "aging" | "doubtful" | "outdated";

/** Knows what an upstream offers on the links of one kind: reads it when told to, and says so when it changed. */
export interface OfferKeeper {
  readonly offer: Offer | undefined;
  /** What its operator might wonder about in its lists, though nothing is wrong. */
  readonly notes: readonly string[];
  /**
   * A notice said that the lists have changed: reads them as soon as the pace allows; many notices become one reading now
   * and one after it.
   */
  refresh(link: Link): Promise<void>;
  /** A conversation has begun: reads now. */
  introduce(link: Link): Promise<void>;
  /** An agent calls something there, which may change the lists. */
  called(): void;
  /** Whether what a call since the last reading may have changed is not read for now, because of the pace. */
  readonly isBehind: boolean;
  /** What was read is not to be relied on, whatever its age. */
  doubt(): void;
  /** `answeredAt`: when the latest call of whoever asks was answered, −∞ for none. */
  freshness(kind: Kind, answeredAt: number): Freshness;
  /** Reads now, unless a reading is under way that began after the latest doubt; who asks at the same time shares it. */
  reread(link: Link): Promise<void>;
  /** What is equal to it counts as read: its offer is taken over. */
  adopt(offer: Offer): void;
  stop(): void;
}

export interface OfferKeeperOptions {
  readonly upstream: UpstreamName;
  readonly clock: Clock;
  /** What was known before this process began. */
  readonly known: Offer | undefined;
  /** Finds out what must be known of an offer before it is shown; tells whether there was anything to find out. */
  inspect(offer: Offer): Promise<boolean>;
  /** How often notices alone make it read; that of one reader alone by default. */
  readonly pace?: Pace;
  /** Shared with every other reader of lists; one of its own by default. */
  readonly room?: OfferRoom;
  /** What is declared with each request for a list; nothing by default. */
  readonly capabilities?: Payload;
  /** An offer that is kept already and equal to this one, if there is one: what is equal is kept once. */
  readonly shared?: (offer: Offer) => Offer | undefined;
  /** `kinds`: those whose lists are not what they were. */
  changed(offer: Offer, kinds: readonly Kind[]): void;
  /** A list could not be read, in words; `undefined` when all is well again. */
  trouble(detail: string | undefined): void;
}

export function createOfferKeeper(options: OfferKeeperOptions): OfferKeeper {
  const { clock, upstream, capabilities } = options;
  const pace = options.pace ?? createPace(clock);
  const room = options.room ?? createOfferRoom();
  const place = {};
  const aborted = new Aborter();
  let offer = options.known;
  let notes: readonly string[] = [];
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  let waiting: Promise<void> | undefined;
  let readAt = Number.NEGATIVE_INFINITY;
  let calledAt = Number.NEGATIVE_INFINITY;
  /** How often there was reason to doubt what was read, how many of them the present reading has come after, and the latest that was completed. */
  let [doubts, covers, settled] = [1, 0, 0];
  let current: Link | undefined;

  async function read(link: Link): Promise<void> {
    readAt = clock.now();
    covers = doubts;
    // What one upstream makes us stumble over must not end what all the others are served by.
    const fetching = { upstream, signal: aborted.signal, capabilities, mostBytes: room.leftFor(place) };
    const result = await fetchOffer(link, fetching).catch(stumbled);
    if (aborted.signal.aborted) return;
    if (result.kind === "failed") return options.trouble(result.detail);
    notes = result.notes;
    options.trouble(result.problems.length > 0 ? result.problems.join("; ") : undefined);
    const read = offer ? withUnread(offer, result.offer) : result.offer;
    if (!offer || !isSame(offer, read)) await show(read);
    settled = covers;
  }

  /** What is known already is shown at once. */
  if (offer) void showAgain(offer, options.inspect(offer));

  async function show(read: Offer): Promise<void> {
    const found = options.shared?.(read) ?? read;
    room.keep(place, found === read ? sizeOf(read) : 0);
    const inspecting = options.inspect(found);
    const isInspected = await isOverIn(INSPECT_MS, inspecting, clock);
    if (aborted.signal.aborted) return;
    const before = offer;
    offer = found;
    options.changed(
      offer,
      KINDS.filter(kind => !before || !isSameList(before, found, kind)),
    );
    if (!isInspected) void showAgain(found, inspecting);
  }

  /** Agents see all of it as soon as there is nothing left to find out. */
  async function showAgain(shown: Offer, inspecting: Promise<boolean>): Promise<void> {
    const isNews = await inspecting;
    if (isNews && offer === shown && !aborted.signal.aborted) options.changed(shown, KINDS);
  }

  function begin(link: Link): Promise<void> {
    running = read(link).finally(() => {
      running = undefined;
    });
    return running;
  }

  /** Reads on the link that is the latest when its time has come: the one that was told of may be gone by then. */
  async function after(before: Promise<void> | undefined): Promise<void> {
    await before?.catch(() => {});
    for (let pauseMs = restMs(); pauseMs > 0; pauseMs = restMs()) {
      await new Promise<void>(resolve => clock.after(pauseMs, resolve));
      if (aborted.signal.aborted) break;
    }
    waiting = undefined;
    if (aborted.signal.aborted || !current) return;
    // Somebody who asked for the list may have had it read meanwhile.
    if (settled < doubts) await beginPaced(current);
  }

  /** Until a notice alone may make it read. */
  const restMs = (): number => Math.max(readAt + SPACING_MS - clock.now(), pace.waitMs());

  function beginPaced(link: Link): Promise<void> {
    pace.began();
    return begin(link);
  }

  function reread(link: Link): Promise<void> {
    current = link;
    if (!running) return begin(link);
    if (covers === doubts) return running;
    next ??= running.then(() => {
      next = undefined;
      return aborted.signal.aborted || !current ? undefined : begin(current);
    });
    return next;
  }

  return {
    get offer() {
      return offer;
    },
    get notes() {
      return notes;
    },
    refresh(link) {
      current = link;
      doubts++;
      if (!running && !waiting && restMs() <= 0) return beginPaced(link);
      waiting ??= after(running);
      return waiting;
    },
    introduce(link) {
      doubts++;
      return reread(link);
    },
    called() {
      calledAt = clock.now();
    },
    get isBehind() {
      return waiting !== undefined && calledAt > readAt && pace.waitMs() > 0;
    },
    doubt() {
      doubts++;
    },
    freshness(kind, answeredAt) {
      if (!offer || settled < doubts) return "doubtful";
      if (!has(offer, kind)) return "fresh";
      const hint = offer.hints[kind];
      const ageMs = clock.now() - readAt;
      if (hint && ageMs >= hint.ttlMs) return hint.ttlMs === 0 ? "outdated" : "aging";
      const isTold = tellsOfChanges(offer, kind);
      const sinceMs = clock.now() - answeredAt;
      if (answeredAt >= readAt && (!isTold || sinceMs < NOTICE_MAY_FOLLOW_MS)) return "outdated";
      return !hint && !isTold && ageMs >= LEAST_AGE_MS ? "aging" : "fresh";
    },
    reread,
    adopt(equal) {
      offer = equal;
    },
    stop() {
      aborted.abort();
      room.keep(place, 0);
    },
  };
}

const stumbled = (error: unknown): { readonly kind: "failed"; readonly detail: string } => ({
  kind: "failed",
  detail: `its lists could not be read: ${error instanceof Error ? error.message : String(error)}`,
});

const CAPABILITY: ReadonlyMap<Kind, string> = new Map(
  [...LIST_METHODS.values()].map(({ kind, capability }) => [kind, capability]),
);

const has = ({ capabilities, definitions }: Offer, kind: Kind): boolean =>
  definitions[kind].length > 0 || capabilities.has(CAPABILITY.get(kind) ?? "");

const tellsOfChanges = ({ capabilities }: Offer, kind: Kind): boolean =>
  capabilities
    .object(CAPABILITY.get(kind) ?? "")
    ?.raw("listChanged")
    ?.toString("latin1") === "true";

/** A list that could not be read is what it was: what failed once takes nothing away, and makes no room for others. */
function withUnread(before: Offer, read: Offer): Offer {
  const kept = read.unread ?? [];
  if (kept.length === 0) return read;
  const merge = <Value>(
    old: Readonly<Record<Kind, Value>>,
    next: Readonly<Record<Kind, Value>>,
  ): Record<Kind, Value> => ({
    ...next,
    ...Object.fromEntries(kept.map(kind => [kind, old[kind]])),
  });
  return {
    ...read,
    definitions: merge(before.definitions, read.definitions),
    pages: merge(before.pages, read.pages),
    hints: { ...merge(before.hints, read.hints), profile: read.hints.profile },
    unread: kept.filter(kind => before.unread?.includes(kind)),
  };
}

/** Whether nobody could tell two offers apart. */
export function isSame(a: Offer, b: Offer): boolean {
  if (a.instructions !== b.instructions || !a.capabilities.bytes.equals(b.capabilities.bytes)) return false;
  if (JSON.stringify(a.hints) !== JSON.stringify(b.hints)) return false;
  return KINDS.every(kind => isSameList(a, b, kind));
}

function isSameList(a: Offer, b: Offer, kind: Kind): boolean {
  const before = a.definitions[kind];
  const after = b.definitions[kind];
  return before.length === after.length && before.every((each, at) => each.bytes.equals(after[at]?.bytes ?? NOTHING));
}

const sizeOf = ({ definitions }: Offer): number =>
  KINDS.reduce((sum, kind) => definitions[kind].reduce((bytes, { size }) => bytes + size, sum), 0);

const NOTHING = Buffer.alloc(0);
