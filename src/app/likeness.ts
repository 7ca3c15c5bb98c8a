import type { UpstreamConfig } from "../config/schema.ts";
import { canonicalJson } from "../core/canonical-json.ts";

/** What the configuration says about who may be a replica of whom without being told. */
export interface Likeness {
  /** Equal for upstreams that may be each other's replicas. */
  readonly fingerprint: string;
  /** What is known of the time of loading belongs to: another place, or what is started otherwise, is another upstream. */
  readonly identity: string;
  /** Whether any other upstream has the same fingerprint. */
  readonly hasTwin: boolean;
}

/** Replicas may differ in these; of headers and `auth`, in what is a credential. */
const OWN: ReadonlySet<string> = new Set([
  ...["name", "url", "priority", "health_check_interval", "auth", "headers", "group"],
]);
/** Who an upstream is. Limits, filters and times are about what it may do, and do not change the verdict. */
const OF_THE_PLACE: ReadonlySet<string> = new Set([
  ...["transport", "command", "args", "env", "inherit_env", "cwd", "user", "protocol"],
]);
const CREDENTIAL_HEADER = /authorization|cookie|api[_-]?key|token|secret|passw|credential/i;
/** An address of this machine, or its one name that no name server is asked for. */
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\]|\[::ffff:7f[\da-f]{2}:[\da-f]{1,4}\])$/;

/** By name of the upstream. Members of a group are told, and are like no other. */
export function likenesses(configs: readonly UpstreamConfig[]): ReadonlyMap<string, Likeness> {
  const traits = configs.filter(({ group }) => group === undefined).map(traitsOf);
  const accounts = new Set(repeatedPlaces(traits));
  const fingerprints = traits.map(({ fingerprint, credentials }) =>
    accounts.has(fingerprint) ? JSON.stringify([fingerprint, credentials]) : fingerprint,
  );
  return new Map(
    traits.map(({ name, identity }, at) => {
      const fingerprint = fingerprints[at]!;
      const hasTwin = fingerprints.some((other, where) => where !== at && other === fingerprint);
      return [name, { fingerprint, identity, hasTwin }];
    }),
  );
}

/**
 * Names of upstreams that are like another one in `next` and were not in `running`: that they are is decided when
 * the configuration is loaded, and by no limits.
 */
export function newTwins(running: readonly UpstreamConfig[], next: readonly UpstreamConfig[]): ReadonlySet<string> {
  const [before, after] = [likenesses(running), likenesses(next)];
  const isLike = (all: ReadonlyMap<string, Likeness>, one: string, other: string): boolean =>
    all.get(one) !== undefined && all.get(one)?.fingerprint === all.get(other)?.fingerprint;
  const names = [...after].flatMap(([name, { hasTwin }]) => (hasTwin ? [name] : []));
  return new Set(
    names.filter(one => names.some(other => one !== other && isLike(after, one, other) && !isLike(before, one, other))),
  );
}

interface Traits {
  readonly name: string;
  readonly fingerprint: string;
  readonly identity: string;
  readonly address: string;
  readonly credentials: string;
}

/** Settings, the owner of the place, and where credentials go have to be the same. */
function traitsOf(config: UpstreamConfig): Traits {
  const settings = Object.entries(config).filter(([key]) => !OWN.has(key));
  const remote = "url" in config ? remoteTraits(config) : { shared: [], address: "", credentials: "" };
  const { shared, address, credentials } = remote;
  const fingerprint = canonicalJson([Object.fromEntries(settings), shared]);
  const place = settings.filter(([key]) => OF_THE_PLACE.has(key));
  const identity = canonicalJson([Object.fromEntries(place), shared, address]);
  return { name: config.name, fingerprint, identity, address, credentials };
}

function remoteTraits({ url, headers, auth }: Exclude<UpstreamConfig, { transport: "stdio" }>) {
  const { origin, hostname, pathname, search, username, password } = new URL(url);
  const owner = LOOPBACK.test(hostname.replace(/\.$/, "")) ? "loopback" : origin;
  const named = Object.entries(headers).map(([name, value]): [string, string] => [name.toLowerCase(), value]);
  const isCredential = ([name]: [string, string]): boolean => CREDENTIAL_HEADER.test(name);
  const { client_id, client_secret, token_url, ...asked } = auth ?? {};
  return {
    // A query often says which of several projects is meant. The address of a token endpoint often says whose it is.
    shared: [
      ...[owner, search, named.filter(header => !isCredential(header)).toSorted()],
      token_url === undefined ? null : [new URL(token_url).href, asked],
    ],
    address: origin + pathname + search,
    credentials: JSON.stringify([username, password, named.filter(isCredential).toSorted(), client_id, client_secret]),
  };
}

/** One address with several credentials is several accounts, and what is done with one is not done with another. */
function* repeatedPlaces(traits: readonly Traits[]): Iterable<string> {
  const known = new Map<string, string>();
  for (const { fingerprint, address, credentials } of traits) {
    const key = JSON.stringify([fingerprint, address]);
    if ((known.get(key) ?? credentials) !== credentials) yield fingerprint;
    known.set(key, credentials);
  }
}
