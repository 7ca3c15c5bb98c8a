import type { CacheHint } from "../core/catalog.ts";
import type { Payload } from "../core/payload.ts";
import { NO_CAPABILITIES } from "./capabilities.ts";
import type { WireError } from "./rpc-errors.ts";

/** What an agent gets for a request. */
export type CallAnswer =
  | { readonly kind: "result"; readonly result: Payload }
  | { readonly kind: "error"; readonly error: WireError };

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
  /** What the agent behind this request can be asked for, as far as upstreams are shown it. */
  readonly capabilities: Payload;
  /** The agent's answers, where the request is made again because the upstream asked. */
  readonly input: Input | undefined;
}

/** A request of our own: no agent is behind it. */
export const bareRequest = (method: string, params: Payload, capabilities = NO_CAPABILITIES): UpstreamRequest => ({
  ...{ method, params, capabilities },
  ...{ progressToken: undefined, logLevel: undefined, definition: undefined, input: undefined },
});

/** Answers by question key, and what the upstream wants to be reminded of. */
export interface Input {
  readonly answers: Payload;
  readonly state: string | undefined;
}

/** What an upstream wants to know before it can give a result. */
export interface Asking {
  /** Question key → `{method, params}`. */
  readonly questions: Payload;
  readonly state: string | undefined;
}

/** Questions of an upstream, key → request or one alone; `refused` where the agent cannot be asked. */
export type Demand =
  | { readonly kind: "questions"; readonly questions: Payload }
  | { readonly kind: "refused"; readonly error: WireError };

/** Our headers do not repeat the body as the upstream wants it, or it does not speak the revision. */
export type Objection = "headers" | "version";

/** How to talk to an upstream of a protocol era. An era is a family of revisions, not one version. */
export interface UpstreamEra {
  readonly name: "legacy" | "modern";
  /** Parameters and headers as that revision wants them. */
  request(request: UpstreamRequest, version: string): { params: Payload; headers: Record<string, string> };
  /** Headers of a notification or a bare stream. */
  headers(version: string): Record<string, string>;
  /** A harmless request that proves that the upstream is alive. */
  readonly probe: "ping" | "server/discover";
  /** Whether a next cursor of `""` says that there are no further pages; otherwise it is a cursor like any other. */
  readonly emptyCursorEnds: boolean;
  /** Whether one log level holds for a whole conversation, and is set by a request of its own. */
  readonly setsLogLevel: boolean;
  /** Whether an upstream learns what an agent can be asked for when the conversation opens, not with each request. */
  readonly declaresAtOpening: boolean;
  /** Whether a request is cancelled by a message; otherwise hanging up is enough. */
  readonly cancelsByMessage: boolean;
  /** What the upstream wants from the agent instead of giving a result, if it does. */
  asks(result: Payload): Asking | undefined;
  /** The same, where it says so with an error; `declared` is what the agent can be asked for. */
  demands(error: Payload, declared: Payload): Demand | undefined;
  /** Why a call is not made again after these answers, where the upstream would not see them. */
  declined(answers: Payload): WireError | undefined;
  /** Whether a result is of a type that there is, an extension's included. */
  knows(result: Payload): boolean;
  /** What an error says about our request rather than about the agent's, if it does. */
  objection(error: Payload): Objection | undefined;
}

/** How an agent of a protocol era wants its answers. */
export interface AgentEra {
  readonly name: "legacy" | "modern";
  /** The result of a call, with what the era demands and without what it does not know. */
  result(result: Payload, about: { method: string; definition: Payload | undefined }): Payload;
  /** An upstream's questions as a result, where the era has such a thing. */
  asks(questions: Payload, ticket: string): Payload | undefined;
  /**
   * How a call ends for which the agent has not declared a capability. `required` has the shape of its capabilities;
   * `error` is the upstream's own, where it had one.
   */
  lacks(method: string, about: { required: Payload; error: WireError | undefined }): CallAnswer;
  /** Whether a cursor of `null` or `""` asks for the beginning of a list: some SDKs send what they have no value for. */
  readonly emptyCursorBegins: boolean;
  /** A definition as it stands in a list. */
  definition(definition: Payload): Payload;
  /** A list's result object, the definitions already in it. */
  list(result: Payload, hint: CacheHint): Payload;
  /** An error of whichever upstream or of ours, as a revision of that era may carry it. */
  error(error: WireError): WireError;
  /** Whether it may follow tasks, if it says that it can. */
  readonly tasks: boolean;
  /** HTTP status of an error that is answered in time. */
  status(code: number): number;
  /** Whether a log message may be passed on for which the agent has not named a level. */
  readonly logsUnasked: boolean;
}
