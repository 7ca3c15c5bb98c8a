import type { Clock } from "../core/ports.ts";
import type { Pressure } from "../core/pressure.ts";
import type {
  Health,
  LogStatus,
  PendingChange,
  SharesStatus,
  Status,
  UnfinishedStatus,
  UpstreamState,
  UpstreamStatus,
} from "../core/status.ts";
import type { Redactor } from "../guard/redact.ts";
import type { Pool } from "../upstream/pool.ts";
import type { Catalogs } from "./catalogs.ts";
import type { GatewayOptions, Listening } from "./gateway.ts";
import { unfinishedWarning } from "./last-crash.ts";

/** The state of everything, as `rad mcp proxy status` shows it. */
export function statusOf(parts: {
  options: GatewayOptions;
  startedAt: { readonly wall: number; readonly mono: number };
  clock: Clock;
  pool: Pool;
  catalogs: Catalogs;
  listening: Listening | undefined;
  log: LogStatus;
  unfinished: UnfinishedStatus | undefined;
  shares: SharesStatus;
  redactor: Redactor;
  pressure: Pressure;
  stopping: boolean;
  pending: readonly PendingChange[];
  warnings: readonly string[];
}): Status {
  const {
    options,
    startedAt,
    clock,
    pool,
    catalogs,
    listening,
    log,
    shares,
    redactor,
    pressure,
    stopping,
    pending,
    warnings,
  } = parts;
  const upstreams = pool.upstreams.map(upstream => withoutSecrets(upstream.status(), redactor));
  const { entries, hidden, replicas, conflicts, lookAlikes } = catalogs.all;
  return {
    schema: "rad.status/1",
    running: true,
    pid: process.pid,
    version: options.version,
    startedAt: new Date(startedAt.wall).toISOString(),
    uptimeMs: Math.round(clock.now() - startedAt.mono),
    url: listening?.url ?? null,
    urls: listening?.urls ?? [],
    config: options.configPath,
    health: stopping
      ? "down"
      : pressure.level > 0 && healthOf(upstreams, log) === "ok"
        ? "degraded"
        : healthOf(upstreams, log),
    stopping,
    overloaded: pressure.level > 0,
    upstreams,
    catalog: {
      tools: entries.tool.length,
      prompts: entries.prompt.length,
      resources: entries.resource.length,
      templates: entries.template.length,
      hidden,
      replicas,
      conflicts,
      lookAlikes,
    },
    log,
    ...(parts.unfinished && { unfinished: parts.unfinished }),
    shares,
    pending,
    warnings: [
      ...(parts.unfinished ? [unfinishedWarning(parts.unfinished)] : []),
      ...(pressure.level > 0 ? [overloadedNow(pressure)] : []),
      ...logWarnings(log),
      ...warnings,
    ],
  };
}

/** Arguments, errors and what a child writes may hold credentials, and a status ends up on screens and in files. */
export function withoutSecrets(status: UpstreamStatus, redactor: Redactor): UpstreamStatus {
  const { unmatched } = status;
  return {
    ...status,
    address: redactor.text(status.address),
    lastError: status.lastError === null ? null : redactor.text(status.lastError),
    notes: status.notes.map(note => redactor.text(note)),
    stderr: status.stderr.map(line => redactor.text(line)),
    ...(unmatched && { unmatched: { ...unmatched, last: redactor.text(unmatched.last) } }),
  };
}

/** Says what agents notice of it. */
function overloadedNow({ level }: Pressure): string {
  const refused = REFUSED.slice(0, level - 1).join(", ");
  return `The gateway is overloaded: it ${refused ? `refuses ${refused}` : "puts off reading lists again"} until it has caught up`;
}

/** From the second thing on that is given up. */
const REFUSED = ["new sessions", "lists", "reads", "new calls"];

const BECAUSE = {
  drop: "lines are kept in memory, and dropped when there are too many",
  block: "no call is taken until it can be",
} as const;

function logWarnings({ path, trouble, dropped, onFailure }: LogStatus): string[] {
  if (trouble !== null) {
    return [`The log ${path} cannot be written: ${trouble}; ${BECAUSE[onFailure]} (${dropped} dropped so far)`];
  }
  return dropped > 0 ? [`The log ${path} lost ${dropped} lines while it could not be written`] : [];
}

function healthOf(upstreams: readonly UpstreamStatus[], log: LogStatus): Health {
  const well = upstreams.filter(({ state }) => state === "ready").length;
  if (well === upstreams.length) return log.trouble === null ? "ok" : "degraded";
  return upstreams.some(({ state }) => SERVES.has(state)) ? "degraded" : "down";
}

/** In these states an upstream gets calls, if only when there is none better. */
const SERVES: ReadonlySet<UpstreamState> = new Set<UpstreamState>([
  "ready",
  "degraded",
  "ejected",
  "probing",
  "rate_limited",
]);
