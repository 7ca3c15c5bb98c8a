import type { Clock } from "../core/ports.ts";
import type { Pressure } from "../core/pressure.ts";
import type { Health, Status, UpstreamStatus } from "../core/status.ts";
import type { Pool } from "../upstream/pool.ts";
import type { Catalogs } from "./catalogs.ts";
import type { GatewayOptions, Listening } from "./gateway.ts";

/** The state of everything, as `rad mcp proxy status` shows it. */
export function statusOf(parts: {
  options: GatewayOptions;
  startedAt: number;
  clock: Clock;
  pool: Pool;
  catalogs: Catalogs;
  listening: Listening | undefined;
  pressure: Pressure;
  warnings: readonly string[];
}): Status {
  const { options, startedAt, clock, pool, catalogs, listening, pressure, warnings } = parts;
  const upstreams = pool.upstreams.map(upstream => upstream.status());
  const { entries, hidden, replicas, conflicts } = catalogs.all;
  return {
    schema: "rad.status/1",
    running: true,
    pid: process.pid,
    version: options.version,
    startedAt: new Date(startedAt).toISOString(),
    uptimeMs: clock.wall() - startedAt,
    url: listening?.url ?? null,
    urls: listening?.urls ?? [],
    config: options.configPath,
    health: pressure.level > 0 && healthOf(upstreams) === "ok" ? "degraded" : healthOf(upstreams),
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
    },
    warnings: pressure.level > 0 ? [overloadedNow(pressure), ...warnings] : warnings,
  };
}

/** Says what agents notice of it. */
function overloadedNow({ level }: Pressure): string {
  const refused = REFUSED.slice(0, level - 1).join(", ");
  return `The gateway is overloaded: it ${refused ? `refuses ${refused}` : "puts off reading lists anew"} until it has caught up`;
}

/** From the second thing on that is given up. */
const REFUSED = ["new sessions", "lists", "reads", "new calls"];

function healthOf(upstreams: readonly UpstreamStatus[]): Health {
  const well = upstreams.filter(({ state }) => state === "ready").length;
  if (well === upstreams.length) return "ok";
  return upstreams.some(({ state }) => state === "ready" || state === "degraded") ? "degraded" : "down";
}
