import type { Room } from "../core/call.ts";
import type { Payload } from "../core/payload.ts";
import { errorText, oneLine, type RawId, resultParts } from "../wire/message.ts";
import type { WireError } from "../wire/rpc-errors.ts";
import { sseEvent } from "../wire/sse.ts";
import type { SendAnswer } from "./answers.ts";
import type { Backlog } from "./backlog.ts";
import type { Outbound } from "./outbound.ts";
import type { Answer } from "./serve.ts";

/** Where the answer to one request goes, and what is told before it. */
export interface Exchange {
  /** Whether the agent sees what is told before the answer. */
  readonly canTell: boolean;
  notify(notification: Buffer): Room;
  /** The answer has been put off: begins a stream that can be kept alive and taken up again, where there are such. */
  postponed?(): void;
  result(id: RawId, result: Payload): void;
  error(id: RawId | undefined, error: WireError): void;
  /** No answer will come: the agent does not want one any more. */
  abandon(): void;
}

export function reply(exchange: Exchange, id: RawId, answer: Answer): void {
  if (answer.kind === "result") exchange.result(id, answer.result);
  else exchange.error(id, answer.error);
}

export const STREAM_HEADERS = {
  "content-type": "text/event-stream",
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no",
} as const;

const NO_HEADERS = {};
const LINE_BREAK = Buffer.from("\n");

export interface PostExchange extends Exchange {
  /** Makes it a stream before there is anything to be told. */
  begin(): void;
}

/** The response to a POST: one JSON object, or a stream as soon as something has to be told before it. */
export function postExchange(
  response: Outbound,
  options: {
    statusOf(code: number): number;
    headers: Readonly<Record<string, string>>;
    send: SendAnswer;
    backlog: Backlog;
  },
): PostExchange {
  const { backlog } = options;
  let streaming = false;
  let answered = false;

  const stream = (text: readonly Buffer[]): Room => backlog.write(response, [sseEvent({ data: text })]);

  function answer(
    parts: readonly Buffer[],
    status: number,
    extra: Readonly<Record<string, string>> = NO_HEADERS,
  ): void {
    if (answered || response.destroyed || response.writableEnded) return;
    answered = true;
    if (streaming) {
      stream(parts.map(oneLine));
      response.end();
      backlog.written(response);
      return;
    }
    const headers: string[] = [];
    for (const name in options.headers) headers.push(name, options.headers[name]!);
    for (const name in extra) headers.push(name, extra[name]!);
    options.send({ response, status, headers, body: parts });
  }

  function begin(): void {
    if (answered || streaming) return;
    streaming = true;
    if (!response.destroyed) response.writeHead(200, { ...options.headers, ...STREAM_HEADERS });
  }

  return {
    canTell: true,
    begin,
    notify(notification) {
      if (answered) return;
      begin();
      return stream([oneLine(notification)]);
    },
    result: (id, result) => answer(resultParts(id, result), 200),
    error(id, error) {
      const retryAfter =
        error.retryAfterMs === undefined ? {} : { "retry-after": retryAfterSeconds(error.retryAfterMs) };
      answer([errorText(id, error.error)], options.statusOf(error.code), retryAfter);
    },
    abandon() {
      if (answered) return;
      if (!streaming && !response.headersSent) response.writeHead(200, { ...options.headers, ...STREAM_HEADERS });
      response.end();
    },
  };
}

/** Rounded up: who waits that long is let in. */
export const retryAfterSeconds = (ms: number): string => String(Math.max(1, Math.ceil(ms / 1000)));

/** One stream for everything (HTTP+SSE of 2024-11-05, a GET stream): each message is an event. */
export function streamExchange(response: Outbound, backlog: Backlog): Exchange & { send(message: Buffer): void } {
  return messageExchange(message =>
    backlog.write(response, [sseEvent({ event: "message", data: [oneLine(message)] })]),
  );
}

/** A channel that carries whole messages. */
export function messageExchange(send: (message: Buffer) => Room): Exchange & { send(message: Buffer): void } {
  return {
    send,
    canTell: true,
    notify: send,
    result: (id, result) => send(Buffer.concat(resultParts(id, result))),
    error: (id, error) => send(errorText(id, error.error)),
    abandon: () => {},
  };
}

/** For channels that frame by lines. */
export const asLine = (message: Buffer): Buffer => Buffer.concat([oneLine(message), LINE_BREAK]);
