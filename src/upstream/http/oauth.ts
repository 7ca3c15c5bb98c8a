import {
  allowInsecureRequests,
  type ClientAuth,
  ClientError,
  Configuration,
  type CustomFetch,
  clientCredentialsGrant,
  customFetch,
  ResponseBodyError,
  type TokenEndpointResponse,
} from "openid-client";
import { isThisMachine } from "../../config/plain-http.ts";
import type { AttemptFailure } from "../../core/failure.ts";
import type { Clock } from "../../core/ports.ts";
import { Secret } from "../../lib/secret.ts";
import type { Secrets } from "../channel/secrets.ts";
import { CredentialError, cachedToken, type FetchedToken, type TokenSource } from "./credentials.ts";
import { failure, faultOf } from "./faults.ts";
import { fetchOutside, OUTSIDE, OutsideError } from "./outside.ts";
import type { Environment } from "./proxy.ts";

export interface ClientCredentialsOptions {
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly clientSecret: Secret;
  readonly scope?: string;
  readonly audience?: string;
  readonly clock: Clock;
  readonly userAgent?: string;
  /** The gateway's own, which may name a proxy; by default none. */
  readonly environment?: Environment;
  /** Whether the secret may go unencrypted to another machine. */
  readonly allowPlainHttp?: boolean;
  /** Learns the tokens. */
  readonly secrets?: Secrets;
}

/** For the whole answer there is a time of its own; this one only has to be longer. */
const TIMEOUT_S = OUTSIDE.timeoutMs / 1_000 + 5;
/** Longer than any that is issued; header lines have a limit everywhere. */
const MAX_TOKEN_LENGTH = 16 * 1024;
/** https://www.rfc-editor.org/rfc/rfc6749#appendix-A.12, without blanks: what can stand in a header as it is. */
const TOKEN = /^[\x21-\x7e]+$/;

interface TokenRequest {
  readonly headers: Record<string, string>;
  readonly body?: unknown;
}

/**
 * Tokens by the client credentials grant, https://www.rfc-editor.org/rfc/rfc6749#section-4.4. A token URL that would
 * send the secret unencrypted to another machine is refused at every call, unless that is allowed.
 */
export function clientCredentials(options: ClientCredentialsOptions): TokenSource {
  const url = new URL(options.tokenUrl);
  const plain = url.protocol !== "https:";
  if (plain && !isThisMachine(url) && options.allowPlainHttp !== true) {
    const refused = failure(
      "auth_required",
      "not_sent",
      `the token URL at ${url.host} must use https: plain http would send the client secret unencrypted; ` +
        "`allow_plain_http = true` sends it all the same",
    );
    return { token: () => Promise.reject(new CredentialError(refused)), invalidate: () => {} };
  }
  const configuration = configure(options, plain);
  const { scope, audience } = options;
  const parameters = { ...(scope !== undefined && { scope }), ...(audience !== undefined && { audience }) };
  return cachedToken({
    clock: options.clock,
    fetch: async () => {
      try {
        return fetched(await clientCredentialsGrant(configuration, parameters), options.secrets);
      } catch (error) {
        throw refusal(error, url.host);
      }
    },
  });
}

/**
 * The client's name and secret in form encoding, https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1. Characters that
 * need none stay as they are: servers that forget to decode are common, and `-` is in most secrets.
 */
function basic(secret: string): ClientAuth {
  const encode = (text: string): string => new URLSearchParams([["", text]]).toString().slice(1);
  return (_server, client, _body, headers) => {
    const pair = `${encode(client.client_id)}:${encode(secret)}`;
    headers.set("authorization", `Basic ${Buffer.from(pair).toString("base64")}`);
  };
}

function configure(options: ClientCredentialsOptions, plain: boolean): Configuration {
  const server = { issuer: new URL(options.tokenUrl).origin, token_endpoint: options.tokenUrl };
  const secret = options.clientSecret.reveal();
  const configuration = new Configuration(server, options.clientId, undefined, basic(secret));
  configuration.timeout = TIMEOUT_S;
  const send: unknown = (url: string, request: TokenRequest) => sendTo(url, request, options);
  configuration[customFetch] = send as CustomFetch;
  if (plain) allowInsecureRequests(configuration);
  return configuration;
}

/** Lets nothing of the answer through but what the grant is about. */
async function sendTo(url: string, request: TokenRequest, options: ClientCredentialsOptions): Promise<Response> {
  const { clock, environment = {}, userAgent } = options;
  const headers = Object.fromEntries(new Headers(request.headers));
  const sent = { url, method: "POST", headers, body: String(request.body) } as const;
  const { status, text } = await fetchOutside(sent, { clock, environment, userAgent });
  const isUsable = status >= 200 && status <= 599 && text !== undefined;
  if (!isUsable) throw new OutsideError(`gave no usable answer (HTTP ${status})`);
  return new Response(text, { status, headers: { "content-type": "application/json" } });
}

const unreachable = (host: string, says: string): AttemptFailure =>
  failure("unreachable", "not_sent", atTokenEndpoint(host, says));

/** The host comes first: behind the word it would be taken for a token, and not be told. */
export const atTokenEndpoint = (host: string, says: string): string => `${host}, the token endpoint: ${says}`;

function fetched(response: TokenEndpointResponse, secrets: Secrets | undefined): FetchedToken {
  const { access_token: token, token_type: type, expires_in: lifetimeS } = response;
  secrets?.learn([token, response.refresh_token, response.id_token].filter(each => each !== undefined));
  if (type !== "bearer") throw new OutsideError("gave a token that is no bearer token");
  if (token.length > MAX_TOKEN_LENGTH) throw new OutsideError("gave a token that is too long");
  if (!TOKEN.test(token)) throw new OutsideError("gave a token that no header can carry");
  const isKnown = lifetimeS !== undefined && Number.isFinite(lifetimeS);
  return { token: new Secret(token), lifetimeMs: isKnown ? lifetimeS * 1_000 : undefined };
}

/** Says what the authorization server said as far as its registered error code goes, and nothing of its text. */
function refusal(error: unknown, host: string): CredentialError {
  for (const one of [error, (error as Error).cause]) if (one instanceof CredentialError) return one;
  if (error instanceof ResponseBodyError) {
    const code = /^[a-z_]{1,40}$/.test(error.error) ? error.error : "an error";
    return new CredentialError(
      failure("auth_required", "not_sent", atTokenEndpoint(host, `it refuses the client: ${code}`)),
    );
  }
  const outside = [error, (error as Error).cause].find(one => one instanceof OutsideError);
  if (outside instanceof OutsideError) {
    const broke = outside.cause === undefined ? outside.message : faultOf(outside.cause, false).detail;
    return new CredentialError(unreachable(host, broke));
  }
  if (error instanceof ClientError) return new CredentialError(unreachable(host, "gave no usable answer"));
  return new CredentialError(unreachable(host, faultOf(error, false).detail));
}
