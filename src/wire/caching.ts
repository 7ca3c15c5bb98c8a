import type { CacheHint } from "../core/catalog.ts";
import type { Payload } from "../core/payload.ts";

/** Nothing is known: look again each time, and share it with nobody. */
export const NO_CACHING: CacheHint = { ttlMs: 0, cacheScope: "private" };

/**
 * What a result says about how long it may be kept, if it says that properly.
 * https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/caching
 */
export function cacheHintOf(result: Payload | undefined): CacheHint | undefined {
  const raw = result?.raw("ttlMs");
  if (!result || !raw) return undefined;
  const ttlMs = Number(raw.toString("latin1"));
  if (!Number.isSafeInteger(ttlMs) || ttlMs < 0) return undefined;
  return { ttlMs, cacheScope: result.string("cacheScope") === "public" ? "public" : "private" };
}

/** What holds for something that was put together: the shortest time, and `public` only if every part is. */
export function strictest(hints: readonly CacheHint[]): CacheHint {
  if (hints.length === 0) return NO_CACHING;
  return {
    ttlMs: Math.min(...hints.map(hint => hint.ttlMs)),
    cacheScope: hints.every(hint => hint.cacheScope === "public") ? "public" : "private",
  };
}
