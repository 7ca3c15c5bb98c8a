import type { Room } from "../core/call.ts";
import type { Clock } from "../core/ports.ts";
import { sseEvent } from "../wire/sse.ts";
import type { ShareEvents } from "./event-share.ts";
import type { StreamIds } from "./session-ids.ts";

/** Where the events of a stream go now. */
export interface Sink {
  /** Takes one event or several. */
  write(events: Buffer): Room;
  end(): void;
}

/** The messages of one stream, numbered, so that it can be taken up again after the connection broke. */
export interface EventStream {
  send(message: Buffer): Room;
  /** Nothing follows. What was sent can still be read again for a while. */
  end(): void;
  /** Sends everything after event `after` (0: the first) to the sink, and from now on what follows. */
  attach(sink: Sink, after: number): void;
  /** The connection is gone. */
  detach(sink: Sink): void;
  /** Id of the beginning, before the first message. */
  readonly start: string;
}

/** The streams of one session that can be taken up again. */
export interface EventRing {
  open(): EventStream;
  /** `undefined` for an id that is not of this session, or when something after it is no longer kept. */
  find(lastEventId: string): { stream: EventStream; after: number } | undefined;
  /** Forgets what is too old. */
  sweep(): void;
  /** Ends every stream that is being read and forgets everything. */
  close(): void;
}

export const RING = {
  maxBytes: 1024 * 1024,
  maxAgeMs: 5 * 60_000,
} as const;

export interface EventRingOptions {
  readonly clock: Clock;
  /** Takes a share of what all sessions together may keep. */
  readonly share: ShareEvents;
  readonly ids: StreamIds;
}

interface Kept {
  readonly stream: Stream;
  readonly event: Buffer;
  readonly at: number;
}

interface Stream extends EventStream {
  readonly number: number;
  /** Number of the oldest event that is kept; one more than the last sent where none is. */
  first: number;
  readonly events: Buffer[];
  readonly ended: boolean;
  close(): void;
}

/**
 * An event's id is `<sealed stream>.<number>`. Whose stream it is cannot be made up; the number only says how much of it
 * was read, and whoever may read the stream may say that.
 * https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#resumability-and-redelivery
 */
export function createEventRing({ clock, share: shareWith, ids }: EventRingOptions): EventRing {
  const streams = new Map<number, Stream>();
  let opened = 0;
  let closed = false;
  /** Of all streams, oldest first. */
  const kept: Kept[] = [];
  const share = shareWith(forgetHalf);

  function forgetOldest(): void {
    const oldest = kept.shift();
    if (!oldest) return;
    share.change(-oldest.event.length);
    oldest.stream.events.shift();
    oldest.stream.first++;
    forgetIfOver(oldest.stream);
  }

  function forgetHalf(): void {
    const half = share.bytes / 2;
    do forgetOldest();
    while (kept.length > 0 && share.bytes > half);
  }

  function forgetIfOver(stream: Stream): void {
    if (stream.ended && stream.events.length === 0) streams.delete(stream.number);
  }

  function sweep(): void {
    const oldestAt = clock.now() - RING.maxAgeMs;
    for (let oldest = kept[0]; oldest && oldest.at < oldestAt; oldest = kept[0]) forgetOldest();
  }

  function keep(stream: Stream, event: Buffer): void {
    // What a call that is being ended still says is for nobody.
    if (closed) return;
    sweep();
    // What is kept before it goes first: it must never look like more than one session may keep.
    while (kept.length > 0 && share.bytes + event.length > RING.maxBytes) forgetOldest();
    if (event.length > RING.maxBytes) {
      stream.first++;
      return;
    }
    kept.push({ stream, event, at: clock.now() });
    stream.events.push(event);
    share.change(event.length);
  }

  function open(): EventStream {
    const number = ++opened;
    const sealed = ids.seal(number);
    let sink: Sink | undefined;
    let sent = 0;
    let ended = false;
    const stream: Stream = {
      number,
      start: `${sealed}.0`,
      first: 1,
      events: [],
      get ended() {
        return ended;
      },
      send(message) {
        const event = sseEvent({ id: `${sealed}.${++sent}`, data: [message] });
        const room = sink?.write(event);
        keep(stream, event);
        return room;
      },
      end() {
        ended = true;
        stream.close();
        forgetIfOver(stream);
      },
      attach(next, after) {
        sink?.end();
        sink = next;
        const missed = stream.events.slice(Math.max(0, after + 1 - stream.first));
        // In one piece: of many the last ones would find too much waiting, and the connection would be cut each time.
        if (missed.length > 0) next.write(Buffer.concat(missed));
        if (ended) stream.close();
      },
      detach(gone) {
        if (sink === gone) sink = undefined;
      },
      close() {
        sink?.end();
        sink = undefined;
      },
    };
    streams.set(number, stream);
    return stream;
  }

  return {
    open,
    find(lastEventId) {
      sweep();
      const [, sealed, read] = /^([^.]*)\.(\d{1,15})$/.exec(lastEventId) ?? [];
      const number = sealed === undefined ? undefined : ids.open(sealed);
      const stream = number === undefined ? undefined : streams.get(number);
      const after = Number(read);
      if (!stream || after < stream.first - 1) return undefined;
      return after < stream.first + stream.events.length ? { stream, after } : undefined;
    },
    sweep,
    close() {
      closed = true;
      for (const stream of streams.values()) stream.close();
      streams.clear();
      while (kept.length > 0) forgetOldest();
      share.end();
    },
  };
}
