import type { UpstreamConfig } from "../config/schema.ts";
import type { Clock, Random } from "../core/ports.ts";
import { Secret } from "../lib/secret.ts";
import type { UpstreamEra } from "../wire/era.ts";
import type { Channel, ChannelEvents } from "./channel.ts";
import { childEnvironment } from "./child/child-environment.ts";
import type { ProcessRegistry } from "./child/process-registry.ts";
import { openStdioChannel } from "./child/stdio.ts";
import type { TokenSource } from "./http/credentials.ts";
import { openDispatcher, type UpstreamDispatcher } from "./http/dispatcher.ts";
import { clientCredentials } from "./http/oauth.ts";
import { openSseChannel } from "./http/sse.ts";
import { type HttpChannel, openHttpChannel } from "./http/streamable.ts";
import type { ReplyRoom, ReplyRooms } from "./reply-room.ts";

/** What opening a channel needs from the place where the gateway runs. */
export interface TransportWorld {
  readonly clock: Clock;
  readonly random: Random;
  readonly registry: ProcessRegistry;
  /** The gateway's own environment, of which children get only what the configuration lets through. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Working directory of children. */
  readonly baseDir: string;
  readonly replies: ReplyRooms;
}

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
  /** How many conversations there may be besides the main one. */
  readonly maxOwned: number;
  /** How agents share conversations of that era; `channel` is that of one, where one is open. */
  sharing(era: UpstreamEra["name"], channel: Channel | undefined): Sharing;
  opener(world: TransportWorld): Opener;
}

/** Opens channels to one upstream. */
export interface Opener {
  open(events: ChannelEvents): Channel;
  close(): Promise<void>;
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
    maxOwned: MAX_CHILDREN,
    sharing: era => ISOLATION[config.isolation][era],
    opener: world => childOpener(config, world),
  }),
  sse: config => ({
    ...remote(config),
    protocol: "legacy",
    sharing: () => "none",
    opener: world => remoteOpener(config, world, openSseChannel),
  }),
  http: config => ({
    ...remote(config),
    protocol: config.protocol,
    sharing: (era, channel) => (STATEFUL[era] && !isStateless(channel) ? "none" : "all"),
    opener: world => remoteOpener(config, world, openHttpChannel),
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
const isStateless = (channel: Channel | undefined): boolean =>
  channel !== undefined && (channel as HttpChannel).sessionId === undefined;

export function transportOf(config: UpstreamConfig): Transport {
  return (TRANSPORTS[config.transport] as (config: UpstreamConfig) => Transport)(config);
}

function childOpener(config: ConfigOf<"stdio">, world: TransportWorld): Opener {
  const { clock, registry, environment, baseDir, replies } = world;
  const room = replies.room();
  const { command, args, cwd = baseDir, max_result_bytes: maxMessageBytes } = config;
  return {
    close: async () => {},
    open(events) {
      const env = childEnvironment({ base: environment, inherit: config.inherit_env, env: config.env });
      const spec = { command, args, cwd, env };
      return openStdioChannel({ clock, registry, environment, room, maxMessageBytes, spec }, events);
    },
  };
}

function remote({ url, start_timeout }: RemoteConfig): Omit<Transport, "protocol" | "sharing" | "opener"> {
  const { origin, pathname } = new URL(url);
  return {
    ...{ address: origin + pathname, identity: url, crashes: false },
    ...{ startTimeoutMs: start_timeout * 1_000, startsChild: false, maxOwned: MAX_SESSIONS },
  };
}

interface RemoteOptions {
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly clock: Clock;
  readonly random: Random;
  readonly dispatcher: UpstreamDispatcher;
  readonly room: ReplyRoom;
  readonly maxMessageBytes: number;
  readonly credentials?: TokenSource;
  /** How long it may take until messages can be sent, where that takes anything. */
  readonly endpointTimeoutMs: number;
}

function remoteOpener(
  { url, headers, auth, start_timeout, max_result_bytes: maxMessageBytes }: RemoteConfig,
  { clock, random, replies }: TransportWorld,
  openChannel: (options: RemoteOptions, events: ChannelEvents) => Channel,
): Opener {
  const dispatcher = openDispatcher({ url, clock });
  const credentials = auth && {
    credentials: clientCredentials({
      tokenUrl: auth.token_url,
      clientId: auth.client_id,
      clientSecret: new Secret(auth.client_secret),
      clock,
      ...(auth.scope !== undefined && { scope: auth.scope }),
      ...(auth.audience !== undefined && { audience: auth.audience }),
    }),
  };
  const room = replies.room();
  const options: RemoteOptions = {
    url,
    headers,
    clock,
    random,
    dispatcher,
    room,
    maxMessageBytes,
    ...credentials,
    endpointTimeoutMs: start_timeout * 1_000,
  };
  return {
    open: events => openChannel(options, events),
    close: () => dispatcher.close(),
  };
}
