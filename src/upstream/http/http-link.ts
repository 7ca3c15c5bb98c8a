import type { Clock } from "../../core/ports.ts";
import { Deadlines } from "../../lib/deadlines.ts";
import { createFloodGates, type FloodGate } from "../channel/flood-gate.ts";
import { createReplyRooms, type ReplyRoom } from "../channel/inbound-memory.ts";
import type { Secrets } from "../channel/secrets.ts";
import { type CookieJar, createCookieJar } from "./cookies.ts";
import type { TokenSource } from "./credentials.ts";
import type { UpstreamDispatcher } from "./dispatcher.ts";
import { type ChannelHeaders, channelHeaders } from "./headers.ts";
import type { Place } from "./redirects.ts";
import { createRequestHeads, type HeadParts, type RequestHead } from "./request-head.ts";
import type { ReplyHead } from "./statuses.ts";
import type { Lane } from "./transport.ts";
import { hostOf, isLoopback } from "./url-parts.ts";

/** What every HTTP exchange of one channel has in common. */
export interface HttpLink {
  readonly clock: Clock;
  readonly dispatcher: UpstreamDispatcher;
  readonly credentials: TokenSource | undefined;
  readonly headers: ChannelHeaders;
  /** The configured one. */
  readonly origin: string;
  readonly cookies: CookieJar;
  readonly sharing: Sharing;
  /** Whether nobody but one agent, or ourselves, uses the conversation. */
  readonly personal: boolean;
  /** Where redirects have led, by method and path, such as `POST /mcp`. */
  readonly moved: Map<string, Place>;
  /** Where messages gather until they are complete. */
  readonly room: ReplyRoom;
  /** Keeps what the upstream says unasked from taking all the time. */
  readonly flood: FloodGate;
  /** Everything that still runs, so that closing the channel can end it. */
  readonly running: Deadlines;
  /** The head of a request; the same object for the same parts as before. */
  requestHead(parts: HeadParts): RequestHead;
}

/** What a channel asks for. */
export interface LinkRequest {
  readonly lane: Lane;
  readonly method: RequestHead["method"];
  readonly path: string;
  /** Those of the protocol revision, by name. */
  readonly headers: Readonly<Record<string, string>>;
  /** Name, value, name, value, … The same list while it says the same. Credentials and configured ones are added. */
  readonly ownHeaders: readonly string[];
  readonly body: readonly Buffer[] | null;
  /** Whether it opens the conversation, so that what its reply sets belongs to the conversation and to no call. */
  readonly opening?: boolean;
}

/** What is known of one upstream on all its channels. */
export interface Sharing {
  /** It sets cookies in answer to calls of agents, so that each needs a conversation of its own. */
  personal: boolean;
}

export interface HttpLinkOptions {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly userAgent?: string | undefined;
  readonly credentials?: TokenSource;
  readonly clock: Clock;
  readonly dispatcher: UpstreamDispatcher;
  readonly room?: ReplyRoom;
  readonly flood?: FloodGate;
  readonly sharing?: Sharing;
  readonly secrets?: Secrets;
}

const USER_AGENT = "radium-mcp-proxy";

export function createHttpLink(options: HttpLinkOptions): HttpLink {
  const { clock, credentials, dispatcher, userAgent = USER_AGENT } = options;
  const url = new URL(options.url);
  const sharing = options.sharing ?? { personal: false };
  const headers = channelHeaders({ url: options.url, headers: options.headers, credentials, userAgent });
  return {
    ...{ clock, dispatcher, credentials, headers, origin: url.origin, moved: new Map() },
    cookies: createCookieJar({
      clock,
      hostname: url.hostname,
      trustworthy: url.protocol === "https:" || isLoopback(hostOf(url)),
      configured: headers.cookie,
      ...(options.secrets && { secrets: options.secrets }),
    }),
    ...{ sharing, personal: sharing.personal },
    room: options.room ?? createReplyRooms({ clock }).room(),
    flood: options.flood ?? createFloodGates(clock).gate(),
    running: new Deadlines(clock),
    requestHead: createRequestHeads(),
  };
}

/**
 * Keeps the cookies that a reply sets, and tells whether it has. What a call of an agent sets is for that agent: where
 * others share the conversation, it is not kept for them.
 */
export function takeCookies(
  { cookies, sharing, personal }: HttpLink,
  head: ReplyHead,
  { opening, path }: { readonly opening: boolean; readonly path: string },
): boolean {
  const keep = opening || personal || !cookies.isEmpty;
  const sets = cookies.take(head, path, keep);
  if (sets && !keep) sharing.personal = true;
  return sets && keep;
}
