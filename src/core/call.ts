import type { Resolution } from "./catalog.ts";
import type { Failure } from "./failure.ts";
import type { OwnerId, Principal, UpstreamName } from "./names.ts";
import type { Pass, Step } from "./pass.ts";
import type { Payload } from "./payload.ts";
import type { Signal } from "./signal.ts";

/** Who asks. */
export interface Caller {
  readonly principal: Principal;
  /** What the agent calls itself, for logs; self-reported, so never a reason to allow anything. */
  readonly agent: string;
  /** The agent, as far as conversations with upstreams go. */
  readonly owner: OwnerId;
  /** What the agent can be asked for (its `capabilities` object, as it declared it for this call). */
  readonly capabilities: Payload;
  /** Whether it holds a conversation with us, in which it can be told and asked things between its requests. */
  readonly converses: boolean;
}

/** The way back to the point where an upstream asked its questions. */
export interface Continuation {
  readonly upstream: UpstreamName;
  /** As that upstream's link issued it. */
  readonly ticket: Ticket;
  /** Question key → the agent's result for it; `{}` where it gives none. */
  readonly answers: Payload;
  /** Question key → the agent's error for it, for an upstream that takes one. */
  readonly refusals: Payload;
}

/** Which part of the catalog an agent connected to: everything, or one upstream under its native names. */
export type View = { readonly kind: "all" } | { readonly kind: "upstream"; readonly name: UpstreamName };

/** A progress or log notification on its way from an upstream to the agent of one call. */
export interface Notice {
  readonly method: string;
  readonly params: Payload;
}

/** A reader that does not keep up. Whoever can wait should; whoever cannot is cut off from it in the end. */
export interface Behind {
  /** Calls `run` once, when the reader has caught up or is gone. */
  caughtUp(run: () => void): void;
}
/** Nothing: there is room. */
// biome-ignore lint/suspicious/noConfusingVoidType: whoever buffers nothing need not say so
export type Room = Behind | void;

/** What the log has of a call before it is sent. */
export interface Noted {
  /** The agent's `params` as they came, before anything was opened or renamed. */
  readonly request: Payload;
  /** Unlike that of any other call, in whichever process. */
  id: string | undefined;
  /** Who asks for what, and its parameters, as they stand in the log. */
  who: string | undefined;
  params: string | undefined;
}

/** One request of one caller. */
export interface Call {
  readonly caller: Caller;
  readonly view: View;
  readonly method: string;
  /** The public name (tools, prompts) or URI (resources) it is about, where its method has one. */
  readonly target: string | undefined;
  /** What `target` stands for in the catalog that was current when the call began; `undefined` without a target. */
  readonly subject: Resolution | undefined;
  /** The agent's `params`, `{}` where it sent none. */
  readonly params: Payload;
  /** Set when the call goes on from an earlier `asks`. */
  readonly continues: Continuation | undefined;
  /** Set when the agent answered questions with errors: question key → error. Only a call that is still open takes them. */
  readonly refusals?: Payload;
  /** Fires when the agent no longer wants the answer. */
  readonly signal: Signal;
  /** Least severe log level that the agent wants to see for this call, if it asked for any. */
  readonly logLevel: string | undefined;
  /** Takes what the upstream tells before it answers. Does not throw. */
  notify(notice: Notice): Room;
  /** Filled in by whoever writes down that the call is about to be sent. */
  readonly noted?: Noted;
  /** The upstream has put its answer off: it will be asked for it on another line, now and then. */
  readonly postponed?: (() => void) | undefined;
}

/** What an upstream wants to know from the agent before it can go on: request key → request object. */
export type Questions = Payload;
/** Opaque; brings a later call back to the point where the questions were asked. */
export type Ticket = string;

export interface Asked {
  readonly questions: Questions;
  readonly ticket: Ticket;
  /** The call is still open at the upstream, which takes an error for an answer too. */
  readonly open?: true;
}

export type Outcome =
  | { readonly kind: "done"; readonly result: Payload; readonly route?: Route }
  | ({ readonly kind: "asks"; readonly route?: Route } & Asked)
  | { readonly kind: "failed"; readonly failure: Failure; readonly route?: Route };

/** Where a call went, for the log. */
export interface Route {
  readonly upstream: UpstreamName;
  readonly attempts: number;
}

/**
 * The waist: everything an agent can ask passes through this. Calls its `done` once, in the same turn where nothing has
 * to be waited for, and throws nothing: a bug of ours is a failed outcome of the one call that ran into it.
 */
export type Handle = Pass<Call, Outcome>;
export type Done = (outcome: Outcome) => void;
/** Wraps a handle and knows nothing but the next one. */
export type Layer = Step<Call, Outcome>;

/** What becomes of a call that ran into a bug of ours. */
export const broken = (error: unknown): Outcome => ({
  kind: "failed",
  failure: { kind: "internal", detail: String(error), cause: error },
});

/** For whoever has something else to wait for, too. */
export const awaited = (handle: Handle, call: Call): Promise<Outcome> => new Promise(done => handle(call, done));
