import type { Call } from "../../core/call.ts";
import { type Health, isBlamed, type Verdict } from "../../core/health.ts";
import type { OwnerId } from "../../core/names.ts";
import { OVERTAKEN } from "../../core/overtake.ts";
import type { Clock } from "../../core/ports.ts";
import type { Attempt } from "../../core/route.ts";
import type { Signal } from "../../core/signal.ts";
import type { Connector } from "../connection/connector.ts";
import type { OwnerLinks } from "../connection/per-agent-links.ts";
import { type Prober, RECHECK_MS } from "../connection/prober.ts";
import type { Link } from "../conversation/link.ts";

export type FailedAttempt = Attempt & { kind: "failed" };

export interface VerdictsOptions {
  readonly connector: Connector;
  readonly owners: OwnerLinks;
  readonly health: Health;
  readonly prober: Prober;
  readonly clock: Clock;
  /** A call of that agent was answered. */
  answered(owner: OwnerId): void;
  /** Aborted when this upstream is being closed. */
  readonly stopping: Signal;
}

/** Draws from what attempts bring how the upstream is doing. */
export interface Verdicts {
  /** The failure counts against it; what comes back is the failure as routing is to see it. */
  blame(failure: FailedAttempt): FailedAttempt;
  /** Whatever an attempt on that link brought, or one without a link. */
  judge(call: Call, attempt: Attempt, link?: Link): Attempt;
  /** The conversation is over. */
  giveUp(link: Link, detail: string): void;
}

export function createVerdicts(options: VerdictsOptions): Verdicts {
  const { connector, owners, health, prober, clock, stopping } = options;

  function blame(failure: FailedAttempt): FailedAttempt {
    if (stopping.aborted && OURS.has(failure.fault)) return { ...failure, fault: "stopped" };
    health.failed(failure);
    if (failure.fault === "rate_limited") {
      health.limited(clock.now() + (failure.retryAfterMs ?? UNSAID_LIMIT_MS), failure.detail);
    }
    // A harmless request shows whether it was this call alone.
    if (failure.fault === "auth_required") prober.hurry(0);
    else if (isBlamed(failure)) prober.hurry(RECHECK_MS);
    return failure;
  }

  function giveUp(link: Link, detail: string): void {
    owners.drop(link);
    connector.giveUp(link, detail);
  }

  /** Nothing listens there any more: whoever holds a link of its own would only find out one by one. */
  function lose(link: Link, detail: string): void {
    owners.drop(link);
    const main = connector.link;
    if (main && (main === link || !isChild(main))) connector.giveUp(main, detail);
  }

  return {
    blame,
    giveUp,
    judge(call, attempt, link) {
      if (attempt.kind === "broken") return attempt;
      if (attempt.kind !== "failed") {
        options.answered(call.caller.owner);
        health.succeeded();
        return attempt;
      }
      if (link && attempt.fault === "unreachable") lose(link, attempt.detail);
      return blame(link && wasOvertaken(call, attempt) ? { ...attempt, ...OUTDONE } : attempt);
    },
  };
}

/** What an attempt on trial says about its upstream. */
export function verdictOf(attempt: Attempt): Verdict {
  if (attempt.kind === "broken") return "undecided";
  if (attempt.kind !== "failed") return "passed";
  return isBlamed(attempt) ? "failed" : "undecided";
}

/** Its agent has its answer from somebody else, who was asked because this one stayed silent. */
const wasOvertaken = ({ signal }: Call, { fault }: FailedAttempt): boolean =>
  fault === "cancelled" && signal.reason === OVERTAKEN;
const OUTDONE = { fault: "timeout", detail: "somebody else answered a call that it left unanswered" } as const;

/** How long an upstream is left alone that does not say for how long. */
const UNSAID_LIMIT_MS = 1_000;
/** Another child than the one that could not be reached may be well. */
const isChild = ({ channel }: Link): boolean => channel.child?.pid !== undefined;
/** What closing a conversation looks like from the call that was on it. */
const OURS: ReadonlySet<string> = new Set(["connection_lost", "unreachable", "session_lost"]);
