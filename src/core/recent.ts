/** How often something happened in about the last ten seconds; takes the same little memory however often that is. */
export interface Recent {
  add(now: number): void;
  count(now: number): number;
}

const BUCKETS = 10;
const BUCKET_MS = 1_000;
export const RECENT_SECONDS = (BUCKETS * BUCKET_MS) / 1_000;

export function createRecent(): Recent {
  const counts = new Array<number>(BUCKETS).fill(0);
  /** Which second each bucket holds. */
  const seconds = new Array<number>(BUCKETS).fill(-1);
  return {
    add(now) {
      const second = Math.floor(now / BUCKET_MS);
      const bucket = second % BUCKETS;
      if (seconds[bucket] !== second) {
        seconds[bucket] = second;
        counts[bucket] = 0;
      }
      counts[bucket]!++;
    },
    count(now) {
      const oldest = Math.floor(now / BUCKET_MS) - BUCKETS;
      let sum = 0;
      for (let bucket = 0; bucket < BUCKETS; bucket++) if (seconds[bucket]! > oldest) sum += counts[bucket]!;
      return sum;
    },
  };
}
