import { Agent } from "undici";
import type { UpstreamConfig } from "../../config/schema.ts";
import type { Fault } from "../../core/failure.ts";
import { Secret } from "../../lib/secret.ts";
import type { ChannelEvents } from "../channel.ts";
import type { Opener, TransportWorld } from "../opening.ts";
import type { TokenSource } from "./credentials.ts";
import { openDispatcher } from "./dispatcher.ts";
import { failure, SPEAKS_TLS } from "./faults.ts";
import { authorityOf } from "./headers.ts";
import { clientCredentials } from "./oauth.ts";
import { proxyFor } from "./proxy.ts";
import { openSseChannel, type SseChannel, type SseChannelOptions } from "./sse.ts";
import { type HttpChannel, type HttpChannelOptions, openHttpChannel } from "./streamable.ts";
import { speaksTls } from "./tls-probe.ts";
import { connectorTo } from "./undici-transport.ts";

type RemoteConfig = Exclude<UpstreamConfig, { transport: "stdio" }>;
type Speaks = RemoteConfig["transport"];
type Remote = HttpChannel | SseChannel;
type RemoteOptions = HttpChannelOptions & SseChannelOptions;

/** The two transports over HTTP, and what a server that does not speak the one most often speaks. */
const CHANNELS: {
  readonly [S in Speaks]: {
    readonly open: (options: RemoteOptions, events: ChannelEvents) => Remote;
    readonly other: Speaks;
  };
} = {
  http: { open: openHttpChannel, other: "sse" },
  sse: { open: openSseChannel, other: "http" },
};

/** What a server of TLS makes of a plain request. */
const GARBLED: ReadonlySet<Fault> = new Set(["connection_lost", "protocol_error", "rejected"]);

/** Opens channels to an upstream over HTTP, which share its connections and its credentials. */
export function remoteOpener(config: RemoteConfig, world: TransportWorld, speaks: Speaks): Opener {
  const { url, headers, auth, start_timeout, max_result_bytes: maxMessageBytes } = config;
  const { clock, random, replies, environment, identity, secrets } = world;
  const dispatcher = openDispatcher({ url, clock, environment, authority: authorityOf(headers) });
  const userAgent = `${identity.name}/${identity.version}`;
  const tokens = auth && tokensOf(auth, { world, userAgent });
  const proxy = proxyFor(url, environment);
  const options: RemoteOptions = {
    ...{ url, headers, clock, random, secrets, dispatcher, room: replies.room(), sharing: { personal: false } },
    ...{ userAgent, maxMessageBytes, endpointTimeoutMs: start_timeout * 1_000 },
    ...(tokens && { credentials: tokens.source }),
  };
  let way = speaks;
  let last: Remote | undefined;
  return {
    open(events) {
      last = CHANNELS[way].open(options, events);
      return last;
    },
    turn() {
      // Whoever spoke the other one and is gone may have been replaced by what is configured.
      if (way === speaks && last?.refusal === undefined) return false;
      way = CHANNELS[way].other;
      return true;
    },
    turnBack() {
      way = speaks;
    },
    async explain(failed, signal) {
      const isPlain = new URL(url).protocol === "http:" && proxy.kind === "direct";
      if (!isPlain || !GARBLED.has(failed.fault) || !(await speaksTls(url, { clock, signal }))) return failed;
      return failure("unreachable", failed.delivery, SPEAKS_TLS);
    },
    proxy: proxy.kind === "direct" ? undefined : proxy.address,
    async close() {
      await Promise.all([dispatcher.close(), tokens?.close()]);
    },
  };
}

interface Tokens {
  readonly source: TokenSource;
  close(): Promise<void>;
}

/** Token endpoints are reached as upstreams are, through a proxy where the environment names one. */
function tokensOf(
  auth: NonNullable<RemoteConfig["auth"]>,
  { world: { clock, environment, secrets }, userAgent }: { world: TransportWorld; userAgent: string },
): Tokens {
  const { token_url: tokenUrl, scope, audience } = auth;
  const proxy = proxyFor(tokenUrl, environment);
  const agent =
    proxy.kind === "proxy"
      ? new Agent({ connect: connectorTo(new URL(tokenUrl), { url: tokenUrl, clock, proxy }) })
      : undefined;
  const source = clientCredentials({
    ...{ tokenUrl, clientId: auth.client_id, clientSecret: new Secret(auth.client_secret), clock, userAgent, secrets },
    ...(scope !== undefined && { scope }),
    ...(audience !== undefined && { audience }),
    ...(agent && { dispatcher: agent }),
  });
  return { source, close: async () => agent?.destroy() };
}
