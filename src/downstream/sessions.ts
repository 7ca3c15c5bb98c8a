import type { View } from "../core/call.ts";
import { type Front, isSameView, type ListChange } from "../core/front.ts";
import type { Holding, Keeper, Standing } from "../core/ledger-entries.ts";
import type { Payload } from "../core/payload.ts";
import type { Clock } from "../core/ports.ts";
import { errorOf } from "../wire/rpc-errors.ts";
import { placeOf } from "./address.ts";
import { anonymous } from "./agent-name.ts";
import { shareEvents } from "./event-share.ts";
import { createEventRing } from "./resume.ts";
import type { Answer } from "./serve.ts";
import { MAX_CAPABILITIES_BYTES, openSession, type Session } from "./session.ts";
import { createSessionIds } from "./session-ids.ts";
import { refusalOf } from "./slow-refusal.ts";

export const SESSIONS = {
  max: 10_000,
  /** A session that nobody has used for this long is closed; its agent gets 404 and opens a new one. */
  idleMs: 60 * 60_000,
  sweepMs: 60_000,
  /** What one takes that does nothing, in each room of the house, besides the text of what it declared. */
  bytes: 12 * 1024,
} as const;

interface Slot {
  readonly session: Session;
  /** Open streams keep a session alive. */
  streams: number;
}

/** There is an answer in any case. */
export interface Opened {
  /** `undefined` where there is no room for it. */
  readonly session: Session | undefined;
  readonly answer: Answer;
}

/** All sessions of this process, by the id that agents know. */
export interface Sessions {
  open(options: { view: View; address: string; params: Payload }): Promise<Opened>;
  get(id: string, view: View): Session | undefined;
  /** Returns the function that ends it. */
  holdStream(id: string): () => void;
  close(id: string): void;
  listsChanged(change: ListChange): void;
  readonly size: number;
  stop(): void;
}

export function createSessions(options: { front: Front; clock: Clock; max?: number }): Sessions {
  const { front, clock, max = SESSIONS.max } = options;
  const slots = new Map<string, Slot>();
  const ids = createSessionIds(front.sealer);
  let cancelSweep = clock.after(SESSIONS.sweepMs, sweep);

  function sweep(): void {
    for (const [id, slot] of slots) {
      slot.session.events.sweep();
      if (slot.streams === 0 && clock.now() - slot.session.held.usedAt >= SESSIONS.idleMs) close(id);
    }
    cancelSweep = clock.after(SESSIONS.sweepMs, sweep);
  }

  function close(id: string): void {
    const slot = slots.get(id);
    if (!slot) return;
    slots.delete(id);
    slot.session.close();
  }

  const hold = (keeper: Keeper, { id, bytes }: { id: string; bytes: number }): Holding | undefined =>
    front.ledger.open(keeper, {
      ...{ kind: "sessions", bytes, shed: () => close(id) },
      standing() {
        const slot = slots.get(id);
        return slot ? standingOf(slot) : "running";
      },
    });

  return {
    async open({ view, address, params }) {
      const principal = anonymous(address, params.object("clientInfo"));
      const keeper = { principal, address: placeOf(address) };
      const refused = await refusalOf("initialize", { front, clock, keeper });
      if (refused) return { session: undefined, answer: refused };
      const id = ids.session(principal);
      const hasPlace = front.ledger.makeRoom(keeper, "sessions", max);
      const held = hasPlace ? hold(keeper, { id, bytes: SESSIONS.bytes + declaredBytes(params) }) : undefined;
      if (!held) return CROWDED;
      const share = shareEvents(front.ledger, keeper);
      const events = createEventRing({ clock, share, ids: ids.streams(id, principal) });
      const opened = openSession({ front, clock, view, principal, params, id, events, held, address: keeper.address });
      if (opened.answer.kind === "error") opened.session.close();
      else slots.set(id, { session: opened.session, streams: 0 });
      return opened;
    },
    get(id, view) {
      const slot = slots.get(id);
      if (!slot || !isSameView(slot.session.view, view)) return undefined;
      slot.session.held.used();
      return slot.session;
    },
    holdStream(id) {
      const slot = slots.get(id);
      if (slot) slot.streams++;
      return () => {
        if (slot) {
          slot.streams--;
          slot.session.held.used();
        }
      };
    },
    close,
    listsChanged(change) {
      for (const { session } of slots.values()) session.listsChanged(change);
    },
    get size() {
      return slots.size;
    },
    stop() {
      cancelSweep();
      for (const id of [...slots.keys()]) close(id);
    },
  };
}

const standingOf = ({ session, streams }: Slot): Standing =>
  session.isBusy ? "running" : streams > 0 ? "listening" : "idle";

/** More is not kept. */
const declaredBytes = (params: Payload): number =>
  Math.min(params.object("capabilities")?.size ?? 0, MAX_CAPABILITIES_BYTES);

const CROWDED: Opened = { session: undefined, answer: { kind: "error", error: errorOf({ kind: "crowded" }) } };
