import type { Health } from "../core/health.ts";
import { Payload } from "../core/payload.ts";
import type { Clock, Random } from "../core/ports.ts";
import type { Connector } from "./connector.ts";
import type { Link } from "./link.ts";

const CHECK_TIMEOUT_MS = 5_000;
/** After a failed check the next one comes soon. */
const RECHECK_MS = 1_000;

/** Checks from time to time whether the upstream is alive, on the link that is open anyway. */
export interface Prober {
  /** Begins to check this link; checks of an earlier one end. */
  watch(link: Link): void;
  /** Real traffic has just proved that the upstream is alive. */
  seen(): void;
  /** Something looks wrong: check as soon as its ejection allows. */
  hurry(): void;
  stop(): void;
}

export function createProber(options: {
  connector: Connector;
  health: Health;
  clock: Clock;
  random: Random;
  intervalMs: number;
}): Prober {
  const { connector, health, clock, random, intervalMs } = options;
  const stopping = new AbortController();
  let watched: Link | undefined;
  let seenAt = Number.NEGATIVE_INFINITY;
  let checking = false;
  let cancel = (): void => {};

  /** Spread over ±20 %, so that many upstreams are not checked in step. */
  const spread = (): number => intervalMs * (0.8 + random() * 0.4);

  function schedule(delayMs: number): void {
    cancel();
    if (!stopping.signal.aborted) cancel = clock.after(delayMs, () => void check());
  }

  async function check(): Promise<void> {
    const link = watched;
    if (!link || checking || connector.link !== link) return;
    if (health.condition === "up" && clock.now() - seenAt < intervalMs * 0.8) return schedule(spread());
    checking = true;
    const reply = await link.ask(link.era.probe, EMPTY, { timeoutMs: CHECK_TIMEOUT_MS, signal: stopping.signal });
    checking = false;
    if (stopping.signal.aborted || connector.link !== link) return;
    if (reply.kind !== "failed") {
      health.succeeded();
      return schedule(spread());
    }
    // A check that we could not send says nothing of the upstream, nor of the calls that run there.
    if (reply.fault === "overloaded" && reply.delivery === "not_sent") return schedule(RECHECK_MS);
    const dead = health.checkFailed(`health check failed: ${reply.detail}`);
    if (dead || reply.fault === "unreachable" || reply.fault === "session_lost") connector.giveUp(link, reply.detail);
    else schedule(Math.max(RECHECK_MS, (health.checkAt ?? 0) - clock.now()));
  }

  return {
    watch(link) {
      watched = link;
      schedule(spread());
    },
    seen() {
      seenAt = clock.now();
    },
    hurry: () => schedule(Math.max(0, (health.checkAt ?? 0) - clock.now())),
    stop() {
      cancel();
      stopping.abort();
    },
  };
}

const EMPTY = Payload.of({});
