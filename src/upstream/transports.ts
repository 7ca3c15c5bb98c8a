import type { UpstreamConfig } from "../config/schema.ts";
import type { Channel } from "./channel.ts";
import { childEnvironment } from "./child/child-environment.ts";
import { openStdioChannel } from "./child/stdio.ts";
import { remoteOpener } from "./http/opener.ts";
import type { SseChannel } from "./http/sse.ts";
import type { HttpChannel } from "./http/streamable.ts";
import type { Opener, TransportWorld } from "./opening.ts";

/** How agents share what runs at an upstream; `auto`: all of them one, until it shows that it would like to ask. */
export type Isolation = "shared" | "per_agent" | "auto";

/** How one configured upstream is reached: all that depends on its transport. */
export interface Transport {
  /** Where it is, fit to be shown: no credentials, no query, no environment. */
  readonly address: string;
  /** What its catalog on disk belongs to: another command or address is another upstream. */
  readonly identity: string;
  /** Whether losing it again and again is a crash loop (of a child of ours) rather than an outage. */
  readonly crashes: boolean;
  readonly isolation: Isolation;
  /** What is spoken there, where the configuration or the transport settles it. */
  readonly protocol: "auto" | "legacy" | "modern";
  /** For a conversation's handshake, from its first byte or from the start of its child. */
  readonly startTimeoutMs: number;
  /** Whether each channel is a child of its own. */
  readonly startsChild: boolean;
  /** Whether the upstream keeps state for the agent that this channel was opened for. */
  holdsState(channel: Channel): boolean;
  opener(world: TransportWorld): Opener;
}

type ConfigOf<T extends UpstreamConfig["transport"]> = Extract<UpstreamConfig, { transport: T }>;
type RemoteConfig = ConfigOf<"http"> | ConfigOf<"sse">;

const TRANSPORTS: { [T in UpstreamConfig["transport"]]: (config: ConfigOf<T>) => Transport } = {
  stdio: config => ({
    address: [config.command, ...config.args].join(" "),
    identity: [config.command, ...config.args].join("\0"),
    crashes: true,
    isolation: config.isolation,
    protocol: config.protocol,
    startTimeoutMs: config.start_timeout * 1_000,
    startsChild: true,
    holdsState: () => config.isolation === "per_agent",
    opener: world => childOpener(config, world),
  }),
  sse: config => ({
    ...remote(config),
    protocol: "legacy",
    holdsState: () => true,
    opener: world => remoteOpener(config, world, "sse"),
  }),
  http: config => ({
    ...remote(config),
    protocol: config.protocol,
    holdsState: channel => (channel as HttpChannel | SseChannel).holdsState,
    opener: world => remoteOpener(config, world, "http"),
  }),
};

export function transportOf(config: UpstreamConfig): Transport {
  return (TRANSPORTS[config.transport] as (config: UpstreamConfig) => Transport)(config);
}

function childOpener(config: ConfigOf<"stdio">, world: TransportWorld): Opener {
  const { clock, registry, environment, baseDir, replies } = world;
  const room = replies.room();
  const { command, args, cwd = baseDir } = config;
  return {
    close: async () => {},
    open(events) {
      const env = childEnvironment({ base: environment, inherit: config.inherit_env, env: config.env });
      return openStdioChannel({ clock, registry, environment, room, spec: { command, args, cwd, env } }, events);
    },
  };
}

function remote({ url, start_timeout }: RemoteConfig): Omit<Transport, "protocol" | "holdsState" | "opener"> {
  const { origin, pathname, search } = new URL(url);
  return {
    ...{ address: origin + pathname, identity: origin + pathname + search, crashes: false, isolation: "shared" },
    ...{ startTimeoutMs: start_timeout * 1_000, startsChild: false },
  };
}
