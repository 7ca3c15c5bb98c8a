import type { Call, Caller } from "../core/call.ts";
import type { Holder } from "../core/catalog.ts";
import type { Health } from "../core/health.ts";
import { Payload } from "../core/payload.ts";
import type { Clock } from "../core/ports.ts";
import { malformed } from "../core/repair.ts";
import type { Attempt } from "../core/route.ts";
import { openingCapabilities } from "../wire/capabilities.ts";
import type { Input } from "../wire/era.ts";
import { CODES, wireError } from "../wire/rpc-errors.ts";
import { canBeAsked } from "../wire/upstream-questions.ts";
import { failed, type LinkAttempt, type Timeouts } from "./attempt.ts";
import type { Connector, Opened } from "./connector.ts";
import type { Dialer } from "./dial.ts";
import type { Link } from "./link.ts";
import type { OfferKeeper } from "./offer-keeper.ts";
import type { OwnerLinks, Tenant } from "./owner-links.ts";
import type { Parking } from "./parking.ts";
import type { Prober } from "./prober.ts";
import type { Promotion } from "./promotion.ts";
import { readTicket } from "./tickets.ts";

export interface AttemptsOptions {
  readonly connector: Connector;
  readonly owners: OwnerLinks;
  readonly dialer: Dialer;
  readonly keeper: OfferKeeper;
  readonly health: Health;
  readonly prober: Prober;
  readonly parking: Parking;
  readonly promotion: Promotion;
  readonly clock: Clock;
  /** Aborted when this upstream is being closed. */
  readonly stopping: AbortSignal;
}

/** Makes calls on the link that their agent has, and draws from what they bring how the upstream is doing. */
export interface Attempts {
  send(call: Call, holder: Holder, timeouts: Timeouts): Promise<Attempt>;
  /** Whose conversation serves this caller; `undefined` for the shared link. */
  tenantOf(main: Link, caller: Caller): Tenant | undefined;
}

export function createAttempts(options: AttemptsOptions): Attempts {
  const { connector, owners, dialer, keeper, health, prober, parking, promotion, clock, stopping } = options;

  function tenantOf(main: Link, { owner, capabilities }: Caller): Tenant | undefined {
    const holdsState = dialer.holdsState(main);
    if (!holdsState && !promotion.promoted) return undefined;
    const declared = main.era.declaresAtOpening ? openingCapabilities(capabilities) : NOTHING;
    return holdsState || canBeAsked(declared) ? { owner, declared } : undefined;
  }

  function linkFor(caller: Caller): Promise<Opened> | Opened {
    const main = connector.link;
    return main ? pick({ kind: "open", link: main }, caller) : connector.demand().then(opened => pick(opened, caller));
  }

  function pick(opened: Opened, caller: Caller): Promise<Opened> | Opened {
    const tenant = opened.kind === "open" ? tenantOf(opened.link, caller) : undefined;
    return tenant ? owners.get(tenant) : opened;
  }

  async function attempt(call: Call, about: Aim, again: boolean): Promise<Attempt> {
    const opened = await linkFor(call.caller);
    if (opened.kind === "failed") return blame(failed({ ...opened, delivery: "not_sent" }));
    const { link } = opened;
    const declined = about.input && link.era.declined(about.input.answers);
    if (declined) return { kind: "answered", error: declined.error };
    const result = await link.call(call, about);
    if (result.kind === "objected") {
      return again ? comply(call, about, { link, ...result }) : blame(protocolError(result.detail));
    }
    if (result.kind !== "failed") {
      promotion.saw(result);
      return praise(result);
    }
    if (result.fault === "session_lost") {
      giveUp(link, result.detail);
      if (again && result.delivery === "refused") return attempt(call, about, false);
    }
    if (result.fault === "unreachable") lose(link, result.detail);
    if (result.fault === "rate_limited") health.limited(clock.now() + (result.retryAfterMs ?? 1000));
    return blame(result);
  }

  /** The upstream has done nothing yet: its lists, or its revision, are not what we took them for. */
  async function comply(
    call: Call,
    about: Aim,
    objected: { link: Link; to: "headers" | "version"; detail: string },
  ): Promise<Attempt> {
    const { link, to, detail } = objected;
    if (to === "version") {
      dialer.forget();
      giveUp(link, detail);
      return attempt(call, about, false);
    }
    await keeper.refresh(connector.link ?? link);
    const { native } = about.holder;
    const definition = keeper.offer?.definitions.tool.find(one => one.string("name") === native);
    const usable = definition && malformed(definition) === undefined;
    return attempt(call, { ...about, holder: usable ? { ...about.holder, definition } : about.holder }, false);
  }

  function giveUp(link: Link, detail: string): void {
    owners.drop(link);
    connector.giveUp(link, detail);
  }

  /** Nothing listens there any more: whoever holds a link of its own would only find out one by one. */
  function lose(link: Link, detail: string): void {
    owners.drop(link);
    const main = connector.link;
    if (main && (main === link || dialer.holdsState(main))) connector.giveUp(main, detail);
  }

  function praise(result: Exclude<Attempt, { kind: "failed" }>): Attempt {
    health.succeeded();
    prober.seen();
    return result;
  }

  function blame(failure: Attempt & { kind: "failed" }): Attempt {
    if (stopping.aborted && OURS.has(failure.fault)) return { ...failure, fault: "stopped" };
    health.failed(failure.fault, failure.detail);
    if (health.state === "ejected") prober.hurry();
    return failure;
  }

  /** Back to where an upstream asked. A ticket that leads nowhere never becomes a new run. */
  async function goOn(call: Call, about: Aim, { ticket, answers }: NonNullable<Call["continues"]>): Promise<Attempt> {
    const point = readTicket(ticket);
    if (point?.kind === "state") return attempt(call, { ...about, input: { answers, state: point.state } }, true);
    const parked = point && parking.take(point.id, call.caller.owner);
    if (!parked) return { kind: "answered", error: CLOSED.error };
    const result: LinkAttempt = await parked.resume(call);
    if (result.kind === "objected") return blame(protocolError(result.detail));
    return result.kind === "failed" ? blame(result) : praise(result);
  }

  return {
    tenantOf,
    send(call, holder, timeouts) {
      const about = { holder, timeouts, input: undefined };
      return call.continues ? goOn(call, about, call.continues) : attempt(call, about, true);
    },
  };
}

/** What a call is made with. */
interface Aim {
  readonly holder: Holder;
  readonly timeouts: Timeouts;
  readonly input: Input | undefined;
}

const protocolError = (detail: string): Attempt & { kind: "failed" } =>
  failed({ fault: "protocol_error", delivery: "refused", detail });
/** What closing a conversation looks like from the call that was on it. */
const OURS: ReadonlySet<string> = new Set(["connection_lost", "unreachable", "session_lost"]);
const NOTHING = Payload.of({});
const CLOSED = wireError(
  CODES.invalidParams,
  "requestState is no longer valid: the question was answered or has expired. Nothing was run again",
);
