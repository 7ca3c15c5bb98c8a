import type { Clock } from "../core/ports.ts";
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
  warnings: readonly string[];
}): Status {
  const { options, startedAt, clock, pool, catalogs, listening, warnings } = parts;
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
    health: healthOf(upstreams),
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
    warnings,
  };
}

function healthOf(upstreams: readonly UpstreamStatus[]): Health {
  const well = upstreams.filter(({ state }) => state === "ready").length;
  if (well === upstreams.length) return "ok";
  return upstreams.some(({ state }) => state === "ready" || state === "degraded") ? "degraded" : "down";
}
