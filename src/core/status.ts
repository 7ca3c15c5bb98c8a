import type { Conflict, Hidden, LookAlikes, ReplicaSet } from "./catalog.ts";

export const UPSTREAM_STATES = [
  "connecting",
  "ready",
  "degraded",
  "ejected",
  "probing",
  "down",
  "auth_required",
  "rate_limited",
  "crashlooping",
  "disabled",
] as const;
export type UpstreamState = (typeof UPSTREAM_STATES)[number];

export interface UpstreamStatus {
  readonly name: string;
  readonly transport: string;
  /** Where it is: the URL without credentials and query, or the command line without its environment. */
  readonly address: string;
  /** What stands between us and it, where the environment names a proxy. */
  readonly proxy: string | null;
  readonly protocolVersion: string | null;
  readonly state: UpstreamState;
  /** ISO time at which this state began. */
  readonly since: string;
  readonly priority: number;
  readonly group: string | null;
  readonly tools: number;
  readonly prompts: number;
  readonly resources: number;
  /** Calls under way, those that wait for their turn included. */
  readonly inFlight: number;
  /** Calls that wait because as many as `max_concurrency` allows already run. */
  readonly queued: number;
  readonly calls: number;
  readonly failures: number;
  readonly lastError: string | null;
  /** What its operator might wonder about, though nothing is wrong. */
  readonly notes: readonly string[];
  /** Last lines that a child wrote to stderr, and to stdout where they are no messages; empty for others. */
  readonly stderr: readonly string[];
  readonly pid: number | null;
  /** Answers that belonged to nothing that was asked. */
  readonly unmatched?: { readonly count: number; readonly last: string };
}

export interface CatalogStatus {
  readonly tools: number;
  readonly prompts: number;
  readonly resources: number;
  readonly templates: number;
  readonly hidden: readonly Hidden[];
  readonly replicas: readonly ReplicaSet[];
  readonly conflicts: readonly Conflict[];
  readonly lookAlikes: readonly LookAlikes[];
}

/** The log of calls. */
export interface LogStatus {
  /** `null` for one that keeps nothing. */
  readonly path: string | null;
  readonly onFailure: "drop" | "block";
  /** Lines since the start. */
  readonly written: number;
  readonly dropped: number;
  readonly waitingBytes: number;
  /** What keeps lines from being written now. */
  readonly trouble: string | null;
}

/** A call that was sent, and of which no end is known. */
export interface UnfinishedCall {
  /** As in the log. */
  readonly id: string;
  /** ISO time at which it was sent. */
  readonly ts: string;
  readonly agent?: string;
  readonly principal?: string;
  readonly method?: string;
  readonly target?: string;
  /** Those that could have got it, with a blank between. */
  readonly upstream?: string;
}

/** What ran when the gateway before this one ended without stopping. */
export interface UnfinishedStatus {
  readonly count: number;
  /** The latest of them, oldest first. */
  readonly calls: readonly UnfinishedCall[];
}

/** What agents take of what is there for all of them, and what was given up; counts since the start. */
export interface SharesStatus {
  /** What they make the gateway keep, and what they may. */
  readonly bytes: number;
  readonly maxBytes: number;
  /** Those who take most, by what they call themselves. */
  readonly most: readonly {
    readonly agent: string;
    readonly address: string;
    readonly bytes: number;
    readonly sessions: number;
    readonly streams: number;
  }[];
  /** To make room for others. `events`: so often the older half of what a session could read again. */
  readonly shed: {
    readonly events: number;
    readonly sessions: number;
    readonly streams: number;
    readonly connections: number;
  };
  /** Because there was no room. */
  readonly refused: { readonly kept: number; readonly connections: number };
  /** Open ones. */
  readonly connections: number;
}

/** A change of the configuration file that does not apply yet. */
export interface PendingChange {
  /** Where in the file: `port`, `security.redact_patterns`, `upstreams.files`. */
  readonly key: string;
  /** In words. */
  readonly change: string;
  /** Why it waits. */
  readonly reason: string;
  /** What it waits for. */
  readonly until: "reload" | "restart";
  /** What the gateway runs with; `null` where the value may be secret. */
  readonly running: unknown;
  /** What it will run with. */
  readonly configured: unknown;
}

export type Health = "ok" | "degraded" | "down";

/** What `rad mcp proxy status --json` prints of a running gateway, as `rad.status/1`. Fields are added, never renamed. */
export interface Status {
  readonly schema: "rad.status/1";
  readonly running: true;
  readonly pid: number;
  readonly version: string;
  readonly startedAt: string;
  readonly uptimeMs: number;
  readonly url: string | null;
  readonly urls: readonly string[];
  /** Path of the configuration file, or `null` for the demo. */
  readonly config: string | null;
  readonly health: Health;
  /** It takes nothing new, lets running calls finish, and ends. */
  readonly stopping: boolean;
  /** The gateway has more to do than it can, and refuses some of it. */
  readonly overloaded: boolean;
  readonly upstreams: readonly UpstreamStatus[];
  readonly catalog: CatalogStatus;
  readonly log: LogStatus;
  /** Left out where there is nothing of the kind. */
  readonly unfinished?: UnfinishedStatus;
  readonly shares: SharesStatus;
  /** What the file says and the gateway does not do: it waits for a person. */
  readonly pending: readonly PendingChange[];
  readonly warnings: readonly string[];
}
