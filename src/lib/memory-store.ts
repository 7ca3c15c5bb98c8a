import { LRUCache } from "lru-cache";
import type { BucketRule, Clock, Store, Taken } from "../core/ports.ts";

/** A bucket is one number: the moment at which it is full again. */
interface Bucket {
  fullAt: number;
}

const TAKEN: Taken = { ok: true };
/** Swallows the rounding of monotonic milliseconds, so that waiting exactly `retryAfterMs` is enough. */
const ROUNDING_MS = 1e-6;

/**
 * Token buckets in this process, at most `maxBuckets` of them; the one unused for longest goes first, which is a full
 * one long before it is anybody's limit. Answers at once.
 */
export function memoryStore({ clock, maxBuckets }: { clock: Clock; maxBuckets: number }): Store {
  const buckets = new LRUCache<string, Bucket>({ max: maxBuckets });
  return {
    take(key: string, rule: BucketRule): Taken {
      const now = clock.now();
      const perTokenMs = 60_000 / rule.perMinute;
      const bucket = buckets.get(key);
      const fullAt = bucket ? Math.max(bucket.fullAt, now) : now;
      const waitMs = fullAt - now - (rule.capacity - 1) * perTokenMs;
      if (waitMs > ROUNDING_MS) return { ok: false, retryAfterMs: Math.ceil(waitMs - ROUNDING_MS) };
      if (bucket) bucket.fullAt = fullAt + perTokenMs;
      else buckets.set(key, { fullAt: fullAt + perTokenMs });
      return TAKEN;
    },
  };
}
