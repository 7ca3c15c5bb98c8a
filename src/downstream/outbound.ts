import type { Socket } from "node:net";
import type { Inbound } from "./inbound.ts";

/** Names and values, or name, value, name, value, … Names are in lower case. */
export type OutboundHeaders = Readonly<Record<string, string | number>> | string[];

/**
 * The response to an agent, as both readers give it. One of `node:http` is one as it is, and whatever is not said here is
 * as it is there: https://nodejs.org/api/http.html#class-httpserverresponse
 */
export interface Outbound {
  readonly req: Inbound;
  /** `null` as long as an earlier response of the connection is not over. */
  readonly socket: Socket | null;
  /** Whether the connection may carry another request after this one. */
  shouldKeepAlive: boolean;
  readonly headersSent: boolean;
  readonly destroyed: boolean;
  readonly writableEnded: boolean;
  readonly writableFinished: boolean;
  /** Bytes that the kernel has not taken. */
  readonly writableLength: number;
  readonly writableNeedDrain: boolean;
  /** Leave to send a body, for whoever asked for it. */
  writeContinue(): void;
  setHeader(name: string, value: string): unknown;
  /** The head goes out with the first part of the body, or with the end. */
  writeHead(status: number, headers?: OutboundHeaders): Pick<Outbound, "end">;
  write(chunk: Buffer | string): boolean;
  end(chunk?: Buffer | string): unknown;
  /** Holds back what is written until the end. */
  cork(): void;
  /** A head and a body of `bytes` bytes as one piece, where that is better than part by part. */
  whole?(status: number, headers: string[], body: { readonly parts: readonly Buffer[]; bytes: number }): void;
  /** Gives up the connection. */
  destroy(): unknown;
  /** The timer of the connection, which begins again with every byte; 0 for none. */
  setTimeout(ms: number, listener?: () => void): unknown;
  on(event: OutboundEvent, listener: () => void): unknown;
  once(event: OutboundEvent, listener: () => void): unknown;
  removeListener(event: OutboundEvent, listener: () => void): unknown;
}

/** `finish`: the kernel has everything. `close`: it is over, in whatever way. */
export type OutboundEvent = "drain" | "finish" | "close" | "timeout";
