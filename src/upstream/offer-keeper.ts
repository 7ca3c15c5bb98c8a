import { KINDS, type Kind, type Offer } from "../core/catalog.ts";
import type { UpstreamName } from "../core/names.ts";
import type { Payload } from "../core/payload.ts";
import type { Clock } from "../core/ports.ts";
import { LIST_METHODS } from "../wire/methods.ts";
import type { Link } from "./link.ts";
import { fetchOffer } from "./offer.ts";

/** At least this long between two readings of the same upstream's lists that only its own notices ask for. */
const SPACING_MS = 500;
/** A list that says nothing of its age and whose changes nobody tells is read again for whoever asks, but not more often than this. */
export const LEAST_AGE_MS = 1_000;
/** How long after a call of an agent a notice of what the call has changed may be on its way. */
export const NOTICE_MAY_FOLLOW_MS = 500;

/** Whether a list may be given out: as it is; as it is, while it is read again; or only once it has been read again. */
export type Freshness = "fresh" | "aging" | "doubtful";

/** Knows what an upstream offers on the links of one kind: reads it when told to, and says so when it changed. */
export interface OfferKeeper {
  readonly offer: Offer | undefined;
  /** A notice said that the lists have changed: reads them soon; many notices become one reading now and one after it. */
  refresh(link: Link): Promise<void>;
  /** What was read is not to be relied on, whatever its age. */
  doubt(): void;
  /** `answeredAt`: when the latest call of whoever asks was answered, −∞ for none. */
  freshness(kind: Kind, answeredAt: number): Freshness;
  /** Reads now, and at least once after this moment; who asks at the same time shares it. */
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
  const aborted = new AbortController();
  let offer = options.known;
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  let waiting: Promise<void> | undefined;
  let readAt = Number.NEGATIVE_INFINITY;
  let isDoubtful = true;
  let current: Link | undefined;

  async function read(link: Link): Promise<void> {
    readAt = clock.now();
    isDoubtful = false;
    // What one upstream makes us stumble over must not end what all the others are served by.
    const result = await fetchOffer(link, { upstream, signal: aborted.signal, capabilities }).catch(stumbled);
    if (aborted.signal.aborted) return;
    if (result.kind === "failed") {
      isDoubtful = true;
      return options.trouble(result.detail);
    }
    options.trouble(result.problems.length > 0 ? result.problems.join("; ") : undefined);
    if (offer && isSame(offer, result.offer)) return;
    const kinds = KINDS.filter(kind => !offer || !isSameList(offer, result.offer, kind));
    offer = options.shared?.(result.offer) ?? result.offer;
    options.changed(offer, kinds);
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
    const pauseMs = readAt + SPACING_MS - clock.now();
    if (pauseMs > 0) await new Promise<void>(resolve => clock.after(pauseMs, resolve));
    waiting = undefined;
    if (aborted.signal.aborted || !current) return;
    // Somebody who asked for the list may have had it read meanwhile.
    if (isDoubtful) await begin(current);
  }

  return {
    get offer() {
      return offer;
    },
    refresh(link) {
      current = link;
      isDoubtful = true;
      if (!running && !waiting && clock.now() - readAt >= SPACING_MS) return begin(link);
      waiting ??= after(running);
      return waiting;
    },
    doubt() {
      isDoubtful = true;
    },
    freshness(kind, answeredAt) {
      if (!offer || isDoubtful) return "doubtful";
      if (!has(offer, kind)) return "fresh";
      const hint = offer.hints[kind];
      const ageMs = clock.now() - readAt;
      if (hint && ageMs >= hint.ttlMs) return hint.ttlMs === 0 ? "doubtful" : "aging";
      const isTold = tellsOfChanges(offer, kind);
      const sinceMs = clock.now() - answeredAt;
      if (answeredAt >= readAt && (!isTold || sinceMs < NOTICE_MAY_FOLLOW_MS)) return "doubtful";
      return !hint && !isTold && ageMs >= LEAST_AGE_MS ? "aging" : "fresh";
    },
    reread(link) {
      current = link;
      if (!running) return begin(link);
      next ??= running.then(() => {
        next = undefined;
        return aborted.signal.aborted || !current ? undefined : begin(current);
      });
      return next;
    },
    adopt(equal) {
      offer = equal;
    },
    stop: () => aborted.abort(),
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

const NOTHING = Buffer.alloc(0);
