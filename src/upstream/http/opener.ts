import { exposedBy } from "../../config/plain-http.ts";
import type { UpstreamConfig } from "../../config/schema.ts";
import type { Fault } from "../../core/failure.ts";
import { Secret } from "../../lib/secret.ts";
import type { ChannelEvents } from "../channel/channel.ts";
import { messageLimits } from "../channel/message-limits.ts";
import type { Opener, TransportWorld } from "../channel/opening.ts";
import type { TokenSource } from "./credentials.ts";
import { openDispatcher } from "./dispatcher.ts";
import { failure, SPEAKS_TLS } from "./faults.ts";
import { authorityOf } from "./headers.ts";
import { clientCredentials } from "./oauth.ts";
import { proxyFor } from "./proxy.ts";
import { openSseChannel, type SseChannel, type SseChannelOptions } from "./sse.ts";
import { type HttpChannel, type HttpChannelOptions, openHttpChannel } from "./streamable.ts";
import { speaksTls } from "./tls-probe.ts";

type RemoteConfig = Extract<UpstreamConfig, { transport: "http" | "sse" }>;
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
  const { url, headers, start_timeout } = config;
  const { clock, random, replies, floods, environment, identity, secrets } = world;
  const isExposed = !config.allow_plain_http && exposedBy(config).length > 0;
  const dispatcher = openDispatcher({
    ...{ url, clock, environment, authority: authorityOf(headers), isExposed },
    skipsVerification: config.insecure_skip_verify,
  });
  const userAgent = `${identity.name}/${identity.version}`;
  const credentials = isExposed ? undefined : tokensOf(config, world, userAgent);
  const proxy = proxyFor(url, environment);
  const options: RemoteOptions = {
    ...{ url, headers, clock, random, secrets, dispatcher, room: replies.room() },
    ...{ flood: floods.gate(), sharing: { personal: false } },
    ...{ ...messageLimits(config), userAgent, endpointTimeoutMs: start_timeout * 1_000 },
    ...(credentials && { credentials }),
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
    close: () => dispatcher.close(),
  };
}

/** Token endpoints are reached as upstreams are, through a proxy where the environment names one. */
function tokensOf(
  config: RemoteConfig,
  { clock, environment, secrets }: TransportWorld,
  userAgent: string,
): TokenSource | undefined {
  if (config.auth === undefined) return undefined;
  const { token_url: tokenUrl, scope, audience, client_id: clientId, client_secret } = config.auth;
  return clientCredentials({
    ...{ tokenUrl, clientId, clientSecret: new Secret(client_secret), clock, userAgent, environment, secrets },
    allowPlainHttp: config.allow_plain_http,
    ...(scope !== undefined && { scope }),
    ...(audience !== undefined && { audience }),
  });
}
