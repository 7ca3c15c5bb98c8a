import type { Clock } from "../../core/ports.ts";
import type { Signal } from "../../core/signal.ts";
import { isKnown } from "../connection/recognition.ts";
import type { Doubted } from "../conversation/attempt.ts";
import type { Link } from "../conversation/link.ts";

export const RENEWAL = {
  /** After a new conversation that was no help, none is opened for so long without having asked whether it is needed. */
  waryMs: 10 * 60_000,
  /** So many new conversations may be unknown at once, with nothing answered in between, before they count as no help. */
  inVain: 10,
  /** And however the upstream answers that, no more often than this. */
  pauseMs: 60_000,
} as const;

/** Decides whether what was refused on a conversation is worth a new one. */
export interface Renewal {
  /** Whether the upstream does not know the conversation any more, as far as can be found out. */
  isOver(link: Link, doubted: Doubted, signal: Signal): Promise<boolean>;
  /**
   * The same was refused on a new conversation. Tells whether that one is over already, as after one restart upon another;
   * else the refusal is about the request.
   */
  isOverAgain(link: Link, doubted: Doubted, signal: Signal): Promise<boolean>;
  /** A request was answered. */
  worked(): void;
}

/**
 * A refusal may be about the conversation or about the request, and upstreams have no common words for either. So what
 * decides is the effect: whether the upstream refuses everything else on the conversation, too. A new conversation that
 * does not help must not be opened for every call, since the upstream may keep state in each.
 */
export function createRenewal(clock: Clock): Renewal {
  let noHelpAt = Number.NEGATIVE_INFINITY;
  /** New conversations that were over at once, since something was answered. */
  let inVain = 0;
  /** When a conversation was last seen to be known although something had been refused on it. */
  let knownAt = Number.NEGATIVE_INFINITY;
  /** Calls that were refused together are worth one question. */
  const asking = new Map<Link, Promise<boolean | undefined>>();
  /** Given up, while further refusals are on their way. */
  const over = new WeakSet<Link>();

  function ask(link: Link, signal: Signal): Promise<boolean | undefined> {
    const known = asking.get(link) ?? isKnown(link, signal).finally(() => asking.delete(link));
    asking.set(link, known);
    return known;
  }

  async function findOut(link: Link, { attempt }: Doubted, signal: Signal): Promise<boolean> {
    const isSaid = attempt.kind === "failed" && attempt.fault === "session_lost";
    if (isSaid && clock.now() - noHelpAt >= RENEWAL.waryMs) return true;
    const known = await ask(link, signal);
    if (known) knownAt = clock.now();
    if (known !== false || over.has(link)) return false;
    // A new one was no help, and nothing has shown since then that any could be.
    return knownAt > noHelpAt || clock.now() - noHelpAt >= RENEWAL.pauseMs;
  }

  return {
    async isOver(link, doubted, signal) {
      if (!over.has(link) && (await findOut(link, doubted, signal))) over.add(link);
      return over.has(link);
    },
    async isOverAgain(link, { isSaid }, signal) {
      if (over.has(link)) return true;
      const isKnown = !isSaid || (await ask(link, signal)) !== false;
      if (isKnown || ++inVain > RENEWAL.inVain) noHelpAt = clock.now();
      else over.add(link);
      return over.has(link);
    },
    worked() {
      inVain = 0;
    },
  };
}
