import type { Entry, Hidden, Kind } from "../../core/catalog.ts";
import type { Payload } from "../../core/payload.ts";
import type { Signal } from "../../core/signal.ts";
import type { Status, UpstreamStatus } from "../../core/status.ts";

/** What the command line asks of a gateway, be it in this process or behind a control socket. */
export interface GatewayClient {
  /** Waits at most `waitMs` for upstreams that have not been tried yet. */
  status(options: { waitMs: number }): Promise<Status>;
  catalog(options: { waitMs: number }): Promise<Listing>;
  /** `args`: the tool's arguments, as an object. */
  call(tool: { name: string; args: Payload; signal: Signal }): Promise<CallAnswer>;
  test(options: { waitMs: number }): Promise<TestReport>;
  close(): Promise<void>;
}

/** Something that agents see, for people and scripts. */
export interface Listed {
  readonly name: string;
  readonly description: string;
  readonly upstreams: readonly string[];
  readonly definition: unknown;
}
export interface Listing {
  readonly entries: Readonly<Record<Kind, readonly Listed[]>>;
  /** Upstreams that were never seen, so that what they offer is missing. */
  readonly missing: readonly string[];
  /** Every upstream that is configured. */
  readonly upstreams: readonly string[];
  /** What is offered and not listed as it came, with the reason. A gateway of an earlier version does not tell. */
  readonly hidden?: readonly Hidden[];
}

export type CallAnswer =
  | { readonly kind: "done"; readonly upstream: string | null; readonly result: Payload }
  /** The upstream wants to ask something, which a command cannot answer. */
  | { readonly kind: "asks"; readonly upstream: string | null }
  | { readonly kind: "failed"; readonly failure: CallFailure };

export interface CallFailure {
  readonly reason: "unknown_name" | "timed_out" | "authentication" | "other";
  /** As an agent would read it. */
  readonly message: string;
  /** What only the operator may know; may be empty. */
  readonly detail: string;
  readonly code: number;
}

export interface Tested extends UpstreamStatus {
  /** How long it took to connect; `null` when it was connected before. */
  readonly tookMs: number | null;
  /** What it offers that is not listed as it came, with the reason. A gateway of an earlier version does not tell. */
  readonly hidden?: readonly Omit<Hidden, "upstream">[];
}
export interface TestReport {
  readonly upstreams: readonly Tested[];
}

/** What `stop` did. `cut`: calls that did not finish in time. */
export interface StopReport {
  readonly tookMs: number;
  readonly cut: number;
}

/** What `reload` did: one sentence for each change, or why the old configuration stays. */
export type ReloadReport =
  | { readonly ok: true; readonly changes: readonly string[] }
  /** `problems`: rendered for a terminal without colours. */
  | { readonly ok: false; readonly problems: readonly string[] };

export function listed(entry: Entry): Listed {
  return {
    name: entry.name,
    description: entry.definition.string("description") ?? entry.definition.string("title") ?? "",
    upstreams: entry.holders.map(holder => holder.upstream),
    definition: entry.definition.value(),
  };
}
