/**
 * What the file watch may apply by itself: only changes that start nothing, reach no new place and loosen nothing,
 * whatever its author. Every key of the schema has its line here; a key without one does not compile. Where in doubt:
 * `waits("why")`.
 */
import type { Config, UpstreamConfig } from "./schema.ts";

/** When a change of one setting is safe. `whole`: the configuration that runs. */
export interface Verdict<Value> {
  safe(running: Value, wanted: Value, whole: Config): boolean;
  /** Why a change that is not safe waits. */
  readonly why: string;
  /** A setting of an upstream that takes effect without starting or connecting it again. */
  readonly live?: true;
}

type Verdicts<Table> = { readonly [Key in keyof Table]-?: Verdict<Table[Key]> };
/** All keys of all transports. */
type UpstreamKeys = UpstreamConfig extends infer Each ? (Each extends unknown ? keyof Each : never) : never;
type UpstreamValue<Key> = UpstreamConfig extends infer Each
  ? Each extends unknown
    ? Key extends keyof Each
      ? Each[Key]
      : never
    : never
  : never;

const waits = (why: string): Verdict<unknown> => ({ safe: () => false, why });
const harmless: Verdict<unknown> = { safe: () => true, why: "" };

/** A limit that is missing is none. */
const lower: Verdict<number | undefined> = {
  safe: (running = Number.POSITIVE_INFINITY, wanted = Number.POSITIVE_INFINITY) => wanted <= running,
  why: "a higher limit is a looser one",
};
/** 0 is no limit. */
const lowerOrSet: Verdict<number> = {
  safe: (running, wanted) => lower.safe(running || undefined, wanted || undefined, NOTHING),
  why: lower.why,
};
/** Left out, it follows from another key. */
const lowerWhereSaid: Verdict<number | undefined> = {
  safe: (running, wanted, whole) =>
    running !== undefined && wanted !== undefined && lowerOrSet.safe(running, wanted, whole),
  why: lower.why,
};
const NOTHING = {} as Config;

const fewer: Verdict<readonly string[]> = {
  safe: (running, wanted) => wanted.every(one => running.includes(one)),
  why: "a longer list allows more",
};
const more: Verdict<readonly string[]> = {
  safe: (running, wanted) => running.every(one => wanted.includes(one)),
  why: "what it covered so far would be covered no more",
};
/** Only towards that value. */
const towards = <Value>(value: Value, why: string): Verdict<Value> => ({ safe: (_, wanted) => wanted === value, why });

/**
 * Leaving names out. A name that one upstream gives up is the next one's to take, now or later, and calls would silently go
 * to another server; unless there is none, or every name says whose it is.
 */
const narrower: Verdict<readonly string[] | undefined> = {
  safe: (running, wanted, { naming, upstreams }) =>
    wanted !== undefined &&
    (running === undefined || fewer.safe(running, wanted, NOTHING)) &&
    (naming === "always" || upstreams.length === 1),
  why: "more would be offered, or its names would fall to another upstream",
};
const live = <Value>(verdict: Verdict<Value>): Verdict<Value> => ({ ...verdict, live: true });

const OPENS = "it decides who can connect";
const MOVES = "it can move calls to another server";
const STARTS = "it decides what is started";
const REACHES = "it decides where requests and credentials go";
const OVERHEARD = "it decides who on the way can read along";
const LOGS = "it decides what is kept of calls";
const SHARES = "it decides what agents share";
const TRUSTS = "it makes calls run twice that may not";

const SECURITY = {
  log_requests: waits(LOGS),
  log_responses: waits(LOGS),
  log_max_bytes: waits(LOGS),
  log_on_failure: towards("block", "calls would go unlogged"),
  redact_patterns: more,
  rate_limit_per_minute: lowerOrSet,
  other_requests_per_minute: lowerWhereSaid,
} satisfies Verdicts<Config["security"]>;

/** `security` and `upstreams` have tables of their own. */
const PROXY = {
  enable: waits("it decides whether the gateway starts"),
  watch: waits("it decides what is applied without a person"),
  port: waits(OPENS),
  host: waits(OPENS),
  transport: waits(OPENS),
  max_connections: waits(OPENS),
  allowed_hosts: waits(OPENS),
  allowed_origins: waits(OPENS),
  conflict_strategy: waits(MOVES),
  naming: waits(MOVES),
  load_balancing: harmless,
  max_name_length: harmless,
} satisfies Verdicts<Omit<Config, "security" | "upstreams">>;

const UPSTREAM = {
  name: waits(MOVES),
  transport: waits(REACHES),
  command: waits(STARTS),
  args: waits(STARTS),
  env: waits(STARTS),
  inherit_env: waits(STARTS),
  cwd: waits(STARTS),
  user: waits(STARTS),
  url: waits(REACHES),
  headers: waits(REACHES),
  auth: waits(REACHES),
  protocol: waits(REACHES),
  allow_plain_http: waits(OVERHEARD),
  insecure_skip_verify: waits(OVERHEARD),
  priority: waits(MOVES),
  group: waits(MOVES),
  isolation: waits(SHARES),
  tools: live(narrower),
  prompts: live(narrower),
  // What one leaves out of its URIs another may own at once: no strategy gives them names of their own.
  resources: waits(MOVES),
  templates: waits(MOVES),
  trust_annotations: live(towards(false, TRUSTS)),
  safe_to_retry: live({ ...fewer, why: TRUSTS }),
  timeout: live(lower),
  max_timeout: live(lower),
  tool_timeouts: waits("it decides how long calls may take"),
  attempt_timeout: waits("it decides when a call is sent a second time"),
  start_timeout: lower,
  max_concurrency: lower,
  max_result_bytes: lower,
  health_check_interval: harmless,
} satisfies { readonly [Key in UpstreamKeys]-?: Verdict<UpstreamValue<Key>> };

/** One without a verdict waits. */
const verdictIn =
  (table: Readonly<Record<string, Verdict<never>>>) =>
  (key: string): Verdict<unknown> =>
    Object.hasOwn(table, key) ? (table[key] as Verdict<unknown>) : waits("nothing says that it is harmless");

export const proxyVerdict = verdictIn(PROXY);
export const securityVerdict = verdictIn(SECURITY);
export const upstreamVerdict = verdictIn(UPSTREAM);
