import type { Clock, Random } from "../../core/ports.ts";
import type { Channel, ChannelEvents, StreamWatcher } from "../channel/channel.ts";
import type { ReplyRoom } from "../channel/inbound-memory.ts";
import type { Secrets } from "../channel/secrets.ts";
import { CallExchange, type CallHost } from "./call-exchange.ts";
import type { TokenSource } from "./credentials.ts";
import { deliver } from "./deliver.ts";
import { openDispatcher, type UpstreamDispatcher } from "./dispatcher.ts";
import { failure } from "./faults.ts";
import { authorityOf, withSession } from "./headers.ts";
import { createHttpLink, type Sharing } from "./http-link.ts";
import { header } from "./statuses.ts";
import { openStandaloneStream } from "./stream.ts";

export interface HttpChannelOptions {
  readonly url: string;
  /** Sent with every request. Those that the protocol or the connection owns are left out. */
  readonly headers: Readonly<Record<string, string>>;
  readonly userAgent?: string;
  readonly credentials?: TokenSource;
  readonly clock: Clock;
  readonly random?: Random;
  readonly maxMessageBytes?: number;
  readonly keepAliveMs?: number;
  /** Learns what the upstream gives us to be known by. */
  readonly secrets?: Secrets;
  /** Shared with everything else that comes from the same upstream. */
  readonly room?: ReplyRoom;
  /** What the channels to one upstream know together. */
  readonly sharing?: Sharing;
  /** Shared with other channels to the same upstream under the same credentials; whoever opened it closes it. */
  readonly dispatcher?: UpstreamDispatcher;
}

export interface HttpChannel extends Channel {
  /** The session that the upstream gave us, sent with everything after `initialize`. */
  readonly sessionId: string | undefined;
  readonly holdsState: boolean;
  /** How the upstream refused to open it, where that may mean that it speaks the other transport. */
  readonly refusal: number | undefined;
  /** Messages that came after an answer, or that nobody asked for. */
  readonly dropped: number;
  openStream(headers: Readonly<Record<string, string>>, watcher?: StreamWatcher): void;
  /** Tells the upstream that the session is over. Never rejects; takes two seconds at most. */
  endSession(): Promise<void>;
}

const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;
/** https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#backwards-compatibility */
const SPEAKS_OTHER: ReadonlySet<number> = new Set([400, 404, 405]);
const NOTIFY_TIMEOUT_MS = 10_000;
/** Shorter ones can be guessed, and occur in other texts. */
const NAME_LENGTH = 12;
const END_SESSION_TIMEOUT_MS = 2_000;
/** https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#session-management */
const SESSION_ID = /^[\x21-\x7e]+$/;

/**
 * Streamable HTTP of every revision: each message is a POST of its own, an answer comes as JSON or as an event stream.
 * https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http
 */
export function openHttpChannel(options: HttpChannelOptions, events: ChannelEvents): HttpChannel {
  const { random = Math.random, maxMessageBytes = MAX_MESSAGE_BYTES } = options;
  const { pathname, search } = new URL(options.url);
  const path = pathname + search;
  const dispatcher = options.dispatcher ?? openDispatcher({ ...options, authority: authorityOf(options.headers) });
  const link = createHttpLink({ ...options, dispatcher });
  let sessionId: string | undefined;
  /** Headers that the session's revision wants, as last used. */
  let sessionHeaders: Readonly<Record<string, string>> = {};
  let dropped = 0;
  let heard = 0;
  let refusal: number | undefined;
  let closing: Promise<void> | undefined;
  let discarded = false;
  let stopStream = (): void => {};

  const drop = (): void => {
    dropped++;
  };
  const ownHeaders = { POST: link.headers.post, GET: link.headers.get };
  const setSession = (id: string | undefined): void => {
    sessionId = id;
    ownHeaders.POST = withSession(link.headers.post, id);
    ownHeaders.GET = withSession(link.headers.get, id);
  };
  const host: CallHost = {
    ...{ link, path, random, maxMessageBytes, dropped: drop },
    ownHeaders: method => ownHeaders[method],
    get session() {
      return sessionId;
    },
    closing: () => discarded || closing !== undefined,
    sawHead(method, head) {
      if (method !== "initialize") return true;
      refusal = SPEAKS_OTHER.has(head.status) ? head.status : undefined;
      if (head.status >= 300) return true;
      const given = header(head, "mcp-session-id");
      if (given !== undefined && !SESSION_ID.test(given)) return false;
      setSession(given);
      // Whoever knows it can speak as us.
      if (given !== undefined && given.length >= NAME_LENGTH) options.secrets?.learnName(given);
      return true;
    },
  };

  const endSession = async (): Promise<void> => {
    if (sessionId === undefined) return;
    const session = withSession([], sessionId);
    setSession(undefined);
    await deliver(link, {
      ...{ lane: "control", method: "DELETE", path, headers: sessionHeaders, ownHeaders: session, body: null },
      timeoutMs: END_SESSION_TIMEOUT_MS,
    });
  };

  const close = async (): Promise<void> => {
    stopStream();
    link.running.stopAll();
    await endSession();
    link.running.stopAll();
    if (!options.dispatcher) await dispatcher.close();
    if (!discarded) events.closed("closed by us");
  };
  const closeOnce = (): Promise<void> => {
    closing ??= close();
    return closing;
  };

  return {
    cancels: false,
    attributes: true,
    get sessionId() {
      return sessionId;
    },
    get heard() {
      return heard;
    },
    get holdsState() {
      return sessionId !== undefined || !link.cookies.isEmpty || link.sharing.personal;
    },
    get refusal() {
      return refusal;
    },
    get dropped() {
      return dropped;
    },
    request(request, done) {
      if (!host.closing()) new CallExchange(host, request, done).begin();
      else done({ kind: "failed", ...failure("connection_lost", "not_sent", "the channel was closed") });
    },
    async notify(message, headers) {
      if (closing) return;
      sessionHeaders = headers;
      await deliver(link, {
        ...{ lane: "control", method: "POST", path, body: [message], timeoutMs: NOTIFY_TIMEOUT_MS },
        ...{ headers, ownHeaders: ownHeaders.POST },
      });
    },
    openStream(headers, watcher) {
      if (host.closing()) return;
      stopStream();
      sessionHeaders = headers;
      stopStream = openStandaloneStream({
        ...{ link, path, random, maxMessageBytes, onDropped: drop },
        ...{ headers, ownHeaders: () => ownHeaders.GET },
        onMessage(message) {
          heard++;
          events.message(message);
        },
        watcher,
      });
    },
    endSession,
    async discard() {
      stopStream();
      // Each exchange has a connection of its own: what one of them met says nothing about the others.
      if (!options.dispatcher || link.running.size === 0) return closeOnce();
      if (discarded || closing) return;
      discarded = true;
      link.running.finish();
      events.closed("given up");
    },
    close: closeOnce,
  };
}
