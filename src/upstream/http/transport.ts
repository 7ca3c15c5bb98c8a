import type { LookupFunction } from "node:net";
import type { Clock } from "../../core/ports.ts";
import type { HttpProxy } from "./proxy.ts";
import type { RequestHead } from "./request-head.ts";
import type { ReplyHead } from "./statuses.ts";

export interface TransportOptions {
  /** Any URL of the upstream; only its origin counts. */
  readonly url: string;
  readonly clock: Clock;
  /** How long an unused connection is kept where the upstream does not say. */
  readonly keepAliveMs?: number;
  readonly connectTimeoutMs?: number;
  /** How the host's name is looked up, by default as the system does. */
  readonly lookup?: LookupFunction;
  /** PEM certificates to trust instead of the system's. */
  readonly ca?: string;
  /** What the `Host` header says where that is not the URL's host. */
  readonly authority?: string | undefined;
  readonly proxy?: HttpProxy | undefined;
  /** Whether any certificate will do, of the upstream and not of a proxy. */
  readonly skipsVerification?: boolean;
}

/**
 * - `call`: queues behind other calls when there are many.
 * - `control`: sent at once, since calls may be waiting for it.
 * - `stream`: stays open for long.
 */
export type Lane = "call" | "control" | "stream";

export interface HttpRequest {
  readonly lane: Lane;
  readonly head: RequestHead;
  /** Those of this request alone, by name. */
  readonly headers: Readonly<Record<string, string>>;
  /** Goes to the same host over TLS, because the upstream said so. */
  readonly upgraded: boolean;
  /** Sent one part after the other. */
  readonly body: readonly Buffer[] | null;
}

/**
 * One request and its reply, as transports see it. It takes `sent`, a head, data, then either `end` or `fail`; nothing
 * once it is over.
 */
export interface Exchange {
  readonly request: HttpRequest;
  /** Whether nothing of the reply is wanted any more. What is over is not begun. */
  readonly isOver: boolean;
  /** The connection that carries it. Set by the transport, from when it is sent until its reply has ended. */
  carrier: Carrier | undefined;
  /** How it stands in the queue of the dispatcher. */
  turn: "none" | "waiting" | "running";
  /** Monotonic milliseconds. */
  queuedAt: number;
  /** The request is being written from now on. */
  sent(): void;
  head(head: ReplyHead): void;
  /** `chunk` is only lent: it may be overwritten after the call. */
  data(chunk: Buffer): void;
  end(): void;
  fail(error: unknown): void;
}

/** The connection of one exchange. */
export interface Carrier {
  /** Closes the connection; its exchange hears nothing more. */
  abandon(): void;
  /** Reads no further until `resume`; what has been read already may still come. */
  pause(): void;
  resume(): void;
}

/** Carries exchanges to one origin, any number at once. */
export interface Transport {
  start(exchange: Exchange): void;
  /** Breaks every exchange with this error and closes every connection. */
  close(error: Error): Promise<void>;
}
