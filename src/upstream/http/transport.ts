import type { LookupFunction } from "node:net";
import type { Clock } from "../../core/ports.ts";
import type { HttpProxy } from "./proxy.ts";
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
  readonly method: "POST" | "GET" | "DELETE";
  readonly path: string;
  /** Goes to the same host over TLS, because the upstream said so. */
  readonly upgraded?: boolean;
  /** Name, value, name, value, … */
  readonly headers: string[];
  /** Sent one part after the other. */
  readonly body: readonly Buffer[] | null;
}

/** Takes one reply: a head, data, then either the end or an error; nothing after it was abandoned. */
export interface ReplyReceiver {
  /** The request is being written from now on. */
  sent(): void;
  head(head: ReplyHead): void;
  data(chunk: Buffer): void;
  end(): void;
  broken(error: unknown): void;
}

/** An exchange on its way. */
export interface Ongoing {
  /** Closes its connection; the receiver hears nothing more. */
  abandon(): void;
  /** Reads no further until `resume`; what has been read already may still come. */
  pause(): void;
  resume(): void;
}

/** Carries exchanges to one origin, any number at once. */
export interface Transport {
  /** What it returns may only be abandoned before the reply has ended. */
  start(request: HttpRequest, receiver: ReplyReceiver): Ongoing;
  /** Breaks every exchange with this error and closes every connection. */
  close(error: Error): Promise<void>;
}
