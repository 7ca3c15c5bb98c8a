import type { Call } from "../../core/call.ts";
import type { CacheHint } from "../../core/catalog.ts";
import type { OwnerId } from "../../core/names.ts";
import { Payload } from "../../core/payload.ts";
import type { UpstreamEra } from "../../wire/era.ts";
import { type Message, notificationText } from "../../wire/message.ts";
import { isSevereEnough } from "../../wire/methods.ts";
import type { Channel, Reply } from "../channel/channel.ts";
import { type LinkAttempt, NO_TIMEOUT_MS } from "./attempt.ts";
import { type Calling, type CallsParts, createLinkCalls } from "./link-calls.ts";
import type { Occupancy } from "./occupancy.ts";
import { type AskOptions, createOutbound } from "./outbound.ts";

/** What an upstream said of itself when the link was opened. */
export interface Introduction {
  readonly version: string;
  readonly capabilities: Payload;
  readonly serverInfo: Payload | undefined;
  readonly instructions: string | undefined;
  /** For how long what it said may be kept, if it said so. */
  readonly hint: CacheHint | undefined;
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
  /** Sends an agent's call under its native name. `done` is called once, perhaps before this returns. */
  call(call: Call, calling: Calling, done: (attempt: LinkAttempt) => void): void;
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

export interface LinkParts extends CallsParts {
  readonly introduction: Introduction;
}

const SET_LEVEL_TIMEOUT_MS = 5_000;

export function createLink(parts: LinkParts): Link {
  const { channel, era, introduction, declared } = parts;
  const { version } = introduction;
  const outbound = createOutbound({ ...parts, version });
  const { respond } = outbound;
  const notify = (method: string, params?: Payload): Promise<void> =>
    channel.notify(notificationText(method, params), era.headers(version));
  const calls = createLinkCalls({ ...parts, outbound, notify, raise });
  let logLevel: string | undefined;
  let asking = 0;

  /** What may take for ever, such as listening, is no work. */
  async function ask(method: string, params: Payload, options: AskOptions): Promise<Reply> {
    if (options.timeoutMs === NO_TIMEOUT_MS) return outbound.ask(method, params, options);
    asking++;
    try {
      return await outbound.ask(method, params, options);
    } finally {
      asking--;
    }
  }

  /** Has a more verbose level set, where this one is. */
  function raise({ logLevel: level, signal }: Call): Promise<unknown> | undefined {
    if (!era.setsLogLevel || level === undefined || !isNews(level)) return undefined;
    logLevel = level;
    return ask("logging/setLevel", Payload.of({ level }), { timeoutMs: SET_LEVEL_TIMEOUT_MS, signal });
  }

  /** The conversation's level is the most verbose that any of its agents wants; each agent sees only its own. */
  const isNews = (level: string): boolean =>
    introduction.capabilities.has("logging") && !(logLevel !== undefined && isSevereEnough(level, logLevel));

  return {
    ...introduction,
    ...{ era, channel, declared, ask, notify, respond },
    ...{ occupancy: calls.occupancy, unclaimed: parts.unclaimed, call: calls.call, overhear: calls.overhear },
    get isUsed() {
      return calls.isUsed;
    },
    get onlyOwner() {
      return calls.onlyOwner;
    },
    get asks() {
      return asking > 0;
    },
    get inUse() {
      return calls.inUse;
    },
    async close() {
      await calls.abandon();
      await outbound.flushed();
      await channel.close();
    },
    discard: () => channel.discard(),
  };
}
