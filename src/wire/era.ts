import type { Payload } from "../core/payload.ts";

/** A request on its way to an upstream, before the upstream's revision has put its mark on it. */
export interface UpstreamRequest {
  readonly method: string;
  /** As the agent sent them, native name already in place. */
  readonly params: Payload;
  /** Our progress token, where the agent asked for progress. */
  readonly progressToken: number | undefined;
  readonly logLevel: string | undefined;
  /** The definition of the tool that is called, for headers that mirror its parameters. */
  readonly definition: Payload | undefined;
}

/** How to talk to an upstream of a protocol era. An era is a family of revisions, not one version. */
export interface UpstreamEra {
  readonly name: "legacy" | "modern";
  /** Parameters and headers as that revision wants them. */
  request(request: UpstreamRequest, version: string): { params: Payload; headers: Record<string, string> };
  /** Headers of a notification or a bare stream. */
  headers(version: string): Record<string, string>;
  /** A harmless request that proves that the upstream is alive. */
  readonly probe: "ping" | "server/discover";
  /** Whether one log level holds for a whole conversation, and is set by a request of its own. */
  readonly setsLogLevel: boolean;
  /** Whether the upstream wants input from the agent instead of giving a result. */
  asks(result: Payload): boolean;
}

/** How an agent of a protocol era wants its answers. */
export interface AgentEra {
  readonly name: "legacy" | "modern";
  /** The result of a call, with what the era demands and without what it does not know. */
  result(result: Payload, about: { method: string; definition: Payload | undefined }): Payload;
  /** An upstream's questions as a result, where the era has such a thing. */
  asks(questions: Payload, ticket: string): Payload | undefined;
  /** A definition as it stands in a list. */
  definition(definition: Payload): Payload;
  /** A list's result object, the definitions already in it. */
  list(result: Payload): Payload;
  /** HTTP status of an error that is answered in time. */
  status(code: number): number;
  /** Whether a log message may be passed on for which the agent has not named a level. */
  readonly logsUnasked: boolean;
}
