import type { Call, Room } from "../../core/call.ts";
import type { Holder } from "../../core/catalog.ts";
import type { NativeName, OwnerId } from "../../core/names.ts";
import { type Pass, returning, waiting } from "../../core/pass.ts";
import { Payload } from "../../core/payload.ts";
import type { Clock } from "../../core/ports.ts";
import { brokenAttempt } from "../../core/route.ts";
import { type Placed, Running } from "../../lib/running.ts";
import { expects, ROOTS_CHANGED, shownCapabilities } from "../../wire/capabilities.ts";
import type { Input, UpstreamEra } from "../../wire/era.ts";
import { errorText, type Message } from "../../wire/message.ts";
import { CODES, wireError } from "../../wire/rpc-errors.ts";
import { ASIDE, canBeAsked } from "../../wire/upstream-questions.ts";
import type { Channel, Reply } from "../channel/channel.ts";
import { attemptOf, type LinkAttempt, NO_TIMEOUT_MS, type Timeouts } from "./attempt.ts";
import { createSuspicion, type Suspicion } from "./log-attribution.ts";
import { createOccupancy, type Occupancy } from "./occupancy.ts";
import { isNotice, type OpenCall, openCall } from "./open-call.ts";
import type { Outbound } from "./outbound.ts";
import type { Parking } from "./suspended-calls.ts";

/** An agent's call, as it is to be made here. */
export interface Calling {
  readonly holder: Holder;
  readonly timeouts: Timeouts;
  /** The agent's answers, for a call that is made again because of them. */
  readonly input: Input | undefined;
}

export interface CallsParts {
  readonly channel: Channel;
  readonly era: UpstreamEra;
  readonly declared: Payload;
  /** The agent for which it is opened, if there is one. */
  readonly opener?: OwnerId | undefined;
  /** Counts for the channel, so that the handshake and the calls never share an id. */
  readonly nextId: () => number;
  readonly clock: Clock;
  readonly parking: Parking;
  /** The upstream asks something in the middle of a call of that method, about what it calls so. */
  asked(method: string, native: NativeName): void;
  /** What came with a call and is none of its business: news, or a request when it cannot be asked or has ended. */
  unclaimed(message: Message): void;
}

/** The calls of agents on one link, and whose it is what comes there. */
export interface LinkCalls {
  readonly inUse: boolean;
  readonly isUsed: boolean;
  readonly occupancy: Occupancy | undefined;
  readonly onlyOwner: OwnerId | undefined;
  /** `done` is called once, perhaps before this returns. */
  call(call: Call, calling: Calling, done: (attempt: LinkAttempt) => void): void;
  overhear(message: Message): boolean;
  /** Cancels what waits for agents; resolves when nothing of it is open any more. */
  abandon(): Promise<void>;
}

/** Says that nothing of the call is open any more, where that matters to others. */
type Leave = (() => void) | undefined;

interface Listener extends Placed {
  readonly id: number;
  readonly owner: OwnerId;
  hear(message: Message): void;
}

const UNTIMED: Timeouts = { timeoutMs: NO_TIMEOUT_MS, maxTimeoutMs: NO_TIMEOUT_MS };

export function createLinkCalls(
  parts: CallsParts & {
    readonly outbound: Outbound;
    notify(method: string): Promise<void>;
    /** Has the log level set that this call wants, before it is sent; `undefined` where there is nothing to wait for. */
    raise(call: Call): Promise<unknown> | undefined;
  },
): LinkCalls {
  const { channel, era, declared } = parts;
  /** Only an upstream that was told so asks, and then by requests that a call has to wait for. */
  const asks = era.declaresAtOpening && canBeAsked(declared);
  /** Questions that do not say which call they belong to are those of the one agent that has calls here. */
  const occupancy = asks && !channel.attributes ? createOccupancy(parts.opener) : undefined;
  const running = new Running<Listener>();
  const suspicion = createSuspicion(parts.clock);
  const open = new Set<OpenCall>();
  const whose = createAttribution({ running, open, suspicion });
  const shared: SharedCalls = { ...parts, running, open, overhear: whose.overhear };
  const sendOne = asks ? askable(shared) : plain(shared);
  let isUsed = false;

  /** Nothing is open any more once what it returns is called. */
  function enter(owner: OwnerId): Leave {
    isUsed = true;
    if (!occupancy) return undefined;
    // An upstream that knows the roots of the agent before is told to ask this one for its own.
    const isNew = occupancy.latest !== undefined && occupancy.latest !== owner;
    const leave = occupancy.enter(owner);
    if (isNew && expects(declared, ROOTS_CHANGED)) void parts.notify(ROOTS_CHANGED);
    return leave;
  }

  function send(one: CallHere, done: (attempt: LinkAttempt) => void): void {
    suspicion.began(one.call.caller.owner);
    sendOne(one, attempt => {
      if (attempt.kind === "failed" && GIVEN_UP.has(attempt.fault)) suspicion.gaveUp();
      done(attempt);
    });
  }

  return {
    occupancy,
    get inUse() {
      return running.size > 0;
    },
    get isUsed() {
      return isUsed;
    },
    get onlyOwner() {
      return suspicion.clear ? onlyOwnerOf(running.all()) : undefined;
    },
    call(call, calling, done) {
      const leave = enter(call.caller.owner);
      const raised = parts.raise(call);
      if (raised === undefined) return send({ call, calling, leave }, done);
      const goOn = (): void => send({ call, calling, leave }, done);
      waiting(raised.catch(IGNORE), { done, broken: brokenAttempt }, goOn);
    },
    overhear: whose.overhear,
    async abandon() {
      const ending = [...open];
      for (const call of ending) call.abandon();
      await Promise.all(ending.map(call => call.over()));
    },
  };
}

/** What the calls of one link have in common. */
interface SharedCalls extends CallsParts {
  readonly outbound: Outbound;
  readonly running: Running<Listener>;
  readonly open: Set<OpenCall>;
  overhear(message: Message): boolean;
}

interface CallHere {
  readonly call: Call;
  readonly calling: Calling;
  readonly leave: Leave;
}

type SendOne = Pass<CallHere, LinkAttempt>;
const IGNORE = (): void => {};

/** A call that ends with its answer. */
function plain({ era, outbound, running, nextId, unclaimed }: SharedCalls): SendOne {
  return function sendPlainly({ call, calling }, done) {
    const id = nextId();
    let bug: { readonly cause: unknown } | undefined;
    const hear = (message: Message): Room => {
      try {
        if (message.kind === "notification" && isNotice(message.method)) {
          return call.notify({ method: message.method, params: message.params ?? NOTHING });
        }
        if (message.kind === "request" || (message.kind === "notification" && ASIDE.has(message.method))) {
          unclaimed(message);
        }
      } catch (cause) {
        bug ??= { cause };
      }
    };
    const capabilities = shownCapabilities(call.caller.capabilities);
    const how = { id, capabilities, signal: call.signal, onMessage: hear, onPostponed: call.postponed };
    const request = outbound.written(call, { ...calling, ...how });
    const listener: Listener = { place: -1, id, owner: call.caller.owner, hear };
    running.add(listener);
    const replied = (reply: Reply): LinkAttempt => {
      running.remove(listener);
      return bug ? brokenAttempt(bug.cause) : attemptOf(reply, era, { method: call.method, capabilities });
    };
    outbound.send(request, returning(done, brokenAttempt, replied));
  };
}

/** A call that lives on while its agent thinks about questions, and leaves when nothing of it is open any more. */
function askable(shared: SharedCalls): SendOne {
  const { channel, era, declared, outbound, running, open, clock, parking, unclaimed, nextId } = shared;
  const { respond } = outbound;
  return function sendAskably({ call, calling, leave }, done) {
    const { owner } = call.caller;
    const id = nextId();
    const opened = openCall({
      ...{ owner, clock, parking, declared, respond, unclaimed, timeouts: calling.timeouts },
      send(signal, { hear, postponed }, settle) {
        const on = { onMessage: hear, onPostponed: postponed };
        const how = { id, ...calling, ...on, timeouts: UNTIMED, capabilities: declared, signal };
        const replied = (reply: Reply): LinkAttempt =>
          attemptOf(reply, era, { method: call.method, capabilities: declared });
        outbound.send(outbound.written(call, how), returning(settle, brokenAttempt, replied));
      },
      asked: () => shared.asked(call.method, calling.holder.native),
      ended() {
        running.remove(listener);
        open.delete(opened);
        leave?.();
      },
      leftOver(question, wasGivenUp) {
        if (!wasGivenUp) unclaimed(question);
        // It may be another call's; where the channel says which call it is of, nobody waits for it.
        else if (!channel.attributes && !shared.overhear(question)) respond(errorText(question.id, CANCELLED.error));
      },
    });
    const listener: Listener = { place: -1, id, owner, hear: message => opened.hear(message) };
    running.add(listener);
    open.add(opened);
    opened.start(call, done);
  };
}

/** Finds out whose it is what came with no request. */
function createAttribution({
  running,
  open,
  suspicion,
}: {
  readonly running: Running<Listener>;
  readonly open: ReadonlySet<OpenCall>;
  readonly suspicion: Suspicion;
}): Pick<LinkCalls, "overhear"> {
  /** Whom a message is for that does not say so. A question reaches the one agent that has calls here by any of them. */
  function candidate(message: Message): { hear(message: Message): void } | undefined {
    if (message.kind === "request") {
      const newestFirst = [...open].reverse();
      return newestFirst.find(call => call.waiting) ?? newestFirst[0];
    }
    if (message.kind !== "notification") return undefined;
    if (message.method === "notifications/progress") return progressing(message.params);
    if (!BESIDE.has(message.method)) return undefined;
    // What is withdrawn is known to the call that asks it, and to no other.
    if (message.method === "notifications/cancelled") return open.size > 0 ? { hear: hearAll } : running.only;
    return suspicion.clear ? running.only : undefined;
  }

  function overhear(message: Message): boolean {
    const only = candidate(message);
    only?.hear(message);
    return only !== undefined;
  }

  /** Its token is the id of our request; some upstreams send it on another stream than that request's. */
  function progressing(params: Payload | undefined): Listener | undefined {
    const token = params?.raw("progressToken")?.toString("latin1");
    return running.all().find(({ id }) => String(id) === token);
  }

  function hearAll(message: Message): void {
    for (const call of open) call.hear(message);
  }

  return { overhear };
}

/** What an upstream says beside its requests that concerns the call it works on. */
const BESIDE: ReadonlySet<string> = new Set(["notifications/message", "notifications/cancelled"]);
/** The upstream may go on talking of such a call. */
const GIVEN_UP: ReadonlySet<string> = new Set(["cancelled", "timeout"]);
const NOTHING = Payload.of({});
const CANCELLED = wireError(CODES.internalError, "The client has cancelled the request that this belongs to");

/** Whose all of them are, if they are one agent's. */
function onlyOwnerOf(members: readonly Listener[]): OwnerId | undefined {
  const owner = members[0]?.owner;
  return members.every(member => member.owner === owner) ? owner : undefined;
}
