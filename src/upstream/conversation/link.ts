import type { Call, Room } from "../../core/call.ts";
import type { CacheHint, Holder } from "../../core/catalog.ts";
import type { NativeName, OwnerId } from "../../core/names.ts";
import { Payload } from "../../core/payload.ts";
import type { Clock } from "../../core/ports.ts";
import type { Signal } from "../../core/signal.ts";
import { type Placed, Running } from "../../lib/running.ts";
import { expects, ROOTS_CHANGED, shownCapabilities } from "../../wire/capabilities.ts";
import type { Input, UpstreamEra } from "../../wire/era.ts";
import { errorText, type Message, notificationText } from "../../wire/message.ts";
import { isSevereEnough } from "../../wire/methods.ts";
import { CODES, wireError } from "../../wire/rpc-errors.ts";
import { ASIDE, canBeAsked } from "../../wire/upstream-questions.ts";
import type { Channel, Reply } from "../channel/channel.ts";
import { attemptOf, type LinkAttempt, NO_TIMEOUT_MS, type Timeouts } from "./attempt.ts";
import { createSuspicion } from "./log-attribution.ts";
import { createOccupancy, type Occupancy } from "./occupancy.ts";
import { isNotice, type OpenCall, openCall } from "./open-call.ts";
import { type AskOptions, createOutbound } from "./outbound.ts";
import type { Parking } from "./suspended-calls.ts";

/** What an upstream said of itself when the link was opened. */
export interface Introduction {
  readonly version: string;
  readonly capabilities: Payload;
  readonly serverInfo: Payload | undefined;
  readonly instructions: string | undefined;
  /** For how long what it said may be kept, if it said so. */
  readonly hint: CacheHint | undefined;
}

/** An agent's call, as it is to be made here. */
export interface Calling {
  readonly holder: Holder;
  readonly timeouts: Timeouts;
  /** The agent's answers, for a call that is made again because of them. */
  readonly input: Input | undefined;
}

/** An open conversation with one upstream, in the revision it speaks. */
export interface Link extends Introduction {
  readonly era: UpstreamEra;
  readonly channel: Channel;
  /** What the upstream was told, when the conversation opened, that can be asked on it. */
  readonly declared: Payload;
  /** Whether calls run on it, or wait for their agents. */
  readonly inUse: boolean;
  /** Whether a call was ever made on it. */
  readonly isUsed: boolean;
  /** Who uses it, where only one agent at a time may: see {@link Occupancy}. */
  readonly occupancy: Occupancy | undefined;
  /** Whether a request of our own waits for its answer there that is expected soon. */
  readonly asks: boolean;
  /** Sends an agent's call under its native name. */
  call(call: Call, calling: Calling): Promise<LinkAttempt>;
  /** The one agent that has calls here, where what names no call can only be meant for it. */
  readonly onlyOwner: OwnerId | undefined;
  /** Takes a message that came with no request: it is the only running call's, or nobody's. Tells which. */
  overhear(message: Message): boolean;
  /** Takes a message that is no call's business. */
  unclaimed(message: Message): void;
  /** A request of our own. */
  ask(method: string, params: Payload, options: AskOptions): Promise<Reply>;
  notify(method: string, params?: Payload): Promise<void>;
  /** Answers a request of the upstream. */
  respond(text: Buffer): void;
  /** Cancels what waits for agents and closes the channel. */
  close(): Promise<void>;
  /** Gives up a channel that is no use for further calls; those on it that can still be answered are. */
  discard(): Promise<void>;
}

export interface LinkParts {
  readonly channel: Channel;
  readonly era: UpstreamEra;
  readonly introduction: Introduction;
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

interface Listener extends Placed {
  readonly id: number;
  readonly owner: OwnerId;
  hear(message: Message): void;
}

const SET_LEVEL_TIMEOUT_MS = 5_000;
const UNTIMED: Timeouts = { timeoutMs: NO_TIMEOUT_MS, maxTimeoutMs: NO_TIMEOUT_MS };

export function createLink(parts: LinkParts): Link {
  const { channel, era, introduction, declared, clock, parking, unclaimed } = parts;
  const { version } = introduction;
  const outbound = createOutbound({ ...parts, version });
  const { respond } = outbound;
  /** Only an upstream that was told so asks, and then by requests that a call has to wait for. */
  const asks = era.declaresAtOpening && canBeAsked(declared);
  /** Questions that do not say which call they belong to are those of the one agent that has calls here. */
  const occupancy = asks && !channel.attributes ? createOccupancy(parts.opener) : undefined;

  const running = new Running<Listener>();
  const open = new Set<OpenCall>();
  const suspicion = createSuspicion(clock);
  let logLevel: string | undefined;
  let isUsed = false;
  let asking = 0;

  /** What may take for ever, such as listening, is no work. */
  async function ask(method: string, params: Payload, options: AskOptions): Promise<Reply> {
    if (options.timeoutMs === NO_TIMEOUT_MS) return outbound.ask(method, params, options);
    asking++;
    const reply = await outbound.ask(method, params, options);
    asking--;
    return reply;
  }

  async function call(call: Call, calling: Calling): Promise<LinkAttempt> {
    isUsed = true;
    const { owner } = call.caller;
    const leave = occupancy && settleIn(occupancy, owner);
    if (era.setsLogLevel && call.logLevel !== undefined) await raiseLogLevel(call.logLevel, call.signal);
    suspicion.began(owner);
    const attempt = await (asks ? callAskably(call, calling, leave) : callPlainly(call, calling));
    if (attempt.kind === "failed" && GIVEN_UP.has(attempt.fault)) suspicion.gaveUp();
    return attempt;
  }

  /** An upstream that knows the roots of the agent before is told to ask this one for its own. */
  function settleIn(occupancy: Occupancy, owner: OwnerId): () => void {
    const isNew = occupancy.latest !== undefined && occupancy.latest !== owner;
    const leave = occupancy.enter(owner);
    if (isNew && expects(declared, ROOTS_CHANGED)) void notify(ROOTS_CHANGED);
    return leave;
  }

  async function callPlainly(call: Call, calling: Calling): Promise<LinkAttempt> {
    const hear = (message: Message): Room => {
      if (message.kind === "request") unclaimed(message);
      else if (message.kind === "notification" && isNotice(message.method)) {
        return call.notify({ method: message.method, params: message.params ?? NOTHING });
      } else if (message.kind === "notification" && ASIDE.has(message.method)) unclaimed(message);
    };
    const id = parts.nextId();
    const listener: Listener = { place: -1, id, owner: call.caller.owner, hear };
    running.add(listener);
    const capabilities = shownCapabilities(call.caller.capabilities);
    const reply = await outbound.send(call, {
      id,
      holder: calling.holder,
      timeouts: calling.timeouts,
      input: calling.input,
      capabilities,
      signal: call.signal,
      onMessage: hear,
      onPostponed: call.postponed,
    });
    running.remove(listener);
    return attemptOf(reply, era, { method: call.method, capabilities });
  }

  /** Lives on while its agent thinks about questions, and leaves when nothing of it is open any more. */
  function callAskably(call: Call, calling: Calling, leave: (() => void) | undefined): Promise<LinkAttempt> {
    const { owner } = call.caller;
    const id = parts.nextId();
    const listener: Listener = { place: -1, id, owner, hear: message => opened.call.hear(message) };
    const opened = openCall(
      {
        ...{ owner, clock, parking, declared, respond, unclaimed, timeouts: calling.timeouts },
        send: async (signal, { hear, postponed }) => {
          const on = { onMessage: hear, onPostponed: postponed };
          const how = { id, ...calling, ...on, timeouts: UNTIMED, capabilities: declared, signal };
          return attemptOf(await outbound.send(call, how), era, { method: call.method, capabilities: declared });
        },
        asked: () => parts.asked(call.method, calling.holder.native),
        ended() {
          running.remove(listener);
          open.delete(opened.call);
          leave?.();
        },
        leftOver(question, wasGivenUp) {
          if (!wasGivenUp) unclaimed(question);
          // It may be another call's; where the channel says which call it is of, nobody waits for it.
          else if (!channel.attributes && !overhear(question)) respond(errorText(question.id, CANCELLED.error));
        },
      },
      call,
    );
    running.add(listener);
    open.add(opened.call);
    return opened.attempt;
  }

  /** The conversation's level is the most verbose that any of its agents wants; each agent sees only its own. */
  async function raiseLogLevel(level: string, signal: Signal): Promise<void> {
    if (!introduction.capabilities.has("logging") || (logLevel !== undefined && isSevereEnough(level, logLevel)))
      return;
    logLevel = level;
    await ask("logging/setLevel", Payload.of({ level }), { timeoutMs: SET_LEVEL_TIMEOUT_MS, signal });
  }

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

  const notify = (method: string, params?: Payload): Promise<void> =>
    channel.notify(notificationText(method, params), era.headers(version));

  return {
    ...introduction,
    ...{ era, channel, declared, occupancy, call, unclaimed, ask, notify, respond },
    get isUsed() {
      return isUsed;
    },
    get onlyOwner() {
      return suspicion.clear ? onlyOwnerOf(running.all()) : undefined;
    },
    get asks() {
      return asking > 0;
    },
    get inUse() {
      return running.size > 0;
    },
    overhear,
    async close() {
      const ending = [...open];
      for (const call of ending) call.abandon();
      await Promise.all(ending.map(call => call.done));
      await outbound.flushed();
      await channel.close();
    },
    discard: () => channel.discard(),
  };
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
