import type { Clock } from "../core/ports.ts";
import type { Pool } from "../upstream/pool.ts";

/** Where agents are served: a port, or a pair of streams. */
export interface Edge {
  /** Whether an agent could still say something. */
  readonly hears: boolean;
  /** Takes nothing new. Resolves with how much still runs after `graceMs`; a second time shortens the wait. */
  drain(graceMs: number): Promise<number>;
  close(): void;
}

export interface Shutdown {
  /** Whether it has begun. */
  readonly stopping: boolean;
  /** Lets running calls finish for at most `graceMs`, then ends them. Once; resolves when everything is released. */
  stop(graceMs: number): Promise<{ cut: number }>;
  /** Ends what still runs, now. Resolves when its agents have been told. */
  cut(): Promise<void>;
}

/** How long the last answers may take to leave. */
const LAST_ANSWERS_MS = 500;
/** How long upstreams are given to hear that no agent waits any more, when it has to go fast. */
const FAREWELL_MS = 250;

/**
 * The order in which a gateway ends: what is new is refused, what runs may finish, and what does not is told so before
 * its connection closes, because an agent whose stream just breaks sends its call again.
 */
export function createShutdown(parts: {
  clock: Clock;
  pool: Pool;
  edges: () => readonly Edge[];
  /** Writes the lines of the log that still wait. */
  write: () => Promise<void>;
  release: () => Promise<void>;
}): Shutdown {
  const { clock, pool, edges, write, release } = parts;
  let begun: Promise<{ cut: number }> | undefined;
  let cut = 0;

  const after = (ms: number): Promise<void> =>
    new Promise(resolve => {
      clock.after(ms, resolve);
    });

  async function drain(graceMs: number): Promise<number> {
    const left = await Promise.all(edges().map(edge => edge.drain(graceMs)));
    return left.reduce((sum, one) => sum + one, 0);
  }

  /** A call may ask its agent something and be parked, which leaves no request open until the answer comes. */
  async function finish(untilMs: number): Promise<number> {
    for (;;) {
      const left = await drain(Math.max(0, untilMs - clock.now()));
      const waitMs = untilMs - clock.now();
      // Those of agents with an open request are among them.
      if (left > 0 || pool.parked === 0 || waitMs <= 0) return Math.max(left, pool.parked);
      if (!edges().some(({ hears }) => hears)) return 0;
      await pool.unparked(waitMs);
    }
  }

  async function run(graceMs: number): Promise<{ cut: number }> {
    const untilMs = clock.now() + graceMs;
    const left = await finish(untilMs);
    cut ||= left;
    await pool.stop(cut > 0 ? 0 : Math.max(0, untilMs - clock.now()));
    await drain(LAST_ANSWERS_MS);
    for (const edge of edges()) edge.close();
    await release();
    return { cut };
  }

  return {
    get stopping() {
      return begun !== undefined;
    },
    stop(graceMs) {
      begun ??= run(graceMs);
      return begun;
    },
    async cut() {
      const { parked } = pool;
      cut ||= pool.upstreams.reduce((sum, { inFlight }) => sum + inFlight, parked);
      const stopped = pool.stop(0);
      await drain(LAST_ANSWERS_MS);
      // No agent waits for what is parked, but its upstream works on it.
      if (parked > 0) await Promise.race([stopped, after(FAREWELL_MS)]);
      // The process may end right after this.
      await Promise.race([write(), after(LAST_ANSWERS_MS)]);
    },
  };
}
