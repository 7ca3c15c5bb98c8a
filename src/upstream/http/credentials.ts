import type { AttemptFailure } from "../../core/failure.ts";
import type { Clock } from "../../core/ports.ts";
import type { Secret } from "../../lib/secret.ts";

/** Where an upstream's bearer token comes from. */
export interface TokenSource {
  /** The token to send; a promise only while one is being fetched. Rejects with {@link CredentialError}. */
  token(): string | Promise<string>;
  /** The upstream refused this token. Nothing happens when a newer one is already there. */
  invalidate(token: string): void;
}

/** No token can be had. `failure` is what became of the request that needed it; neither holds the secret. */
export class CredentialError extends Error {
  readonly failure: AttemptFailure;

  constructor(failure: AttemptFailure) {
    super(failure.detail);
    this.failure = failure;
  }
}

export interface FetchedToken {
  readonly token: Secret;
  /** How long it is good for, where the authorization server said. */
  readonly lifetimeMs: number | undefined;
}

const REFRESH_EARLY_MS = 60_000;
const BACKOFF_MS = 1_000;
/** Assumed where nothing is said; a refused token is replaced anyway. */
const DEFAULT_LIFETIME_MS = 3_600_000;

/**
 * Keeps one token: fetched once for any number of callers at a time, renewed before it expires, never fetched more
 * often than once a second while fetching fails. `fetch` rejects with {@link CredentialError}.
 */
export function cachedToken(options: { readonly clock: Clock; fetch(): Promise<FetchedToken> }): TokenSource {
  const { clock } = options;
  let current: { readonly token: Secret; readonly goodUntil: number } | undefined;
  let underway: Promise<string> | undefined;
  let failed: { readonly error: unknown; readonly until: number } | undefined;

  const renew = async (): Promise<string> => {
    try {
      const { token, lifetimeMs = DEFAULT_LIFETIME_MS } = await options.fetch();
      // A token that lives for less than ten minutes gives up a tenth of its life instead of a whole minute.
      current = { token, goodUntil: clock.now() + lifetimeMs - Math.min(REFRESH_EARLY_MS, lifetimeMs / 10) };
      failed = undefined;
      return token.reveal();
    } catch (error) {
      failed = { error, until: clock.now() + BACKOFF_MS };
      throw error;
    } finally {
      underway = undefined;
    }
  };

  return {
    token() {
      if (current && clock.now() < current.goodUntil) return current.token.reveal();
      if (underway) return underway;
      if (failed && clock.now() < failed.until) return Promise.reject(failed.error);
      underway = renew();
      return underway;
    },
    invalidate(token) {
      if (current?.token.reveal() === token) current = undefined;
    },
  };
}
