import { errorText, oneLine, resultParts } from "../wire/message.ts";
import { SSE_COMMENT } from "../wire/sse.ts";
import type { SendAnswer } from "./answers.ts";
import type { Backlog } from "./backlog.ts";
import { joinAnswers } from "./batch.ts";
import { type Exchange, retryAfterSeconds, STREAM_HEADERS } from "./exchange.ts";
import type { Outbound } from "./outbound.ts";
import type { EventRing, EventStream, Sink } from "./resume.ts";
import type { Streams } from "./streams.ts";

export const SESSION_POST = {
  /** A call that is not answered by then gets a stream, which can be kept alive and taken up again. */
  streamAfterMs: 5_000,
  /** How long an agent waits before it takes up a stream that broke. */
  retryMs: 1_000,
} as const;

export interface SessionPostOptions {
  readonly response: Outbound;
  readonly send: SendAnswer;
  readonly headers: Readonly<Record<string, string>>;
  readonly events: EventRing;
  readonly backlog: Backlog;
  readonly streams: Streams;
  /** Whether the agent reads an event without data; older ones fail on it. */
  readonly primes: boolean;
  /** Whether the agent reads event streams at all. */
  readonly acceptsStream: boolean;
  /** Whether it reads an answer that comes alone; one that reads neither gets that all the same. */
  readonly acceptsJson: boolean;
  /** How many answers there will be; `undefined` for the one to a request that came alone. */
  readonly batched: number | undefined;
}

/** Sends the events of a stream to one connection. */
export function responseSink(response: Outbound, backlog: Backlog): Sink {
  return {
    write: event => backlog.write(response, [event]),
    end() {
      response.end();
      backlog.written(response);
    },
  };
}

/**
 * The response to a POST within a session: JSON when it is answered soon and nothing has to be said before, else an
 * event stream that outlives its connection.
 */
export function sessionPost(options: SessionPostOptions): Exchange {
  const { response, headers, batched, acceptsStream, streams } = options;
  const ready: Buffer[] = [];
  let left = batched ?? 1;
  let stream: EventStream | undefined;
  let retryAfterMs: number | undefined;
  const cancel = acceptsStream ? streams.after(SESSION_POST.streamAfterMs, () => void open()) : () => {};

  /** `undefined` where there can be no stream: the agent has not learned of any, and is gone. */
  function open(): EventStream | undefined {
    if (stream || !acceptsStream || response.destroyed || response.headersSent) return stream;
    cancel();
    const opened = options.events.open();
    stream = opened;
    response.writeHead(200, { ...headers, ...STREAM_HEADERS });
    // A first event tells where to go on from; whoever could not read it gets something to see all the same.
    const { retryMs } = SESSION_POST;
    response.write(options.primes ? `id: ${opened.start}\nretry: ${retryMs}\ndata: \n\n` : SSE_COMMENT);
    const sink = responseSink(response, options.backlog);
    opened.attach(sink, 0);
    streams.keep(response, { closed: () => opened.detach(sink) });
    for (const answer of ready.splice(0)) opened.send(oneLine(answer));
    return opened;
  }

  if (!options.acceptsJson) open();

  function answer(text: Buffer | undefined): void {
    left--;
    if (text && stream) stream.send(oneLine(text));
    else if (text) ready.push(text);
    if (left > 0) return;
    cancel();
    if (stream) stream.end();
    else finish();
  }

  function finish(): void {
    if (response.destroyed || response.headersSent) return;
    const [only] = ready;
    if (!only) {
      response.writeHead(200, { ...headers, ...STREAM_HEADERS }).end();
      return;
    }
    const body = batched === undefined ? only : joinAnswers(ready);
    const head: string[] = [];
    for (const name in headers) head.push(name, headers[name]!);
    if (retryAfterMs !== undefined) head.push("retry-after", retryAfterSeconds(retryAfterMs));
    options.send({ response, status: 200, headers: head, body: [body] });
  }

  return {
    get canTell() {
      return stream !== undefined || (acceptsStream && !response.destroyed);
    },
    notify(message) {
      return left > 0 ? open()?.send(oneLine(message)) : undefined;
    },
    // The connection is kept although the upstream kept none: not every agent comes back to one that was ended.
    postponed() {
      if (left > 0) open();
    },
    result: (id, result) => answer(Buffer.concat(resultParts(id, result))),
    error(id, error) {
      retryAfterMs = error.retryAfterMs;
      answer(errorText(id, error.error));
    },
    abandon: () => answer(undefined),
  };
}
