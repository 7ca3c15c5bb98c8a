import type { View } from "../core/call.ts";
import type { Message } from "../wire/message.ts";
import type { Batch } from "./batch.ts";
import type { Inbound } from "./inbound.ts";
import type { Outbound } from "./outbound.ts";

/** Lets in what belongs to calls that run, and answers everything else. */
export interface Late {
  /** Whether it is to be served. */
  admits(text: Message | Batch): boolean;
}

/** One HTTP exchange of the MCP endpoint. */
export interface Visit {
  readonly request: Inbound;
  readonly response: Outbound;
  readonly view: View;
  /** Set where the gateway has begun to end: asked once what the request says, and whether that begins something. */
  readonly late: Late | undefined;
  /** Ends it with an internal error: takes what was thrown by code that runs later, where nobody else would catch it. */
  broke(error: unknown): void;
}
