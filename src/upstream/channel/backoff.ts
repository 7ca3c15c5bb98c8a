import type { Random } from "../../core/ports.ts";

const BASE_MS = 1_000;
const CAP_MS = 30_000;

/** How long to wait before the next try: full jitter, so that many who lost the same peer do not return together. */
function backoffMs(failures: number, random: Random): number {
  return random() * Math.min(CAP_MS, BASE_MS * 2 ** failures);
}

const SHORTEST_MS = 50;
const LONGEST_MS = 2_147_483_647;

/** As above, but never before the time that the peer asked us to wait. `failures`: tries that brought nothing new. */
export function reconnectMs(retryMs: number | undefined, failures: number, random: Random): number {
  const ownMs = retryMs === undefined || failures > 0 ? backoffMs(failures, random) : 0;
  return Math.min(Math.max(retryMs ?? 0, ownMs, SHORTEST_MS), LONGEST_MS);
}
