import type { Random } from "../../core/ports.ts";
import type { Message } from "../../wire/message.ts";
import { passBy } from "../../wire/oversized.ts";
import { sseParser } from "../../wire/sse.ts";
import { reconnectMs } from "../channel/backoff.ts";
import type { StreamWatcher } from "../channel/channel.ts";
import { readUpstreamMessage } from "../channel/read-message.ts";
import type { HttpLink } from "./http-link.ts";
import { ListenedExchange } from "./listened-exchange.ts";
import { header, isEventStream, type ReplyHead, retryAfterMs } from "./statuses.ts";

export interface StreamOptions {
  readonly link: HttpLink;
  readonly path: string;
  readonly random: Random;
  readonly maxMessageBytes: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Headers of the channel, with the session that there is, read anew for every connection. */
  ownHeaders(): readonly string[];
  onMessage(message: Message): void;
  /** Something came that is no message, or a response that nobody asked for. */
  onDropped(): void;
  readonly watcher?: StreamWatcher | undefined;
}

const TRANSIENT = new Set([401, 408, 429]);

/**
 * The stream on which an upstream of 2025-03-26 to 2025-11-25 sends what belongs to no request. Connects again,
 * where it left off, until it is stopped or the upstream says that it offers none. Returns the function that stops it.
 * https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#listening-for-messages-from-the-server
 */
export function openStandaloneStream(options: StreamOptions): () => void {
  const { link, path, random, maxMessageBytes } = options;
  let stopped = false;
  let failures = 0;
  let wasOpen = false;
  let lastEventId: string | undefined;
  let retryMs: number | undefined;
  let exchange: ListenedExchange | undefined;
  let cancelWait = (): void => {};
  const holding = link.room.open();

  const connect = (): void => {
    const push = sseParser({
      maxEventBytes: maxMessageBytes,
      onHeld: bytes => {
        if (!holding.hold(bytes)) exchange?.hold(holding);
      },
      onTooLong: () => passBy(options.onDropped),
      onEvent: event => {
        if (event.retryMs !== undefined) retryMs = event.retryMs;
        if (event.id !== undefined) lastEventId = event.id;
        failures = 0;
        if (event.data.length === 0 || event.event !== "message" || stopped) return;
        const message = readUpstreamMessage(event.data);
        if (message.kind === "request" || message.kind === "notification") options.onMessage(message);
        else options.onDropped();
        const flooded = link.flood.count(event.data.length);
        if (flooded) exchange?.hold(flooded);
      },
    });
    const cursor = lastEventId === undefined ? [] : ["last-event-id", lastEventId];
    const ownHeaders = [...options.ownHeaders(), ...cursor];
    let streaming = false;
    const current = new ListenedExchange(link, {
      head: head => {
        streaming = isEventStream(head);
        if (streaming) {
          options.watcher?.opened(wasOpen && lastEventId === undefined);
          wasOpen = true;
          return;
        }
        current.drain();
        if (offersLater(head)) again(retryAfterMs(header(head, "retry-after"), link.clock.wall()));
        else {
          stop();
          options.watcher?.refused(head.status);
        }
      },
      data: chunk => {
        if (streaming) push(chunk);
      },
      end: () => {
        if (streaming) again();
      },
      failed: () => again(),
    });
    exchange = current;
    current.start({ lane: "stream", method: "GET", path, headers: options.headers, ownHeaders, body: null });
  };
  const again = (askedMs = retryMs): void => {
    if (stopped) return;
    cancelWait();
    holding.hold(0);
    cancelWait = link.clock.after(reconnectMs(askedMs, failures, random), connect);
    failures++;
  };
  const stop = (): void => {
    if (stopped) return;
    stopped = true;
    cancelWait();
    holding.hold(0);
    link.running.remove(handle);
    exchange?.abandon();
  };
  const handle = { place: -1, dueAt: Number.POSITIVE_INFINITY, expire: () => {}, stop };
  link.running.add(handle);
  connect();
  return stop;
}

/** Whether it is worth asking again: an upstream without such a stream answers 405 or some other 4xx. */
const offersLater = ({ status }: ReplyHead): boolean => status >= 500 || TRANSIENT.has(status);
