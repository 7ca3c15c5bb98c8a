import type { Call } from "../../core/call.ts";
import type { Holder } from "../../core/catalog.ts";
import type { Fault } from "../../core/failure.ts";
import { type Health, isBlamed, type Verdict } from "../../core/health.ts";
import { type Limits, rest } from "../../core/limits.ts";
import type { OwnerId } from "../../core/names.ts";
import { OVERTAKEN } from "../../core/overtake.ts";
import type { Clock } from "../../core/ports.ts";
import { malformed } from "../../core/repair.ts";
import type { Attempt } from "../../core/route.ts";
import type { Signal } from "../../core/signal.ts";
import type { Input } from "../../wire/era.ts";
import { CODES, wireError } from "../../wire/rpc-errors.ts";
import type { OfferKeeper } from "../catalog/offer-keeper.ts";
import type { Connector, Opened } from "../connection/connector.ts";
import type { Dialer } from "../connection/dial.ts";
import type { OwnerLinks } from "../connection/per-agent-links.ts";
import type { Placement } from "../connection/placement.ts";
import { type Prober, RECHECK_MS } from "../connection/prober.ts";
import { type Doubted, failed, type LinkAttempt } from "../conversation/attempt.ts";
import type { Link } from "../conversation/link.ts";
import type { Parking } from "../conversation/suspended-calls.ts";
import { readTicket } from "../conversation/tickets.ts";
import { inTime } from "./in-time.ts";
import { createRenewal } from "./renewal.ts";

export interface AttemptsOptions {
  readonly connector: Connector;
  readonly owners: OwnerLinks;
  readonly dialer: Dialer;
  readonly keeper: OfferKeeper;
  readonly health: Health;
  readonly prober: Prober;
  readonly parking: Parking;
  readonly placement: Placement;
  readonly clock: Clock;
  /** A call of that agent was answered. */
  /** A call is sent. */
  called(): void;
  answered(owner: OwnerId): void;
  /** Aborted when this upstream is being closed. */
  readonly stopping: Signal;
}

/** Makes calls on the link that their agent has, and draws from what they bring how the upstream is doing. */
export interface Attempts {
  send(call: Call, holder: Holder, limits: Limits): Promise<Attempt>;
}

/** What an attempt is made with. */
interface Making {
  readonly holder: Holder;
  readonly input: Input | undefined;
  readonly limits: Limits;
}

export function createAttempts(options: AttemptsOptions): Attempts {
  const { connector, owners, dialer, keeper, health, prober, parking, placement, clock, stopping } = options;
  const renewal = createRenewal(clock);

  async function attempt(call: Call, making: Making, again: boolean): Promise<Attempt> {
    if (making.limits.timeoutMs <= 0) return blame(TOO_LATE);
    // Whether it lets us in again is found out without the agents' calls.
    if (health.state === "auth_required") return locked(health.lastError);
    const found = placement.linkFor(call, making.holder);
    if (!(found instanceof Promise)) return attemptOn(found, call, making, again);
    const askedAt = clock.now();
    const opened = await inTime(found, { clock, timeoutMs: making.limits.timeoutMs, signal: call.signal });
    return attemptOn(opened, call, after(askedAt, making), again);
  }

  const after = (startedAt: number, making: Making): Making => ({
    ...making,
    limits: rest(making.limits, clock.now() - startedAt),
  });

  async function attemptOn(opened: Opened, call: Call, making: Making, again: boolean): Promise<Attempt> {
    if (opened.kind === "failed") return blame(failed({ ...opened, delivery: "not_sent" }));
    const { link } = opened;
    // Another agent took it while this call waited for it to open.
    if (link.occupancy?.admits(call.caller.owner) === false) return attempt(call, making, again);
    const declined = making.input && link.era.declined(making.input.answers);
    if (declined) return { kind: "answered", error: declined.error };
    const askedAt = clock.now();
    const { holder, input, limits } = making;
    options.called();
    const result = await link.call(call, { holder, input, timeouts: limits });
    if (result.kind === "objected") {
      return again ? comply(call, after(askedAt, making), { link, ...result }) : blame(protocolError(result.detail));
    }
    if (result.kind === "doubted") return onDoubt(call, after(askedAt, making), { link, doubted: result, again });
    return judged(call, result, link);
  }

  /** Draws from what an attempt brought how the upstream is doing. */
  function judged(call: Call, result: Attempt, link: Link): Attempt {
    if (result.kind !== "failed") {
      options.answered(call.caller.owner);
      renewal.worked();
      health.succeeded();
      return result;
    }
    if (result.fault === "unreachable") lose(link, result.detail);
    return blame(wasOvertaken(call, result) ? { ...result, ...OUTDONE } : result);
  }

  /** It was refused: once more on a new conversation where this one is over, and nothing was done; else as it came. */
  async function onDoubt(
    call: Call,
    making: Making,
    { link, doubted, again }: { link: Link; doubted: Doubted; again: boolean },
  ): Promise<Attempt> {
    const refused = doubted.attempt;
    const isOver = again ? renewal.isOver(link, doubted, stopping) : renewal.isOverAgain(link, doubted, stopping);
    if (await isOver) {
      giveUp(link, "the upstream does not know the session any more");
      if (doubted.doubt === "undone" && !call.signal.aborted) {
        const second = await attempt(call, making, false);
        if (second.kind !== "failed" || second.delivery !== "not_sent") return second;
      }
    }
    return judged(call, refused, link);
  }

  /** The upstream has done nothing yet: its lists, or its revision, are not what we took them for. */
  async function comply(
    call: Call,
    making: Making,
    objected: { link: Link; to: "headers" | "version"; detail: string },
  ): Promise<Attempt> {
    const { link, to, detail } = objected;
    if (to === "version") {
      dialer.forget();
      giveUp(link, detail);
      return attempt(call, making, false);
    }
    const askedAt = clock.now();
    const read = keeper.refresh(connector.link ?? link).then((): Opened => ({ kind: "open", link }));
    const waited = await inTime(read, { clock, timeoutMs: making.limits.timeoutMs, signal: call.signal });
    if (waited.kind === "failed") return blame(failed(waited));
    const { native } = making.holder;
    const definition = keeper.offer?.definitions.tool.find(one => one.string("name") === native);
    const usable = definition && malformed(definition) === undefined;
    const holder = usable ? { ...making.holder, definition } : making.holder;
    return attempt(call, after(askedAt, { ...making, holder }), false);
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

  function blame(failure: Attempt & { kind: "failed" }): Attempt {
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

  /** Back to where an upstream asked. A ticket that leads nowhere never becomes a new run. */
  async function goOn(
    call: Call,
    making: Omit<Making, "input">,
    { ticket, answers }: NonNullable<Call["continues"]>,
  ): Promise<Attempt> {
    const point = readTicket(ticket);
    if (point?.kind === "state") return attempt(call, { ...making, input: { answers, state: point.state } }, true);
    const parked = point && parking.take(point.id, call.caller.owner);
    if (!parked) return { kind: "answered", error: CLOSED.error };
    const result: LinkAttempt = await parked.resume(call);
    if (result.kind === "objected") return blame(protocolError(result.detail));
    // What has asked its agent something has begun: it is never sent anew.
    const brought = result.kind === "doubted" ? result.attempt : result;
    if (brought.kind === "failed") return blame(brought);
    options.answered(call.caller.owner);
    health.succeeded();
    return brought;
  }

  function make(call: Call, holder: Holder, limits: Limits): Promise<Attempt> {
    return call.continues
      ? goOn(call, { holder, limits }, call.continues)
      : attempt(call, { holder, input: undefined, limits }, true);
  }

  /** The call on which the return of an ejected upstream depends. */
  async function tryOut(making: Promise<Attempt>): Promise<Attempt> {
    let result: Attempt | undefined;
    try {
      result = await making;
      return result;
    } finally {
      health.judge(result ? verdictOf(result) : "undecided", result?.kind === "failed" ? result.detail : "");
    }
  }

  return {
    send(call, holder, limits) {
      // A ticket that leads nowhere is answered without the upstream.
      const decides = health.state === "probing" && !call.continues && health.claim();
      return decides ? tryOut(make(call, holder, limits)) : make(call, holder, limits);
    },
  };
}

function verdictOf(result: Attempt): Verdict {
  if (result.kind !== "failed") return "passed";
  return isBlamed(result) ? "failed" : "undecided";
}

/** Its agent has its answer from somebody else, who was asked because this one stayed silent. */
const wasOvertaken = ({ signal }: Call, { fault }: { fault: Fault }): boolean =>
  fault === "cancelled" && signal.reason === OVERTAKEN;
const OUTDONE = { fault: "timeout", detail: "somebody else answered a call that it left unanswered" } as const;

/** How long an upstream is left alone that does not say for how long. */
const UNSAID_LIMIT_MS = 1_000;
const locked = (detail = "the upstream wants credentials"): Attempt & { kind: "failed" } =>
  failed({ fault: "auth_required", delivery: "not_sent", detail });
const TOO_LATE = failed({ fault: "timeout", delivery: "not_sent", detail: "no time was left to send it" });
const protocolError = (detail: string): Attempt & { kind: "failed" } =>
  failed({ fault: "protocol_error", delivery: "refused", detail });
/** Another child than the one that could not be reached may be well. */
const isChild = ({ channel }: Link): boolean => channel.child?.pid !== undefined;
/** What closing a conversation looks like from the call that was on it. */
const OURS: ReadonlySet<string> = new Set(["connection_lost", "unreachable", "session_lost"]);
const CLOSED = wireError(
  CODES.invalidParams,
  "requestState is no longer valid: the question was answered or has expired. Nothing was run again",
);
