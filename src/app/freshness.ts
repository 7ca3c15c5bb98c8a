import type { Condition } from "../core/availability.ts";
import type { CacheHint, Kind, Offer } from "../core/catalog.ts";
import { NO_CACHING, strictest } from "../wire/caching.ts";

/** What matters of an upstream for how long its lists stay true. */
export interface Part {
  /** `undefined` while it has never been seen. */
  readonly offer: Offer | undefined;
  readonly condition: Condition;
}

/** How long something may be kept whose changes are heard of at once. */
export const LIVE_TTL_MS = 60_000;

const CAPABILITY: Readonly<Record<Kind, "tools" | "prompts" | "resources">> = {
  tool: "tools",
  prompt: "prompts",
  resource: "resources",
  template: "resources",
};

/** For how long the list of a kind may be kept that these upstreams make up. */
export function listHint(parts: readonly Part[], kind: Kind): CacheHint {
  const hints = parts.flatMap(({ offer, condition }) => {
    if (!offer) return [NO_CACHING];
    const capability = offer.capabilities.object(CAPABILITY[kind]);
    // Without the capability it has no part in the list.
    if (!capability) return [];
    const told = capability.raw("listChanged")?.toString("latin1") === "true" && condition === "up";
    return [offer.hints[kind] ?? { ttlMs: told ? LIVE_TTL_MS : 0, cacheScope: "private" as const }];
  });
  return strictest(hints);
}

/** The same for what upstreams say of themselves, which does not change while they stay connected. */
export function profileHint(parts: readonly Part[]): CacheHint {
  const hints = parts.map(({ offer, condition }): CacheHint => {
    if (!offer) return NO_CACHING;
    return offer.hints.profile ?? { ttlMs: condition === "up" ? LIVE_TTL_MS : 0, cacheScope: "private" };
  });
  return strictest(hints);
}
