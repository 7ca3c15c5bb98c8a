import type { UpstreamConfig } from "../config/schema.ts";
import type { Offer } from "../core/catalog.ts";
import type { Health } from "../core/health.ts";
import type { UpstreamStatus } from "../core/status.ts";
import type { Strays } from "./connection/dial.ts";
import type { Link } from "./conversation/link.ts";

/** An upstream as people see it. */
export function statusOfUpstream(facts: {
  readonly config: UpstreamConfig;
  readonly address: string;
  readonly proxy: string | undefined;
  readonly health: Health;
  readonly link: Link | undefined;
  readonly offer: Offer | undefined;
  /** Why a list could not be read. */
  readonly listTrouble: string | undefined;
  readonly counts: Pick<UpstreamStatus, "inFlight" | "calls" | "failures">;
  readonly queued: number;
  readonly notes: readonly string[];
  /** Last words of a child that is gone. */
  readonly lastStderr: readonly string[];
  /** What is odd about a conversation that is being opened. */
  readonly trouble: string | undefined;
  readonly strays: Strays;
  /** Messages that held a secret of ours. */
  readonly hidden: number;
}): UpstreamStatus {
  const { config, health, link, offer, listTrouble, trouble, strays } = facts;
  return {
    name: config.name,
    transport: config.transport,
    address: facts.address,
    proxy: facts.proxy ?? null,
    protocolVersion: link?.version ?? null,
    state: health.state === "ready" && listTrouble ? "degraded" : health.state,
    since: new Date(health.since).toISOString(),
    priority: config.priority,
    group: config.group ?? null,
    tools: offer?.definitions.tool.length ?? 0,
    prompts: offer?.definitions.prompt.length ?? 0,
    resources: offer?.definitions.resource.length ?? 0,
    ...facts.counts,
    queued: facts.queued,
    notes: facts.hidden === 0 ? facts.notes : [...facts.notes, hiddenNote(facts.hidden)],
    lastError: health.lastError ?? trouble ?? listTrouble ?? null,
    stderr: link ? (link.channel.child?.stderr() ?? []) : facts.lastStderr,
    pid: link?.channel.child?.pid ?? null,
    ...(strays.last !== undefined && { unmatched: { count: strays.count, last: strays.last } }),
  };
}

/** For people. */
export const hiddenNote = (count: number): string =>
  `agents read [secret] in ${count} of its messages, where it sent what the configuration keeps to itself, such as a header or a variable`;
