import type { View } from "../core/call.ts";
import { type Front, isSameView, type ListChange } from "../core/front.ts";
import type { Principal } from "../core/names.ts";
import type { Payload } from "../core/payload.ts";
import type { Clock } from "../core/ports.ts";
import { anonymous } from "./agent-name.ts";
import { createEventBudget } from "./event-budget.ts";
import { createEventRing, RING } from "./resume.ts";
import type { Answer } from "./serve.ts";
import { openSession, type Session } from "./session.ts";
import { createSessionIds } from "./session-ids.ts";

export const SESSIONS = {
  max: 10_000,
  /** A session that nobody has used for this long is closed; its agent gets 404 and opens a new one. */
  idleMs: 60 * 60_000,
  sweepMs: 60_000,
} as const;

interface Share {
  sessions: number;
}

interface Slot {
  readonly session: Session;
  /** How many its principal has. */
  readonly share: Share;
  usedAt: number;
  /** Open streams keep a session alive. */
  streams: number;
}

/** All sessions of this process, by the id that agents know. */
export interface Sessions {
  open(options: { view: View; address: string; params: Payload }): { session: Session; answer: Answer };
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
  /** What was used least lately comes first. */
  const slots = new Map<string, Slot>();
  const shares = new Map<Principal, Share>();
  const ids = createSessionIds(front.sealer);
  const budget = createEventBudget(RING.totalBytes);
  let cancelSweep = clock.after(SESSIONS.sweepMs, sweep);

  function sweep(): void {
    for (const [id, slot] of slots) {
      slot.session.events.sweep();
      if (slot.streams === 0 && clock.now() - slot.usedAt >= SESSIONS.idleMs) close(id);
    }
    cancelSweep = clock.after(SESSIONS.sweepMs, sweep);
  }

  function close(id: string): void {
    const slot = slots.get(id);
    if (!slot) return;
    slots.delete(id);
    if (--slot.share.sessions === 0) shares.delete(slot.session.principal);
    slot.session.close();
  }

  /**
   * Whoever has most sessions makes room, the newcomer counted in, with the one that was not used for longest. Nobody
   * has a fixed share: agents that nobody authenticated may all come from one address under one name, and while there is
   * room all of it is theirs.
   */
  function makeRoom(newcomer: Principal): void {
    if (slots.size < max) return;
    const grows = shares.get(newcomer);
    let victim: Slot | undefined;
    let most = 0;
    for (const slot of slots.values()) {
      const { sessions } = slot.share;
      const size = slot.share === grows ? sessions + 1 : sessions;
      if (size <= most || !isFree(slot)) continue;
      victim = slot;
      most = size;
    }
    if (victim) close(victim.session.id);
  }

  return {
    open({ view, address, params }) {
      const principal = anonymous(address, params.object("clientInfo"));
      makeRoom(principal);
      const id = ids.session(principal);
      const events = createEventRing({
        clock,
        share: forgetHalf => budget.share(principal, forgetHalf),
        ids: ids.streams(id, principal),
      });
      const opened = openSession({ front, clock, view, principal, params, id, events });
      if (opened.answer.kind === "error") opened.session.close();
      else {
        const share = shares.get(principal) ?? { sessions: 0 };
        shares.set(principal, share);
        share.sessions++;
        slots.set(id, { session: opened.session, share, usedAt: clock.now(), streams: 0 });
      }
      return opened;
    },
    get(id, view) {
      const slot = slots.get(id);
      if (!slot || !isSameView(slot.session.view, view)) return undefined;
      slot.usedAt = clock.now();
      slots.delete(id);
      slots.set(id, slot);
      return slot.session;
    },
    holdStream(id) {
      const slot = slots.get(id);
      if (slot) slot.streams++;
      return () => {
        if (slot) {
          slot.streams--;
          slot.usedAt = clock.now();
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

/** Whether it serves nobody at this moment. */
const isFree = ({ session, streams }: Slot): boolean => streams === 0 && !session.isBusy;
