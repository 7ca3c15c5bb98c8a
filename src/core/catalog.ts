import type { NativeName, PublicName, UpstreamName } from "./names.ts";
import type { Payload } from "./payload.ts";

export const KINDS = ["tool", "prompt", "resource", "template"] as const;
export type Kind = (typeof KINDS)[number];

/** For how long, and for whom, a list or result may be kept. */
export interface CacheHint {
  readonly ttlMs: number;
  /** `public`: the same for everybody. */
  readonly cacheScope: "public" | "private";
}

/** What one upstream offers, as it said it: all pages, native bytes. */
export interface Offer {
  readonly upstream: UpstreamName;
  /** The upstream's `capabilities` object. */
  readonly capabilities: Payload;
  readonly serverInfo: Payload | undefined;
  readonly instructions: string | undefined;
  /** Definitions in the upstream's order. */
  readonly definitions: Readonly<Record<Kind, readonly Payload[]>>;
  /** Per kind, the first page's result object, whose other members (`_meta`, unknown ones) a single view passes on. */
  readonly pages: Readonly<Record<Kind, Payload | undefined>>;
  /** What the upstream says of its lists, and of what it says of itself; `undefined` where it says nothing. */
  readonly hints: Readonly<Record<Kind | "profile", CacheHint | undefined>>;
  /** Kinds whose list could not be read to its end, so that what is missing here may be offered all the same. */
  readonly unread?: readonly Kind[];
}

/**
 * What one upstream offered when its configuration was loaded. Who is a replica without being told is decided by this and
 * not by what comes later, so that nobody becomes one by copying another.
 */
export interface LoadedOffer {
  /** Whether its list of that kind was read then. */
  knows(kind: Kind): boolean;
  /** Digest of the whole definition of that name or URI; `undefined` where there was none. */
  digest(kind: Kind, native: string): string | undefined;
  /** Equal for upstreams that offered exactly the same; `undefined` for one that offered nothing. */
  readonly whole: string | undefined;
}

/** Per kind, what is used of it. */
export type Filters = Readonly<Partial<Record<Kind, readonly string[] | undefined>>>;

/** What the catalog must know of an upstream's configuration. */
export interface Source {
  readonly name: UpstreamName;
  readonly priority: number;
  readonly group: string | undefined;
  /** Equal for two upstreams whose configurations let them be replicas without being told. */
  readonly fingerprint: string;
  /** What it offered when its configuration was loaded; `undefined` where nobody could be its replica. */
  readonly loaded: LoadedOffer | undefined;
  /** Per kind, only these are used, by native name, URI or template; a kind that is left out, whole. */
  readonly filters: Filters;
  /** `undefined` while the upstream has never been seen. */
  readonly offer: Offer | undefined;
}

/** One upstream that can serve an entry, and what it calls it. */
export interface Holder {
  readonly upstream: UpstreamName;
  readonly native: NativeName;
  readonly priority: number;
  readonly definition: Payload;
}

/** Something that agents can see and call. */
export interface Entry {
  /** `upstream`: the upstream itself, for requests that are about nothing in its lists. */
  readonly kind: Kind | "upstream";
  /** The name in lists; for resources the URI, for templates the URI template. */
  readonly name: PublicName;
  /** Best priority first, then configuration order. More than one when they are replicas. */
  readonly holders: readonly [Holder, ...Holder[]];
  /** As listed: the best holder's bytes, with the public name in them. */
  readonly definition: Payload;
}

/** Something about what an upstream offers that its operator would otherwise wonder about, and why it is so. */
export interface Hidden {
  /**
   * - `hidden`: the upstream offers it, and nobody sees it.
   * - `repaired`: it is listed, but not as the upstream wrote it.
   * - `not_offered`: the configuration names it, and the upstream has no such thing.
   */
  readonly action: "hidden" | "repaired" | "not_offered";
  readonly upstream: UpstreamName;
  readonly kind: Kind;
  /** Native name or URI, shortened when it is very long. */
  readonly name: string;
  readonly reason: string;
}
export interface ReplicaSet {
  readonly kind: Kind;
  readonly name: string;
  readonly upstreams: readonly UpstreamName[];
  /** `group` when the configuration says so, `equal` when it was inferred. */
  readonly because: "group" | "equal";
}
export interface Conflict {
  readonly kind: Kind;
  readonly name: string;
  readonly upstreams: readonly UpstreamName[];
  /** What was done about it, in one sentence. */
  readonly outcome: string;
  /** What to do if those who offer it are replicas after all; only where their definitions are equal. */
  readonly advice?: string;
}

/** Different names that a person, or a model, could take for one another. They are never merged. */
export interface LookAlikes {
  readonly kind: Kind;
  /** In configuration order; at most twenty. */
  readonly names: readonly { readonly upstream: UpstreamName; readonly name: string }[];
  /** How many more there are. */
  readonly more: number;
}

export type Resolution =
  | { readonly kind: "found"; readonly entry: Entry }
  | { readonly kind: "ambiguous"; readonly choices: readonly string[] }
  | { readonly kind: "unknown"; readonly nearest: readonly string[] };

/** An immutable snapshot of everything that agents can see. Replaced whole; a running call keeps the one it began with. */
export interface Catalog {
  readonly entries: Readonly<Record<Kind, readonly Entry[]>>;
  readonly hidden: readonly Hidden[];
  readonly replicas: readonly ReplicaSet[];
  readonly conflicts: readonly Conflict[];
  /** Names that a person could take for one another. */
  readonly lookAlikes: readonly LookAlikes[];
  /** Upstreams that are configured but have never been seen, so that lists cannot hold what they offer. */
  readonly missing: readonly UpstreamName[];
  /** Changes exactly when what agents see of that kind changes. */
  readonly digests: Readonly<Record<Kind, string>>;
  /** Public name → alias → bare name if unique → `upstream:native`; URIs exactly, then by template. */
  resolve(kind: Kind, name: string): Resolution;
}
