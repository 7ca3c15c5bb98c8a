import type { Caller, View } from "../core/call.ts";
import type { AgentEra } from "../wire/era.ts";

/** The other side of one request. */
export interface Agent {
  readonly caller: Caller;
  readonly view: View;
  readonly era: AgentEra;
  /** Least severe log level that it has asked for, if it has asked. */
  readonly logLevel: string | undefined;
}
