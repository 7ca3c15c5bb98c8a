import { type Environment, type Platform, platformOf } from "../../lib/platform.ts";
import type { Account } from "../../lib/users.ts";

export interface EnvironmentSources {
  /** The gateway's own environment. */
  readonly base: Environment;
  /** Names that the configuration lets through. */
  readonly inherit: readonly string[];
  /** What the configuration sets; wins over everything. */
  readonly env: Readonly<Record<string, string>>;
  /** Another user that the child runs as. */
  readonly account?: Account | undefined;
}

/**
 * The complete environment of a child. It starts from nothing, since the gateway's own environment holds the
 * credentials of every upstream.
 */
export function childEnvironment(
  { base, inherit, env, account }: EnvironmentSources,
  platform: Platform = platformOf(),
): Record<string, string> {
  const child: Record<string, string> = {};
  for (const name of platform.inheritedVariables) {
    const value = base[name];
    // A value that begins like this is a shell function, which shells of old run when they start.
    if (value !== undefined && !value.startsWith("()")) child[name] = value;
  }
  if (account) {
    for (const [name, value] of Object.entries(ofAccount(account))) {
      if (value === undefined) delete child[name];
      else child[name] = value;
    }
  }
  for (const name of inherit) {
    const value = base[name];
    if (value !== undefined) child[name] = value;
  }
  return { ...child, ...env };
}

/** What is another user's; our folder for temporary files may be closed to it. */
const ofAccount = ({ name, home, shell }: Account): Environment => ({
  ...{ USER: name, LOGNAME: name, HOME: home ?? "/", SHELL: shell, TMPDIR: undefined },
});

/**
 * Names of variables that the gateway has, the child was not given, and the child's last words mention: most likely
 * what it misses.
 */
export function missedVariables(lines: readonly string[], base: Environment, given: Environment): readonly string[] {
  const words = new Set(lines.flatMap(line => line.match(/[A-Za-z_][A-Za-z0-9_]{2,}/g) ?? []));
  return [...words].filter(word => base[word] !== undefined && given[word] === undefined).slice(0, 5);
}

/** What programs that download something need on machines with a proxy, a registry or certificates of their own. */
const OF_THE_NETWORK = [
  /^(?:https?|all|no|ftp)_proxy$/i,
  /^(?:SSL_CERT_FILE|SSL_CERT_DIR|NODE_EXTRA_CA_CERTS|NODE_USE_SYSTEM_CA|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|DENO_CERT)$/,
  /^GIT_SSL_CAINFO$|^CARGO_HTTP_|^CARGO_REGISTRIES_|^GOPROXY$|^DOCKER_(?:HOST|CONFIG|CERT_PATH|TLS_VERIFY)$/,
  /^UV_|^BUN_CONFIG_|^PIP_(?:CERT|CLIENT_CERT|CONFIG_FILE|EXTRA_INDEX_URL|FIND_LINKS|INDEX_URL|NO_INDEX|PROXY|TRUSTED_HOST)$/,
  /^npm_config_(?:ca|cafile|cert|https?[-_]proxy|key|noproxy|offline|proxy|.*registry|strict[-_]ssl)$/i,
];
const MOST_NAMED = 16;

/** Names of variables for the network that the gateway has, the child was not given, and `said` does not name already. */
export function withheldVariables(base: Environment, given: Environment, said: string): readonly string[] {
  return Object.keys(base)
    .filter(name => base[name] && given[name] === undefined && !said.includes(`"${name}"`))
    .filter(name => OF_THE_NETWORK.some(pattern => pattern.test(name)))
    .sort()
    .slice(0, MOST_NAMED);
}
