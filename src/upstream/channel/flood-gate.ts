import type { Behind } from "../../core/call.ts";
import type { Clock } from "../../core/ports.ts";

/**
 * So many messages that nobody asked for, in so long: of one upstream, and of all together. A server that logs every line
 * that it writes stays below; who says no more than `little` is never made to wait for others. A large message counts as one
 * more for each `bytes` of it.
 */
export const FLOOD = { messages: 500, ofAll: 1_000, little: 50, bytes: 4_096, windowMs: 100 } as const;

/**
 * Keeps one upstream, on all its conversations together, from taking the gateway's time with what nobody asked for. Nothing
 * is dropped: it is read no further until there is time for it again, its answers included.
 */
export interface FloodGate {
  /** Counts one notification or request of so many bytes. Where it was too much, the reader rests until it is caught up. */
  count(bytes: number): Behind | undefined;
}

/** Gates that share what all upstreams may say: those who say much get equal shares of it. */
export interface FloodGates {
  gate(): FloodGate;
}

export function createFloodGates(clock: Clock): FloodGates {
  let windowStart = clock.now();
  let window = 0;
  /** Those who said more than a little in this window, and in the one before. */
  let [talkers, talkersBefore] = [0, 0];

  function look(): void {
    const now = clock.now();
    const passed = Math.floor((now - windowStart) / FLOOD.windowMs);
    if (passed < 1) return;
    talkersBefore = passed === 1 ? talkers : 0;
    [talkers, windowStart] = [0, windowStart + passed * FLOOD.windowMs];
    window++;
  }

  /** How many talk so much is known from the window before; those who begin to are counted at once. */
  const share = (): number => {
    const equal = Math.floor(FLOOD.ofAll / Math.max(talkers, talkersBefore, 1));
    return Math.max(FLOOD.little, Math.min(FLOOD.messages, equal));
  };
  const rest: Behind = {
    caughtUp: run => void clock.after(Math.max(windowStart + FLOOD.windowMs - clock.now(), 0), run),
  };

  return {
    gate() {
      let [messages, counted] = [0, window];
      return {
        count(bytes) {
          look();
          if (counted !== window) [messages, counted] = [0, window];
          const before = messages;
          messages += 1 + Math.floor(bytes / FLOOD.bytes);
          if (before <= FLOOD.little && messages > FLOOD.little) talkers++;
          return messages > share() ? rest : undefined;
        },
      };
    },
  };
}
