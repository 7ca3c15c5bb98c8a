import type { Config } from "../config/schema.ts";
import { BALANCING } from "../core/balance.ts";
import { broken, type Handle, type Layer } from "../core/call.ts";
import { inOrder } from "../core/pass.ts";
import type { Clock, Sealer, Store } from "../core/ports.ts";
import { route } from "../core/route.ts";
import { unambiguousArguments } from "../guard/arguments.ts";
import { audit } from "../guard/audit.ts";
import { rateLimit } from "../guard/rate-limit.ts";
import { type ReadCacheLayer, readCache } from "../guard/read-cache.ts";
import type { Redactor } from "../guard/redact.ts";
import type { ReferencesLayer } from "../guard/references.ts";
import { sending } from "../guard/sending.ts";
import { tasks } from "../guard/tasks.ts";
import { tickets } from "../guard/tickets.ts";
import type { LogSink } from "../lib/log-file.ts";
import type { Pool } from "../upstream/pool.ts";

/** A call passes these from top to bottom; its outcome comes back from bottom to top. */
export function assembleHandle(parts: {
  config: Config;
  pool: Pool;
  store: Store;
  clock: Clock;
  log: LogSink;
  redactor: Redactor;
  sealer: Sealer;
  nextCallId(): string;
  /** Counts what is under way, whichever configuration it began with. */
  capacity: Layer;
  /** Knows what was named to whom, whichever configuration it was in. */
  remembered: ReferencesLayer;
}): { handle: Handle; flush: () => void; reads: ReadCacheLayer } {
  const { config, pool, store, clock, log, redactor, sealer, capacity, remembered, nextCallId } = parts;
  const { log_requests, log_responses, log_max_bytes, log_on_failure, rate_limit_per_minute } = config.security;
  const bodies = { logRequests: log_requests, logResponses: log_responses, maxBytes: log_max_bytes };
  const blocks = log_on_failure === "block";
  const audited = audit({ log, redactor, clock, blocks, ...bodies });
  const reads = readCache({ clock });
  const layers: readonly Layer[] = [
    // First, so that refusals are in the log too.
    audited,
    // Before whatever reads arguments.
    unambiguousArguments,
    // Before whatever asks what a call is about.
    remembered,
    // Before whatever tells a new call from the rounds of one that was taken.
    tickets({ sealer }),
    // Before anything else is done for a call that is not taken.
    capacity,
    tasks({ sealer }),
    // Before anything is sent, after the name is resolved: aliases share one bucket.
    rateLimit({ store, perMinute: rate_limit_per_minute }),
    // Whatever may refuse a call has done so.
    reads,
    // Last: what it has a line of is sent.
    sending({ log, redactor, clock, blocks, nextId: nextCallId, ...bodies }),
  ];
  const policy = BALANCING[config.load_balancing].policy;
  const last = route({ instance: name => pool.get(name), clock, random: Math.random, policy });
  return { handle: inOrder(layers, last, broken), flush: audited.flush, reads };
}
