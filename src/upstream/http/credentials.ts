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
/** Pause after a failure; twice as long after each further one, up to the longest. */
const BACKOFF = { firstMs: 1_000, longestMs: 60_000 } as const;
/** Assumed where nothing is said; a refused token is replaced anyway. */
const DEFAULT_LIFETIME_MS = 3_600_000;
/** Whatever is said: a token is not fetched for each call, and not kept for ever. */
const LIFETIME = { shortestMs: 1_000, longestMs: 24 * 3_600_000 } as const;
/** So many tokens at once, and one more each second: an upstream that refuses all of them gets no further ones. */
const MOST_AT_ONCE = 10;
const ANOTHER_MS = 1_000;

/**
 * Keeps one token: fetched once for any number of callers at a time, renewed before it expires, and fetched more and more
 * seldom while that fails. `fetch` rejects with {@link CredentialError}.
 */
export function cachedToken(options: { readonly clock: Clock; fetch(): Promise<FetchedToken> }): TokenSource {
  const { clock } = options;
  let current: { readonly token: Secret; readonly goodUntil: number } | undefined;
  let underway: Promise<string> | undefined;
  let failed: { readonly error: unknown; readonly until: number } | undefined;
  let failures = 0;
  let allowance = { left: MOST_AT_ONCE, at: clock.now() };

  const renew = async (): Promise<string> => {
    try {
      const { token, lifetimeMs = DEFAULT_LIFETIME_MS } = await options.fetch();
      const livesMs = Math.min(Math.max(lifetimeMs, LIFETIME.shortestMs), LIFETIME.longestMs);
      // A token that lives for less than ten minutes gives up a tenth of its life instead of a whole minute.
      current = { token, goodUntil: clock.now() + livesMs - Math.min(REFRESH_EARLY_MS, livesMs / 10) };
      failed = undefined;
      failures = 0;
      return token.reveal();
    } catch (error) {
      const pauseMs = Math.min(BACKOFF.firstMs * 2 ** failures++, BACKOFF.longestMs);
      failed = { error, until: clock.now() + pauseMs };
      throw error;
    } finally {
      underway = undefined;
    }
  };

  function isAllowed(): boolean {
    const now = clock.now();
    const left = Math.min(MOST_AT_ONCE, allowance.left + (now - allowance.at) / ANOTHER_MS);
    allowance = { left: left < 1 ? left : left - 1, at: now };
    return left >= 1;
  }

  return {
    token() {
      if (current && clock.now() < current.goodUntil) return current.token.reveal();
      if (underway) return underway;
      if (failed && clock.now() < failed.until) return Promise.reject(failed.error);
      if (!isAllowed()) return Promise.reject(new CredentialError(TOO_MANY));
      underway = renew();
      return underway;
    },
    invalidate(token) {
      if (current?.token.reveal() === token) current = undefined;
    },
  };
}

/** For people. */
export const NO_MORE_TOKENS =
  "whatever token it is sent, the upstream refuses it, or it expires at once; no further one is fetched for now";

const TOO_MANY: AttemptFailure = {
  ...{ fault: "auth_required", delivery: "not_sent" },
  detail: NO_MORE_TOKENS,
};
