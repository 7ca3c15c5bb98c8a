import type { Room } from "../../core/call.ts";
import type { AttemptFailure } from "../../core/failure.ts";
import type { Payload } from "../../core/payload.ts";
import type { Signal } from "../../core/signal.ts";
import type { Message } from "../../wire/message.ts";

/** One JSON-RPC request towards an upstream, ready to be sent. */
export interface OutboundRequest {
  /** Ours, unique on its channel. */
  readonly id: number;
  readonly method: string;
  /** The whole JSON-RPC message; written one part after the other. Holds no line break outside strings. */
  readonly parts: readonly Buffer[];
  /** Extra HTTP headers; channels without headers ignore them. */
  readonly headers: Readonly<Record<string, string>>;
  /** Aborting it cancels the request: the answer is no longer wanted. */
  readonly signal: Signal;
  /** Until this much time has passed without an answer (progress starts it anew, up to `maxTimeoutMs`). */
  readonly timeoutMs: number;
  readonly maxTimeoutMs: number;
  /** Notifications and requests of the upstream that belong to this request, before its answer. */
  onMessage(message: Message): Room;
  /** The upstream has ended the stream of its own accord, and will be asked on another one for its answer. */
  readonly onPostponed?: (() => void) | undefined;
}

/**
 * A request that carried a session was refused: perhaps because the upstream does not know the session any more.
 * `undone`: nothing was done for it; `unknown`: nobody knows.
 */
export type Doubt = "undone" | "unknown";

/** What became of a request. Never thrown. `status` is the HTTP status where there is one. */
export type Reply =
  | { readonly kind: "result"; readonly result: Payload }
  | { readonly kind: "error"; readonly error: Payload; readonly status?: number; readonly doubt?: Doubt }
  | ({ readonly kind: "failed"; readonly status?: number; readonly doubt?: Doubt } & AttemptFailure);

/** What a channel tells its owner without being asked. */
export interface ChannelEvents {
  /** A message that belongs to no request in flight. */
  message(message: Message): void;
  /** The transport is gone (said once, also after `close`). `detail` is what a person should read. */
  closed(detail: string): void;
  /** The first thing came from the other side, whatever it was. */
  alive?(): void;
  /** An answer came that belongs to nothing that was asked, in words. */
  stray?(what: string): void;
}

/** Hears what becomes of a stream that carries what belongs to no request. */
export interface StreamWatcher {
  /** It is open; `gap`: for a while it was not, and nobody knows what was said then. */
  opened(gap: boolean): void;
  /** The upstream offers none, or none any more. */
  refused(status: number): void;
}

/** A child process, as far as people are shown it. */
export interface ChannelChild {
  /** `undefined` when it could not be started. */
  readonly pid: number | undefined;
  /** Its last lines on stderr, newest last; then what it printed on stdout that is no message, marked as such. */
  stderr(): readonly string[];
}

/**
 * A transport to one upstream: moves JSON-RPC messages, knows no protocol revision. One channel may carry many
 * requests at once; every request ends with exactly one reply.
 */
export interface Channel {
  /** `done` is called exactly once, perhaps before this returns. */
  request(request: OutboundRequest, done: (reply: Reply) => void): void;
  /** Sends a notification or a response. Resolves when it was handed over; never rejects. */
  notify(message: Buffer, headers: Readonly<Record<string, string>>): Promise<void>;
  /** Whether it tells the upstream by itself that a request was abandoned. */
  readonly cancels: boolean;
  /** Whether the upstream's own requests arrive with the request of ours that they belong to. */
  readonly attributes: boolean;
  /** Ends every request in flight and releases everything. Resolves when nothing is left. */
  close(): Promise<void>;
  /** Takes no further requests. Those under way go on, where each has a line of its own, and end with their own answers. */
  discard(): Promise<void>;
  /** Messages that came on a line that requests share, of whatever use they were: each is a sign of life. */
  readonly heard: number;
  /** The child behind it, where a child is. */
  readonly child?: ChannelChild;
  /** Whether the upstream keeps state for this conversation; absent where the transport does not tell. */
  readonly holdsState?: boolean;
  /**
   * Opens the stream on which the upstream tells what belongs to no request, where the transport has one of its own; at
   * most one at a time. An upstream that offers none is left alone.
   */
  openStream?(headers: Readonly<Record<string, string>>, watcher?: StreamWatcher): void;
  /** Why its upstream may not be understood, while nothing of it has been; says more once it is given up. */
  trouble?(stage: "opening" | "given_up"): string | undefined;
}

/** For those who would rather wait. */
export function requestOn(channel: Pick<Channel, "request">, request: OutboundRequest): Promise<Reply> {
  return new Promise(resolve => channel.request(request, resolve));
}
