import type { Caller, Handle, Notice, View } from "./call.ts";
import type { CacheHint, Catalog, Kind, Resolution } from "./catalog.ts";
import type { Failure } from "./failure.ts";
import type { Ledger } from "./ledger.ts";
import type { Keeper } from "./ledger-entries.ts";
import type { OwnerId } from "./names.ts";
import type { Payload } from "./payload.ts";
import type { Sealer } from "./ports.ts";
import type { Pressure } from "./pressure.ts";
import type { Signal } from "./signal.ts";

/** What a server says of itself when an agent asks. */
export interface Profile {
  /** Union of what the upstreams of the view can do. */
  readonly capabilities: Payload;
  readonly instructions: string | undefined;
  /** The upstream's own `serverInfo` in a view of one upstream; ours otherwise. */
  readonly serverInfo: Payload;
  readonly hint: CacheHint;
}

/** Everything that an edge towards agents needs: the waist for calls, queries for the rest. */
export interface Front {
  readonly handle: Handle;
  /** Takes a bug of ours that a request ran into, for whoever runs the gateway. */
  trouble(error: unknown): void;
  /** Seals what waits with an agent and comes back from it. */
  readonly sealer: Sealer;
  /** What is given up at present because there is too much to do. */
  readonly pressure: Pressure;
  /** How often agents may ask for what is no tool call. */
  readonly limit: RequestLimit;
  /** What agents make us keep. */
  readonly ledger: Ledger;
  /** `undefined` when there is no such upstream. */
  view(view: View): ViewQueries | undefined;
  /**
   * Has a resource watched. `updated` takes the parameters of each `notifications/resources/updated`, also one that
   * stands for whatever was missed while the upstream could not be heard.
   */
  subscribe(request: SubscribeRequest): Promise<Subscription>;
  /** Has a task followed. `told` takes the whole state of the task, under its agent's id, each time that it changes. */
  follow(request: FollowRequest): Promise<Subscription>;
  /** From now on an upstream may reach this agent outside a call. Returns the function that ends it. */
  attend(owner: OwnerId, contact: AgentContact): () => void;
  /** An agent says something that is about no call: upstreams that hold a conversation for it hear it. */
  tell(owner: OwnerId, notice: Notice): void;
  /** An agent has gone for good: conversations that upstreams hold for it may end. */
  release(owner: OwnerId): void;
  /** Tells what has changed in lists. Returns the function that ends it. */
  onChange(receive: (change: ListChange) => void): () => void;
}

export type Limited = Extract<Failure, { kind: "too_many_requests" }>;

/** Limits what is no tool call: `undefined` where it may go on. */
export interface RequestLimit {
  /** A list, a read, a prompt, a completion, a subscription. */
  request(keeper: Keeper): Limited | undefined | Promise<Limited | undefined>;
  /** A new session. Names cost nothing, so it is the address that counts. */
  session(keeper: Keeper): Limited | undefined | Promise<Limited | undefined>;
  /** Those that wait for being told that they may not. */
  readonly delayed: { count: number };
}

/** Lists of these kinds have changed in this view. */
export interface ListChange {
  readonly view: View;
  readonly kinds: readonly Kind[];
  /** The only agent whose lists they are; `undefined`: those of all, or of more than one. */
  readonly owner: OwnerId | undefined;
}

/** Whether an agent that looks at this view is to be told. */
export const concerns = (change: ListChange, view: View, owner: OwnerId): boolean =>
  isSameView(change.view, view) && (change.owner === undefined || change.owner === owner);

export function isSameView(a: View, b: View): boolean {
  return a.kind === "all" ? b.kind === "all" : b.kind === "upstream" && a.name === b.name;
}

export interface SubscribeRequest {
  readonly view: View;
  readonly caller: Caller;
  readonly uri: string;
  updated(params: Payload): void;
}

export interface FollowRequest {
  readonly view: View;
  readonly caller: Caller;
  /** As the agent knows it. */
  readonly taskId: string;
  told(params: Payload): void;
}

export type Subscription =
  | { readonly kind: "open"; close(): void }
  | { readonly kind: "failed"; readonly failure: Failure };

/** An agent with a conversation of its own, as an upstream that keeps state for it may reach it. */
export interface AgentContact {
  /** Asks one question (`{method, params}`, ids in it as the agent knows them); resolves with the agent's result, or with its error object. */
  ask(question: Payload, signal: Signal): Promise<AgentAnswer>;
  /** Tells something that belongs to no call. */
  tell(notice: Notice): void;
}

export type AgentAnswer =
  | { readonly kind: "result"; readonly result: Payload }
  | { readonly kind: "error"; readonly error: Payload };

/** What is known without asking an upstream: of what a caller is offered; without one, of what most are. */
export interface ViewQueries {
  catalog(caller?: Caller): Catalog;
  profile(caller?: Caller): Profile;
  /** In a view of one upstream, the first page of its own list, whose other members are passed on. */
  page(kind: Kind, caller?: Caller): Payload | undefined;
  /**
   * The list of that kind is to be given out: whatever in it may not be given out as it is, is read again. Resolves soon
   * in any case; `undefined`: there is nothing to wait for.
   */
  fresh(kind: Kind, caller: Caller): Promise<void> | undefined;
  /** For how long the list of that kind may be kept. */
  hint(kind: Kind, caller?: Caller): CacheHint;
  /** Who answers a method that is none of the protocol's own: the one upstream of the view, or that of an extension. */
  owner(method: string, caller?: Caller): Resolution;
  /** Resolves once every upstream of the view has been seen or `waitMs` is over; at once when there is nothing to wait for. */
  settled(waitMs: number): Promise<void>;
}
