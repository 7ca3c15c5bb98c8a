import { exposedBy } from "../../config/plain-http.ts";
import type { UpstreamConfig } from "../../config/schema.ts";
import { MARK_VARIABLE } from "../../lib/marked-processes.ts";
import { findAccount } from "../../lib/users.ts";
import type { UpstreamEra } from "../../wire/era.ts";
import type { Channel } from "../channel/channel.ts";
import { messageLimits } from "../channel/message-limits.ts";
import type { Opener, TransportWorld } from "../channel/opening.ts";
import { childEnvironment } from "../child/child-environment.ts";
import { openStdioChannel } from "../child/stdio.ts";
import { remoteOpener } from "../http/opener.ts";

/**
 * How agents share conversations with an upstream: all of them one; those that can be asked for the same things one, used
 * by one of them at a time where it asks; or each has its own.
 */
export type Sharing = "all" | "alike" | "none";

/** How one configured upstream is reached: all that depends on its transport. */
export interface Transport {
  /** Where it is, fit to be shown: no credentials, no query, no environment. */
  readonly address: string;
  /** What its catalog on disk belongs to: another command or address is another upstream. */
  readonly identity: string;
  /** Whether losing it again and again is a crash loop (of a child of ours) rather than an outage. */
  readonly crashes: boolean;
  /** What is spoken there, where the configuration or the transport settles it. */
  readonly protocol: "auto" | "legacy" | "modern";
  /** For a conversation's handshake, from its first byte or from the start of its child. */
  readonly startTimeoutMs: number;
  /** Whether each channel is a child of its own. */
  readonly startsChild: boolean;
  /** What its operator has let it do that others must not. */
  readonly notes: readonly string[];
  /** How many conversations there may be besides the main one. */
  readonly maxOwned: number;
  /** How agents share conversations of that era; `channel` is that of one, where one is open. */
  sharing(era: UpstreamEra["name"], channel: Channel | undefined): Sharing;
  opener(world: TransportWorld): Opener;
}

/** Each may be a process of some ten megabytes. */
const MAX_CHILDREN = 100;
const MAX_SESSIONS = 1_000;

type ConfigOf<T extends UpstreamConfig["transport"]> = Extract<UpstreamConfig, { transport: T }>;
type RemoteConfig = ConfigOf<"http"> | ConfigOf<"sse">;

const TRANSPORTS: { [T in UpstreamConfig["transport"]]: (config: ConfigOf<T>) => Transport } = {
  stdio: config => ({
    address: [config.command, ...config.args].join(" "),
    identity: [config.command, ...config.args].join("\0"),
    crashes: true,
    protocol: config.protocol,
    startTimeoutMs: config.start_timeout * 1_000,
    startsChild: true,
    notes: [],
    maxOwned: MAX_CHILDREN,
    sharing: era => ISOLATION[config.isolation][era],
    opener: world => childOpener(config, world),
  }),
  sse: config => ({
    ...remote(config),
    protocol: "legacy",
    sharing: () => "none",
    opener: world => remoteOpener(config, world, "sse"),
  }),
  http: config => ({
    ...remote(config),
    protocol: config.protocol,
    sharing: (era, channel) => (isStateful(era, channel) ? "none" : "all"),
    opener: world => remoteOpener(config, world, "http"),
  }),
};

/** What `isolation` means for the children of one era; one that is told with each request whom it works for serves all. */
const ISOLATION: Readonly<Record<ConfigOf<"stdio">["isolation"], Readonly<Record<UpstreamEra["name"], Sharing>>>> = {
  shared: { legacy: "all", modern: "all" },
  auto: { legacy: "alike", modern: "all" },
  per_agent: { legacy: "none", modern: "none" },
};
/** Whether a server of that era may keep something for each of its clients. */
const STATEFUL: Readonly<Record<UpstreamEra["name"], boolean>> = { legacy: true, modern: false };

/** Whether each agent needs a conversation of its own; `channel` is that of one, where one is open. */
const isStateful = (era: UpstreamEra["name"], channel: Channel | undefined): boolean =>
  channel?.holdsState ?? STATEFUL[era];

export function transportOf(config: UpstreamConfig): Transport {
  return (TRANSPORTS[config.transport] as (config: UpstreamConfig) => Transport)(config);
}

function childOpener(config: ConfigOf<"stdio">, world: TransportWorld): Opener {
  const { clock, registry, environment, baseDir, replies, floods, secrets } = world;
  const room = replies.room();
  const flood = floods.gate();
  const { command, args, cwd = baseDir } = config;
  return {
    close: async () => {},
    open(events) {
      // Looked up at each start: it may be another one by now.
      const runAs = config.user === undefined ? undefined : { user: config.user, found: findAccount(config.user) };
      const account = runAs?.found.ok ? runAs.found.account : undefined;
      const given = childEnvironment({ base: environment, inherit: config.inherit_env, env: config.env, account });
      const env = { ...given, [MARK_VARIABLE]: registry.mark() };
      const spec = { command, args, cwd, env, runAs };
      const host = { clock, registry, environment, hide: secrets.hide };
      return openStdioChannel({ ...host, ...messageLimits(config), room, flood, spec }, events);
    },
  };
}

const NOT_VERIFIED =
  "any server that answers there is believed: its certificate is not verified (insecure_skip_verify)";
const EXPOSED = "credentials go to it unencrypted (allow_plain_http)";

function remote(config: RemoteConfig): Omit<Transport, "protocol" | "sharing" | "opener"> {
  const { url, start_timeout } = config;
  const { origin, pathname, search } = new URL(url);
  const notes = [
    ...(config.insecure_skip_verify ? [NOT_VERIFIED] : []),
    ...(config.allow_plain_http && exposedBy(config).length > 0 ? [EXPOSED] : []),
  ];
  return {
    ...{ address: origin + pathname, identity: origin + pathname + search, crashes: false },
    ...{ startTimeoutMs: start_timeout * 1_000, startsChild: false, maxOwned: MAX_SESSIONS },
    notes,
  };
}
