import type { Behind } from "../core/call.ts";
import type { Clock } from "../core/ports.ts";

/** So many messages that nobody asked for, in so long; a server that logs every line that it writes stays below. */
export const FLOOD = { messages: 1_000, windowMs: 100 } as const;

/**
 * Keeps one upstream, on all its conversations together, from taking the gateway's time with what nobody asked for. Nothing
 * is dropped: it is read no further until there is time for it again, its answers included.
 */
export interface FloodGate {
  /** Counts one notification or request. Where it was one too many, the reader rests until it is caught up. */
  count(): Behind | undefined;
}

export function createFloodGate(clock: Clock): FloodGate {
  let windowStart = clock.now();
  let messages = 0;
  const rest: Behind = {
    caughtUp: run => void clock.after(Math.max(windowStart + FLOOD.windowMs - clock.now(), 0), run),
  };
  return {
    count() {
      const now = clock.now();
      if (now - windowStart >= FLOOD.windowMs) {
        windowStart = now;
        messages = 0;
      }
      messages++;
      return messages > FLOOD.messages ? rest : undefined;
    },
  };
}
