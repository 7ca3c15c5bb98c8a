import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import type { Closable } from "../fixtures/leaks.ts";
import type { Json } from "../fixtures/upstream/contract.ts";
import { type StartOptions, startUpstream, type Upstream } from "../fixtures/upstream/upstream.ts";

export type Keep = <T extends Closable>(thing: T) => T;

/** No limit but those that a row is about. */
export const UNLIMITED: Json = { security: { rate_limit_per_minute: 0 } };

export const tableOf = (upstream: Upstream, more: Json = {}): Json => ({
  name: upstream.options.name,
  transport: upstream.options.transport,
  url: upstream.url,
  health_check_interval: 1,
  ...more,
});

/** A gateway of the built program in front of one scriptable upstream. */
export async function behind(
  keep: Keep,
  options: StartOptions = {},
  more: { readonly table?: Json; readonly proxy?: Json; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<{ gateway: GatewayRun; upstream: Upstream }> {
  const upstream = keep(await startUpstream(options));
  const { proxy = UNLIMITED, env } = more;
  const toml = configToml([tableOf(upstream, more.table)], proxy);
  const gateway = keep(await startGateway({ toml, ...(env && { env }) }));
  await gateway.until();
  return { gateway, upstream };
}

/** A gateway in front of several tables, once each of them has been tried. */
export async function gatewayOf(keep: Keep, tables: readonly Json[], proxy: Json = UNLIMITED): Promise<GatewayRun> {
  const gateway = keep(await startGateway({ toml: configToml(tables, proxy) }));
  await gateway.until();
  return gateway;
}
