import type { Call, Room } from "../core/call.ts";
import type { CacheHint, Holder } from "../core/catalog.ts";
import { Payload } from "../core/payload.ts";
import type { Clock } from "../core/ports.ts";
import { type Placed, Running } from "../lib/running.ts";
import { shownCapabilities } from "../wire/capabilities.ts";
import type { Input, UpstreamEra } from "../wire/era.ts";
import { type Message, notificationText } from "../wire/message.ts";
import { isSevereEnough } from "../wire/methods.ts";
import { ASIDE, canBeAsked } from "../wire/upstream-questions.ts";
import { attemptOf, failed, type LinkAttempt, NO_TIMEOUT_MS, type Timeouts } from "./attempt.ts";
import type { Channel, Reply } from "./channel.ts";
import { isNotice, type OpenCall, openCall } from "./open-call.ts";
import { type AskOptions, createOutbound } from "./outbound.ts";
import type { Parking } from "./parking.ts";
import { createSuspicion } from "./suspicion.ts";
import { createTurns, type Turn } from "./turns.ts";

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
  /** Whether a request of our own waits for its answer there that is expected soon. */
  readonly asks: boolean;
  /** Sends an agent's call under its native name. */
  call(call: Call, calling: Calling): Promise<LinkAttempt>;
  /** Takes a message that came with no request: it is the only running call's, or nobody's. Tells which. */
  overhear(message: Message): boolean;
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
  /** Counts for the channel, so that the handshake and the calls never share an id. */
  readonly nextId: () => number;
  readonly clock: Clock;
  readonly parking: Parking;
  /** What came with a call and is none of its business: news, or a request when it cannot be asked or has ended. */
  unclaimed(message: Message): void;
}

interface Listener extends Placed {
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
  /** Questions that do not say which call they belong to belong to the only one. */
  const turns = asks && !channel.attributes ? createTurns(clock) : undefined;

  const running = new Running<Listener>();
  const open = new Set<OpenCall>();
  const suspicion = createSuspicion(clock);
  let logLevel: string | undefined;
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
    if (era.setsLogLevel && call.logLevel !== undefined) await raiseLogLevel(call.logLevel, call.signal);
    suspicion.began(call.caller.owner);
    const attempt = await (asks ? callAskably(call, calling) : callPlainly(call, calling));
    if (attempt.kind === "failed" && GIVEN_UP.has(attempt.fault)) suspicion.gaveUp();
    return attempt;
  }

  async function callPlainly(call: Call, calling: Calling): Promise<LinkAttempt> {
    const hear = (message: Message): Room => {
      if (message.kind === "request") unclaimed(message);
      else if (message.kind === "notification" && isNotice(message.method)) {
        return call.notify({ method: message.method, params: message.params ?? NOTHING });
      } else if (message.kind === "notification" && ASIDE.has(message.method)) unclaimed(message);
    };
    const listener: Listener = { place: -1, hear };
    running.add(listener);
    const capabilities = shownCapabilities(call.caller.capabilities);
    const reply = await outbound.send(call, {
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

  /** Where questions name no call, one call at a time; the wait counts as time of the call. */
  async function callAskably(call: Call, calling: Calling): Promise<LinkAttempt> {
    if (!turns) return callOpenly(call, calling, undefined).attempt;
    const { timeoutMs, maxTimeoutMs } = calling.timeouts;
    const askedAt = clock.now();
    const turn = await turns.take({ timeoutMs, signal: call.signal });
    if (turn.kind !== "go") {
      return failed({ fault: turn.kind, delivery: "not_sent", detail: "another call of this agent was still running" });
    }
    const waitedMs = clock.now() - askedAt;
    const timeouts = { timeoutMs: timeoutMs - waitedMs, maxTimeoutMs: maxTimeoutMs - waitedMs };
    const opened = callOpenly(call, { ...calling, timeouts }, turn.turn);
    void opened.call.done.then(() => turn.turn.pass());
    return opened.attempt;
  }

  function callOpenly(
    call: Call,
    calling: Calling,
    turn: Turn | undefined,
  ): { attempt: Promise<LinkAttempt>; call: OpenCall } {
    const { owner } = call.caller;
    const listener: Listener = { place: -1, hear: message => opened.call.hear(message) };
    const opened = openCall(
      {
        ...{ owner, clock, parking, declared, respond, unclaimed, turn, timeouts: calling.timeouts },
        send: async (signal, { hear, postponed }) => {
          const on = { onMessage: hear, onPostponed: postponed };
          const how = { ...calling, ...on, timeouts: UNTIMED, capabilities: declared, signal };
          return attemptOf(await outbound.send(call, how), era, { method: call.method, capabilities: declared });
        },
        ended() {
          running.remove(listener);
          open.delete(opened.call);
        },
      },
      call,
    );
    running.add(listener);
    open.add(opened.call);
    return opened;
  }

  /** The conversation's level is the most verbose that any of its agents wants; each agent sees only its own. */
  async function raiseLogLevel(level: string, signal: AbortSignal): Promise<void> {
    if (!introduction.capabilities.has("logging") || (logLevel !== undefined && isSevereEnough(level, logLevel)))
      return;
    logLevel = level;
    await ask("logging/setLevel", Payload.of({ level }), { timeoutMs: SET_LEVEL_TIMEOUT_MS, signal });
  }

  /** Whom a message is for that does not say so. */
  function candidate(message: Message): { hear(message: Message): void } | undefined {
    if (message.kind === "request") return onlyOf([...open].filter(call => call.waiting));
    if (message.kind !== "notification") return undefined;
    const sure = message.method === "notifications/cancelled" || suspicion.clear;
    return BESIDE.has(message.method) && sure ? running.only : undefined;
  }

  return {
    ...introduction,
    ...{ era, channel, declared, call, ask, respond },
    get asks() {
      return asking > 0;
    },
    get inUse() {
      return running.size > 0;
    },
    overhear(message) {
      const only = candidate(message);
      only?.hear(message);
      return only !== undefined;
    },
    notify: (method, params) => channel.notify(notificationText(method, params), era.headers(version)),
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

const onlyOf = <T>(members: readonly T[]): T | undefined => (members.length === 1 ? members[0] : undefined);
