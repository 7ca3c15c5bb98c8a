import type { Clock } from "../core/ports.ts";
import type { Doubted } from "./attempt.ts";
import type { Link } from "./link.ts";
import { isKnown } from "./recognition.ts";

export const RENEWAL = {
  /** After a new conversation that was no help, none is opened for so long without having asked whether it is needed. */
  waryMs: 10 * 60_000,
  /** And however the upstream answers that, no more often than this. */
  pauseMs: 60_000,
} as const;

/** Decides whether what was refused on a conversation is worth a new one. */
export interface Renewal {
  /** Whether the upstream does not know the conversation any more, as far as can be found out. */
  isOver(link: Link, doubted: Doubted, signal: AbortSignal): Promise<boolean>;
  /** The same was refused on a new conversation: the refusal is about the request. */
  wasNoHelp(): void;
}

/**
 * A refusal may be about the conversation or about the request, and upstreams have no common words for either. So what
 * decides is the effect: whether the upstream refuses everything else on the conversation, too. A new conversation that
 * does not help must not be opened for every call, since the upstream may keep state in each.
 */
export function createRenewal(clock: Clock): Renewal {
  let noHelpAt = Number.NEGATIVE_INFINITY;
  /** Calls that were refused together are worth one question. */
  const asking = new Map<Link, Promise<boolean>>();

  function ask(link: Link, signal: AbortSignal): Promise<boolean> {
    const known = asking.get(link) ?? isKnown(link, signal).finally(() => asking.delete(link));
    asking.set(link, known);
    return known;
  }

  return {
    async isOver(link, { attempt }, signal) {
      const agoMs = clock.now() - noHelpAt;
      const isSaid = attempt.kind === "failed" && attempt.fault === "session_lost";
      if (isSaid && agoMs >= RENEWAL.waryMs) return true;
      if (await ask(link, signal)) return false;
      return agoMs >= RENEWAL.pauseMs;
    },
    wasNoHelp() {
      noHelpAt = clock.now();
    },
  };
}
