import type { Caller, Handle, Notice, View } from "./call.ts";
import type { CacheHint, Catalog, Kind, Resolution } from "./catalog.ts";
import type { Failure } from "./failure.ts";
import type { OwnerId } from "./names.ts";
import type { Payload } from "./payload.ts";
import type { Sealer } from "./ports.ts";
import type { Pressure } from "./pressure.ts";

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
  /** Seals what waits with an agent and comes back from it. */
  readonly sealer: Sealer;
  /** What is given up at present because there is too much to do. */
  readonly pressure: Pressure;
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
  /** Tells which kinds changed in the lists of which view. Returns the function that ends it. */
  onChange(receive: (view: View, kinds: readonly Kind[]) => void): () => void;
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
  ask(question: Payload, signal: AbortSignal): Promise<AgentAnswer>;
  /** Tells something that belongs to no call. */
  tell(notice: Notice): void;
}

export type AgentAnswer =
  | { readonly kind: "result"; readonly result: Payload }
  | { readonly kind: "error"; readonly error: Payload };

export interface ViewQueries {
  catalog(): Catalog;
  profile(): Profile;
  /** In a view of one upstream, the first page of its own list, whose other members are passed on. */
  page(kind: Kind): Payload | undefined;
  /** The list of that kind is given out: whatever in it is older than it may be is read again, for the next who asks. */
  listed(kind: Kind): void;
  /** For how long the list of that kind may be kept. */
  hint(kind: Kind): CacheHint;
  /** Who answers a method that is none of the protocol's own: the one upstream of the view, or that of an extension. */
  owner(method: string): Resolution;
  /** Resolves once every upstream of the view has been seen or `waitMs` is over; at once when there is nothing to wait for. */
  settled(waitMs: number): Promise<void>;
}
