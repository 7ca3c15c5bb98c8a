import type { Caller, View } from "../core/call.ts";
import type { Front, Subscription } from "../core/front.ts";
import type { Holding } from "../core/ledger-entries.ts";
import { Payload } from "../core/payload.ts";
import type { CallAnswer } from "../wire/era.ts";
import { CODES, errorOf, wireError } from "../wire/rpc-errors.ts";

/** The resources that one agent watches, each once. */
export interface Watches {
  add(uri: string): Promise<CallAnswer>;
  remove(uri: string): void;
  close(): void;
}

/** Of one agent; they are kept as long as its session. */
export const WATCHES = { max: 1_000, maxUriLength: 8_192 } as const;

/** What one takes here and towards its upstream, the text of its URI several times over. */
export const watchBytes = (uri: string): number => 3_072 + 4 * uri.length;

export interface WatchesOptions {
  readonly front: Front;
  readonly view: View;
  readonly caller: Caller;
  updated(uri: string, params: Payload): void;
  /** Where they are counted. */
  readonly held: Pick<Holding, "grow" | "shrink">;
}

export function createWatches({ front, view, caller, updated, held }: WatchesOptions): Watches {
  const watched = new Map<string, Promise<Subscription>>();

  function remove(uri: string): void {
    const subscription = watched.get(uri);
    if (watched.delete(uri)) held.shrink(watchBytes(uri));
    void subscription?.then(closeIt);
  }

  return {
    async add(uri) {
      const known = watched.get(uri);
      if (!known && watched.size >= WATCHES.max) return TOO_MANY;
      if (uri.length > WATCHES.maxUriLength) return TOO_LONG;
      if (!known && !held.grow(watchBytes(uri))) return CROWDED;
      const asked = known ?? front.subscribe({ view, caller, uri, updated: params => updated(uri, params) });
      watched.set(uri, asked);
      const subscription = await asked;
      if (subscription.kind === "open") return DONE;
      if (watched.get(uri) === asked) remove(uri);
      return { kind: "error", error: errorOf(subscription.failure) };
    },
    remove,
    close() {
      for (const uri of [...watched.keys()]) remove(uri);
    },
  };
}

function closeIt(subscription: Subscription): void {
  if (subscription.kind === "open") subscription.close();
}

const DONE: CallAnswer = { kind: "result", result: Payload.of({}) };
const CROWDED: CallAnswer = { kind: "error", error: errorOf({ kind: "crowded" }) };
const TOO_MANY: CallAnswer = {
  kind: "error",
  error: wireError(CODES.invalidParams, `An agent can watch at most ${WATCHES.max} resources`),
};
const TOO_LONG: CallAnswer = {
  kind: "error",
  error: wireError(CODES.invalidParams, `A URI that is watched has at most ${WATCHES.maxUriLength} characters`),
};
