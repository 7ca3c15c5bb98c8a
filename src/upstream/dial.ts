import type { UpstreamConfig } from "../config/schema.ts";
import type { Payload } from "../core/payload.ts";
import type { Clock, Random } from "../core/ports.ts";
import { Secret } from "../lib/secret.ts";
import type { Message } from "../wire/message.ts";
import type { Identity } from "../wire/modern.ts";
import type { Channel, ChannelEvents } from "./channel.ts";
import { childEnvironment } from "./child/child-environment.ts";
import type { ProcessRegistry } from "./child/process-registry.ts";
import { openStdioChannel } from "./child/stdio.ts";
import type { Opened } from "./connector.ts";
import type { TokenSource } from "./http/credentials.ts";
import { openDispatcher, type UpstreamDispatcher } from "./http/dispatcher.ts";
import { clientCredentials } from "./http/oauth.ts";
import { openSseChannel } from "./http/sse.ts";
import { type HttpChannel, openHttpChannel } from "./http/streamable.ts";
import type { Link } from "./link.ts";
import { type Known, negotiate } from "./negotiate.ts";
import type { Parking } from "./parking.ts";

/** What opening a connection needs from the place where the gateway runs. */
export interface DialWorld {
  readonly clock: Clock;
  readonly random: Random;
  readonly identity: Identity;
  readonly registry: ProcessRegistry;
  /** The gateway's own environment, of which children get only what the configuration lets through. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Working directory of children. */
  readonly baseDir: string;
  readonly parking: Parking;
}

/** Opens conversations with one upstream. */
export interface Dialer {
  open(listener: DialListener): Promise<Opened>;
  /** Whether the upstream keeps state for the agent of a conversation, so that each agent needs one of its own. */
  holdsState(link: Link): boolean;
  /** What is known of the upstream's revision no longer holds. */
  forget(): void;
  /** Last words of a child that is gone. */
  lastStderr(): readonly string[];
  close(): Promise<void>;
}

export interface DialListener {
  /** A message that belongs to no request; `link` is `undefined` until the handshake is over. */
  message(link: Link | undefined, message: Message): void;
  /** The conversation is over, by itself or because it was closed. */
  lost(detail: string, link: Link): void;
  /** What the upstream may ask for on this link, where it learns that when the conversation opens. */
  readonly declared: Payload;
  readonly signal: AbortSignal;
}

const HANDSHAKE = { timeoutMs: 30_000, probeTimeoutMs: 5_000 } as const;

type ConfigOf<Transport extends UpstreamConfig["transport"]> = Extract<UpstreamConfig, { transport: Transport }>;

/** One way to reach an upstream, bound to its configuration. */
interface Transport {
  open(events: ChannelEvents): Channel;
  holdsState(channel: Channel): boolean;
  /** The revision family to begin with, where the transport settles it. */
  readonly known: Known;
  close(): Promise<void>;
}

const TRANSPORTS: { [T in UpstreamConfig["transport"]]: (config: ConfigOf<T>, world: DialWorld) => Transport } = {
  stdio: stdioTransport,
  sse: (config, world) => {
    const remote = remoteOptions(config, world);
    return {
      known: "legacy",
      open: events => openSseChannel(remote, events),
      holdsState: () => true,
      close: () => remote.dispatcher.close(),
    };
  },
  http: (config, world) => {
    const remote = remoteOptions(config, world);
    return {
      known: undefined,
      open: events => openHttpChannel(remote, events),
      holdsState: channel => (channel as HttpChannel).sessionId !== undefined,
      close: () => remote.dispatcher.close(),
    };
  },
};

function stdioTransport(config: ConfigOf<"stdio">, world: DialWorld): Transport {
  const { clock, registry, environment, baseDir } = world;
  return {
    known: undefined,
    holdsState: () => config.isolation === "per_agent",
    close: async () => {},
    open: events =>
      openStdioChannel(
        {
          clock,
          registry,
          environment,
          spec: {
            command: config.command,
            args: config.args,
            cwd: config.cwd ?? baseDir,
            env: childEnvironment({ base: environment, inherit: config.inherit_env, env: config.env }),
          },
        },
        events,
      ),
  };
}

function remoteOptions(
  config: ConfigOf<"http"> | ConfigOf<"sse">,
  world: DialWorld,
): {
  url: string;
  headers: Record<string, string>;
  clock: Clock;
  random: Random;
  dispatcher: UpstreamDispatcher;
  credentials?: TokenSource;
} {
  const { clock, random } = world;
  const { url, headers, auth } = config;
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
  return { url, headers, clock, random, dispatcher: openDispatcher({ url, clock }), ...credentials };
}

const stumbled = (error: unknown): Opened => ({
  kind: "failed",
  fault: "protocol_error",
  delivery: "refused",
  detail: `its handshake could not be read: ${error instanceof Error ? error.message : String(error)}`,
});

export function createDialer(config: UpstreamConfig, world: DialWorld): Dialer {
  const make = TRANSPORTS[config.transport] as (config: UpstreamConfig, world: DialWorld) => Transport;
  const transport = make(config, world);
  let known = transport.known;
  let stderr: readonly string[] = [];

  async function open(listener: DialListener, trying: Known): Promise<Opened> {
    let link: Link | undefined;
    let ended: string | undefined;
    const channel = transport.open({
      message: message => listener.message(link, message),
      closed(detail) {
        stderr = channel.stderr();
        ended = detail;
        if (link) listener.lost(detail, link);
      },
    });
    const { identity, clock, parking } = world;
    const { signal, declared } = listener;
    const unclaimed = (message: Message): void => listener.message(link, message);
    const handshake = { channel, identity, clock, parking, signal, declared, unclaimed, ...HANDSHAKE };
    // What one upstream makes us stumble over must not end what all the others are served by.
    const negotiated = await negotiate(handshake, trying).catch(stumbled);
    if (negotiated.kind === "open" && ended !== undefined) {
      // It ended after its last answer: whoever got this link would wait for an end that was already told.
      return { kind: "failed", fault: "unreachable", delivery: "not_sent", detail: ended };
    }
    if (negotiated.kind === "open") {
      link = negotiated.link;
      known = link.era.name;
      return negotiated;
    }
    await channel.close();
    stderr = channel.stderr();
    known = transport.known;
    // Some servers end on the first request that they do not know; they get the one that they do.
    const diedOfTheQuestion = trying === undefined && negotiated.fault === "connection_lost";
    return diedOfTheQuestion ? open(listener, "legacy") : negotiated;
  }

  return {
    open: listener => open(listener, known),
    holdsState: link => transport.holdsState(link.channel),
    forget() {
      known = transport.known;
    },
    lastStderr: () => stderr,
    close: () => transport.close(),
  };
}

/** Where an upstream is, fit to be shown: no credentials, no query, no environment. */
export function addressOf(config: UpstreamConfig): string {
  if (config.transport === "stdio") return [config.command, ...config.args].join(" ");
  const { origin, pathname } = new URL(config.url);
  return origin + pathname;
}
