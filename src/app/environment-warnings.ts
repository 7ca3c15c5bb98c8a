import type { Config } from "../config/schema.ts";
import type { OwnEnvironment } from "../lib/own-environment.ts";
import { transportOf } from "../upstream/connection/transports.ts";

const UNVERIFIED = "NODE_TLS_REJECT_UNAUTHORIZED";
const NOT_HEEDED =
  `${UNVERIFIED}=0 is not heeded: certificates are verified. Name authorities of your own in NODE_EXTRA_CA_CERTS; ` +
  "`insecure_skip_verify = true` beside the `url` of one upstream takes any certificate there.";

/**
 * What is wrong with the environment that the gateway was started with, for a configuration. What would turn the
 * verification of certificates off is taken out of `live`, where Node looks for it.
 */
export function createEnvironmentWarnings(
  { exposed }: OwnEnvironment,
  live: NodeJS.ProcessEnv,
): (config: Config) => string[] {
  const isUnverified = live[UNVERIFIED] === "0";
  if (isUnverified) delete live[UNVERIFIED];
  return ({ upstreams }) => {
    const hasChildren = upstreams.some(upstream => transportOf(upstream).startsChild);
    return [
      ...(isUnverified ? [NOT_HEEDED] : []),
      ...(exposed !== undefined && hasChildren ? [`${READABLE}: ${exposed}; ${WAY_OUT}`] : []),
    ];
  };
}

const READABLE = "Children that run as the gateway's user can read the environment it was started with";
const WAY_OUT = "give it no more than it needs, or let them run as another `user`";
