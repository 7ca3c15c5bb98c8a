import { KINDS, type Kind, type Offer } from "../core/catalog.ts";
import type { UpstreamName } from "../core/names.ts";
import type { Clock } from "../core/ports.ts";
import { LIST_METHODS } from "../wire/methods.ts";
import type { Link } from "./link.ts";
import { fetchOffer } from "./offer.ts";

/** At least this long between two readings of the same upstream's lists, however often it says that they changed. */
const SPACING_MS = 500;
/** A list that may not be kept at all is read again for whoever asks, but not more often than this. */
export const LEAST_AGE_MS = 1_000;

/** So long an offer is looked at before it is shown with what is known of it; hardly one takes a hundredth of that. */
const INSPECT_MS = 3_000;

/** Knows what an upstream offers: reads it when told to, and says so when it changed. */
export interface OfferKeeper {
  readonly offer: Offer | undefined;
  /** What its operator might wonder about in its lists, though nothing is wrong. */
  readonly notes: readonly string[];
  /** Reads the lists anew; many requests at once become one reading now and at most one after it. */
  refresh(link: Link): Promise<void>;
  /** Whether the list of a kind may not be kept any longer, by what the upstream said with it. */
  isStale(kind: Kind): boolean;
  stop(): void;
}

export function createOfferKeeper(options: {
  upstream: UpstreamName;
  clock: Clock;
  /** What was known before this process began. */
  known: Offer | undefined;
  /** Finds out what must be known of an offer before it is shown; tells whether there was anything to find out. */
  inspect(offer: Offer): Promise<boolean>;
  changed(offer: Offer): void;
  /** A list could not be read, in words; `undefined` when all is well again. */
  trouble(detail: string | undefined): void;
}): OfferKeeper {
  const { clock, upstream } = options;
  const aborted = new AbortController();
  let offer = options.known;
  let notes: readonly string[] = [];
  let running: Promise<void> | undefined;
  let waiting: Promise<void> | undefined;
  let readAt = Number.NEGATIVE_INFINITY;
  let current: Link | undefined;

  async function read(link: Link): Promise<void> {
    readAt = clock.now();
    // What one upstream makes us stumble over must not end what all the others are served by.
    const result = await fetchOffer(link, upstream, aborted.signal).catch(stumbled);
    if (aborted.signal.aborted) return;
    if (result.kind === "failed") return options.trouble(result.detail);
    notes = result.notes;
    options.trouble(result.problems.length > 0 ? result.problems.join("; ") : undefined);
    if (offer && isSame(offer, result.offer)) return;
    await show(result.offer);
  }

  /** What is known already is shown at once. */
  if (offer) void showAgain(offer, options.inspect(offer));

  async function show(found: Offer): Promise<void> {
    const inspecting = options.inspect(found);
    const isInspected = await within(INSPECT_MS, inspecting);
    if (aborted.signal.aborted) return;
    offer = found;
    options.changed(offer);
    if (!isInspected) void showAgain(found, inspecting);
  }

  /** Agents see all of it as soon as there is nothing left to find out. */
  async function showAgain(shown: Offer, inspecting: Promise<boolean>): Promise<void> {
    const isNews = await inspecting;
    if (isNews && offer === shown && !aborted.signal.aborted) options.changed(shown);
  }

  function within(timeoutMs: number, work: Promise<unknown>): Promise<boolean> {
    return new Promise(resolve => {
      const cancel = clock.after(timeoutMs, () => resolve(false));
      void work.then(() => {
        cancel();
        resolve(true);
      });
    });
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
    if (!aborted.signal.aborted && current) await begin(current);
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
      if (!running && !waiting && clock.now() - readAt >= SPACING_MS) return begin(link);
      waiting ??= after(running);
      return waiting;
    },
    isStale(kind) {
      const hint = offer?.hints[kind];
      if (!offer || !hint || running || waiting) return false;
      // Of what may not be kept its changes are told, or else nobody would ever hear of them.
      if (hint.ttlMs === 0 && tellsOfChanges(offer, kind)) return false;
      return clock.now() - readAt >= Math.max(hint.ttlMs, LEAST_AGE_MS);
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

const tellsOfChanges = ({ capabilities }: Offer, kind: Kind): boolean =>
  capabilities
    .object(CAPABILITY.get(kind) ?? "")
    ?.raw("listChanged")
    ?.toString("latin1") === "true";

function isSame(a: Offer, b: Offer): boolean {
  if (a.instructions !== b.instructions || !a.capabilities.bytes.equals(b.capabilities.bytes)) return false;
  if (JSON.stringify(a.hints) !== JSON.stringify(b.hints)) return false;
  return KINDS.every(kind => {
    const before = a.definitions[kind];
    const after = b.definitions[kind];
    return before.length === after.length && before.every((each, at) => each.bytes.equals(after[at]?.bytes ?? NOTHING));
  });
}

const NOTHING = Buffer.alloc(0);
