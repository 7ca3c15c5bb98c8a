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
import { type Dispatcher, fetch, Headers, type HeadersInit, type RequestInit, type Response } from "undici";
import type { AttemptFailure } from "../../core/failure.ts";
import type { Clock } from "../../core/ports.ts";
import { Secret } from "../../lib/secret.ts";
import type { Secrets } from "../secrets.ts";
import { CredentialError, cachedToken, type FetchedToken, type TokenSource } from "./credentials.ts";
import { failure, faultOf } from "./faults.ts";
import { type Place, redirectOf, urlOf } from "./redirects.ts";

export interface ClientCredentialsOptions {
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly clientSecret: Secret;
  readonly scope?: string;
  readonly audience?: string;
  readonly clock: Clock;
  readonly userAgent?: string;
  /** Carries the token requests; undici's global one by default. */
  readonly dispatcher?: Dispatcher;
  /** Learns the tokens. */
  readonly secrets?: Secrets;
}

const TIMEOUT_S = 10;
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/**
 * Tokens by the client credentials grant, https://www.rfc-editor.org/rfc/rfc6749#section-4.4. A token URL that would
 * send the secret unencrypted to another machine is refused at every call.
 */
export function clientCredentials(options: ClientCredentialsOptions): TokenSource {
  const url = new URL(options.tokenUrl);
  const plain = url.protocol !== "https:";
  if (plain && !LOOPBACK.test(url.hostname)) {
    const refused = failure(
      "auth_required",
      "not_sent",
      `the token URL at ${url.host} must use https: plain http would send the client secret unencrypted`,
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
  const send: unknown = (url: string, request: RequestInit) => sendTo(url, request, options);
  configuration[customFetch] = send as CustomFetch;
  if (plain) allowInsecureRequests(configuration);
  return configuration;
}

const MAX_REDIRECTS = 10;

/** Goes where the endpoint redirects it within its origin, with the secret; nowhere else. */
async function sendTo(
  url: string,
  request: RequestInit,
  { dispatcher, userAgent }: ClientCredentialsOptions,
): Promise<Response> {
  const { origin, pathname, search, host } = new URL(url);
  const headers = new Headers(request.headers as HeadersInit);
  if (userAgent !== undefined) headers.set("user-agent", userAgent);
  let place: Place = { path: pathname + search, upgraded: false };
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const whole: RequestInit = { ...request, headers, redirect: "manual", ...(dispatcher && { dispatcher }) };
    const response = await fetch(urlOf(origin, place).href, whole);
    const head = { status: response.status, headers: { location: response.headers.get("location") ?? undefined } };
    const redirect = redirectOf(head, { method: "POST", origin, place });
    if (redirect.kind === "none") return response;
    await response.body?.cancel();
    if (redirect.kind === "refuse") throw new CredentialError(unreachable(host, redirect.says));
    place = redirect.place;
  }
  throw new CredentialError(unreachable(host, "redirects in a circle"));
}

const unreachable = (host: string, says: string): AttemptFailure =>
  failure("unreachable", "not_sent", `the token endpoint at ${host}: ${says}`);

function fetched(response: TokenEndpointResponse, secrets: Secrets | undefined): FetchedToken {
  secrets?.learn(
    [response.access_token, response.refresh_token, response.id_token].filter(token => token !== undefined),
  );
  const lifetimeMs = response.expires_in === undefined ? undefined : response.expires_in * 1000;
  return { token: new Secret(response.access_token), lifetimeMs };
}

/** Says what the authorization server said as far as its registered error code goes, and nothing of its text. */
function refusal(error: unknown, host: string): CredentialError {
  for (const one of [error, (error as Error).cause]) if (one instanceof CredentialError) return one;
  if (error instanceof ResponseBodyError) {
    const code = /^[a-z_]{1,40}$/.test(error.error) ? error.error : "an error";
    return new CredentialError(
      failure("auth_required", "not_sent", `the token endpoint at ${host} refused our credentials: ${code}`),
    );
  }
  if (error instanceof ClientError) {
    const says = "gave no usable answer";
    return new CredentialError(failure("unreachable", "not_sent", `the token endpoint at ${host} ${says}`));
  }
  const { detail } = faultOf(error, false);
  return new CredentialError(unreachable(host, detail));
}
