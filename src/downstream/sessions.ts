import type { View } from "../core/call.ts";
import type { Kind } from "../core/catalog.ts";
import type { Front } from "../core/front.ts";
import type { Payload } from "../core/payload.ts";
import type { Clock } from "../core/ports.ts";
import { anonymous } from "./agent-name.ts";
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

interface Slot {
  readonly session: Session;
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
  listsChanged(view: View, kinds: readonly Kind[]): void;
  readonly size: number;
  stop(): void;
}

export function createSessions(options: { front: Front; clock: Clock }): Sessions {
  const { front, clock } = options;
  const slots = new Map<string, Slot>();
  const ids = createSessionIds(front.sealer);
  const budget = { bytes: RING.totalBytes };
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
    slots.delete(id);
    slot?.session.close();
  }

  /** The one that was idle for longest makes room. */
  function makeRoom(): void {
    if (slots.size < SESSIONS.max) return;
    for (const [id, slot] of slots) {
      if (slot.streams > 0) continue;
      close(id);
      return;
    }
  }

  return {
    open({ view, address, params }) {
      makeRoom();
      const principal = anonymous(address, params.object("clientInfo"));
      const id = ids.session(principal);
      const events = createEventRing({ clock, budget, ids: ids.streams(id, principal) });
      const opened = openSession({ front, clock, view, principal, params, id, events });
      if (opened.answer.kind === "error") opened.session.close();
      else {
        slots.set(opened.session.id, { session: opened.session, usedAt: clock.now(), streams: 0 });
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
    listsChanged(view, kinds) {
      for (const { session } of slots.values()) if (isSameView(session.view, view)) session.listsChanged(kinds);
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

export function isSameView(a: View, b: View): boolean {
  return a.kind === "all" ? b.kind === "all" : b.kind === "upstream" && a.name === b.name;
}
