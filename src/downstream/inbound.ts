import type { IncomingHttpHeaders } from "node:http";
import type { Socket } from "node:net";

/** A request of an agent, as both readers give it. What `node:http` reads is one as it is. */
export interface Inbound {
  /** As it stands in the request line. */
  readonly url?: string | undefined;
  readonly method?: string | undefined;
  /** By name in lower case. */
  readonly headers: IncomingHttpHeaders;
  /** Name, value, name, value, … as they came. */
  readonly rawHeaders: readonly string[];
  readonly socket: Socket;
  /** Whether all of the body has come. */
  readonly complete: boolean;
  /** The body where it came in one piece with the head: then there are no events. */
  readonly whole?: Buffer | undefined;
  /** What was found out about the head. The next request of the connection has the same one if its head is the same. */
  readonly memo?: HeadMemo | undefined;
  /** Body bytes that come while nobody listens are lost: listen as soon as there is a request. */
  on(event: "data", listener: (chunk: Buffer) => void): unknown;
  on(event: "end" | "close" | "error", listener: () => void): unknown;
  once(event: "end", listener: () => void): unknown;
}

/** What depends on nothing but the bytes of a head. */
export interface HeadMemo {
  /** Kept by whoever judges heads. */
  verdict: unknown;
}
