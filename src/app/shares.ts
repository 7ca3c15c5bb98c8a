import type { Config } from "../config/schema.ts";
import type { RequestLimit } from "../core/front.ts";
import { createLedger, type Ledger } from "../core/ledger.ts";
import type { Clock, Store } from "../core/ports.ts";
import type { SharesStatus } from "../core/status.ts";
import { createRequestLimit } from "../guard/request-limit.ts";
import { heapLimitBytes } from "../lib/load.ts";
import { memoryStore } from "../lib/memory-store.ts";

/** What agents may have us keep: a good part of the heap, and no more than anybody has use for. */
const KEPT = { mostBytes: 256 * 1024 * 1024, heapPart: 1 / 4 } as const;
/** A bucket with its name takes so much; all of them a part of what agents may have us keep beside it. */
const BUCKETS = { most: 100_000, bytes: 512, part: 1 / 4 } as const;
/** Agents read and list more than they call, and many may have one name. */
const OTHERS_FOR_A_CALL = 100;

/** What one agent may take of what is there for all. */
export interface Shares {
  readonly ledger: Ledger;
  readonly store: Store;
  /** How often agents may ask for what is no tool call. */
  limit(config: Config): RequestLimit;
}

export function createShares(clock: Clock, limitBytes = heapLimitBytes()): Shares {
  const maxBytes = Math.min(KEPT.mostBytes, limitBytes * KEPT.heapPart);
  const maxBuckets = Math.floor(Math.min(BUCKETS.most, (maxBytes * BUCKETS.part) / BUCKETS.bytes));
  const store = memoryStore({ clock, maxBuckets });
  return {
    ledger: createLedger({ clock, maxBytes }),
    store,
    limit({ security: { rate_limit_per_minute, other_requests_per_minute } }) {
      const perMinute = other_requests_per_minute ?? OTHERS_FOR_A_CALL * rate_limit_per_minute;
      return createRequestLimit({ store, perMinute });
    },
  };
}

/** What the edges towards agents say of their connections. */
export interface Connected {
  readonly open: number;
  readonly counts: { readonly shed: number; readonly refused: number };
}

/** Who takes how much. Names are what agents say of themselves. */
export function sharesStatus(
  ledger: Ledger,
  connections: readonly Connected[],
  text: (text: string) => string,
): SharesStatus {
  const { bytes, maxBytes, most, shed, refused } = ledger.status();
  const sum = (of: (one: Connected) => number): number => connections.reduce((all, one) => all + of(one), 0);
  return {
    bytes,
    maxBytes,
    most: most.map(({ principal, address, bytes, counts }) => ({
      ...{ agent: text(principal), address, bytes, sessions: counts.sessions, streams: counts.streams },
    })),
    shed: { ...shed, connections: sum(({ counts }) => counts.shed) },
    refused: { kept: refused, connections: sum(({ counts }) => counts.refused) },
    connections: sum(({ open }) => open),
  };
}

/** An agent's connection may need another one to an upstream. */
export function descriptorTrouble(maxConnections: number, limit: number | undefined): string | undefined {
  if (limit === undefined || limit >= 2 * maxConnections) return undefined;
  const wanted = 2 * maxConnections;
  return `max_connections is ${maxConnections}, but this process may only have ${limit} files open: raise "ulimit -n" to ${wanted}, or lower it`;
}
