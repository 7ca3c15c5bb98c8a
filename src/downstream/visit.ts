import type { IncomingMessage, ServerResponse } from "node:http";
import type { View } from "../core/call.ts";

/** One HTTP exchange of the MCP endpoint. */
export interface Visit {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly view: View;
}
