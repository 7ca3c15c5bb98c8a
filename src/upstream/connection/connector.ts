import type { AttemptFailure, Fault } from "../../core/failure.ts";
import type { Health } from "../../core/health.ts";
import type { Clock, Random } from "../../core/ports.ts";
import type { UpstreamState } from "../../core/status.ts";
import { waitFor } from "../../core/wait.ts";
import { Unfinished } from "../../lib/unfinished.ts";
import type { Link } from "../conversation/link.ts";

/** A link that was opened, or why it could not be. */
export type Opened = { readonly kind: "open"; readonly link: Link } | ({ readonly kind: "failed" } & AttemptFailure);

export const RECONNECT = {
  /** So long that the first attempts of many links that were cut together are spread; a call that comes does not wait for it. */
  baseMs: 500,
  /** A connection that lasted this long starts the backoff anew. */
  stableMs: 30_000,
  /** A call may bring a reconnection forward, but not more often than this. */
  onDemandMs: 1_000,
  /** For this long after a loss it may only be a restart, and calls wait for the next attempts. */
  restartMs: 2_000,
  /** For so long what is opened in the place of another link waits for that to end: there may be room for one only. */
  endingMs: 1_000,
  /** This many losses within `crashWindowMs` is a crash loop. */
  crashes: 5,
  crashWindowMs: 60_000,
} as const;

export interface ConnectorOptions {
  /** Opens a new conversation; `lost` is to be called when it ends by itself. */
  open(lost: (detail: string) => void): Promise<Opened>;
  readonly health: Health;
  readonly clock: Clock;
  readonly random: Random;
  /** Longest pause between two attempts. */
  readonly maxDelayMs: number;
  /** Whether losing a connection again and again is a crash loop (a child process) rather than an outage. */
  readonly crashes: boolean;
  opened(link: Link): void;
  /** A call waits for the conversation that is being opened. */
  hurry?(): void;
}

/** Keeps one link open: opens it, notices its end, opens it again with exponential backoff and full jitter. */
export interface Connector {
  readonly link: Link | undefined;
  /** The link, or the one that was open last. */
  readonly latest: Link | undefined;
  /** Whether the link was lost so short a time ago that the upstream may only be restarting. */
  readonly restarting: boolean;
  /** The open link, or one that is opened now because a call wants it; while it may be restarting, as soon as it goes. */
  demand(): Promise<Opened>;
  /** Gives the link up, because it turned out to be dead, and opens a new one. */
  giveUp(link: Link, detail: string): void;
  /** Closes the link and opens another one at once: it is to be told something else. For a link that nobody uses. */
  reopen(): void;
  /** What was wrong with the configuration may have been mended: tries at once where that was the trouble. */
  recheck(): void;
  start(): void;
  stop(): Promise<void>;
}

const STATE_OF: Partial<Record<Fault, UpstreamState>> = {
  auth_required: "auth_required",
  rate_limited: "rate_limited",
};
/** In these states it is the backoff that tries again, and no call. What a call is told meanwhile. */
const CLOSED: Partial<Record<UpstreamState, Fault>> = {
  auth_required: "auth_required",
  rate_limited: "rate_limited",
  crashlooping: "unreachable",
};

export function createConnector(options: ConnectorOptions): Connector {
  const { health, clock, random } = options;
  let link: Link | undefined;
  let latest: Link | undefined;
  let opening: Promise<Opened> | undefined;
  let cancelRetry = (): void => {};
  let attempts = 0;
  let openedAt = 0;
  let triedAt = Number.NEGATIVE_INFINITY;
  let retryAt = 0;
  let lostAt = Number.NEGATIVE_INFINITY;
  let losses: number[] = [];
  /** Until the next attempt begins, or a call may bring it forward. */
  let pausing: { readonly over: Promise<void>; readonly end: () => void } | undefined;
  let stopped = false;
  /** Links that were given up and have not ended: a child may be behind one. */
  const leaving = new Unfinished();
  /** Only another configuration, or another file, helps: no call finds out, and time is no reason to hurry. */
  let misconfigured = false;
  const closed = (): Fault | undefined => (misconfigured ? "misconfigured" : CLOSED[health.state]);

  function dial(ending?: Promise<void>): Promise<Opened> {
    cancelRetry();
    triedAt = clock.now();
    opening ??= (ending ? ending.then(attempt) : attempt()).finally(() => {
      opening = undefined;
    });
    pausing?.end();
    return opening;
  }

  async function attempt(): Promise<Opened> {
    let ended: string | undefined;
    const opened = await options.open(detail => {
      ended = detail;
      if (link && opened.kind === "open" && link === opened.link) lost(detail);
    });
    if (opened.kind === "failed") {
      down(opened.fault, opened.detail, opened.retryAfterMs);
      return opened;
    }
    if (stopped || ended !== undefined) {
      await opened.link.close();
      if (!stopped) down("connection_lost", ended ?? "stopped");
      return {
        kind: "failed",
        fault: "unreachable",
        delivery: "not_sent",
        detail: ended ?? "the upstream was removed",
      };
    }
    misconfigured = false;
    link = opened.link;
    latest = link;
    openedAt = clock.now();
    options.opened(link);
    return opened;
  }

  function lost(detail: string): void {
    link = undefined;
    if (stopped) return;
    lostAt = clock.now();
    if (clock.now() - openedAt >= RECONNECT.stableMs) attempts = 0;
    down("connection_lost", detail);
  }

  function down(fault: Fault, detail: string, retryAfterMs = 0): void {
    if (stopped) return;
    const now = clock.now();
    misconfigured = fault === "misconfigured";
    if (misconfigured) losses = [];
    else losses = [...losses.filter(at => now - at < RECONNECT.crashWindowMs), now];
    const state = STATE_OF[fault] ?? "down";
    const looping = options.crashes && state === "down" && losses.length >= RECONNECT.crashes;
    health.disconnected(looping ? "crashlooping" : state, detail);
    const ceiling = Math.min(options.maxDelayMs, RECONNECT.baseMs * 2 ** Math.min(attempts++, 20));
    const delayMs = misconfigured ? options.maxDelayMs : Math.max(retryAfterMs, random() * ceiling);
    retryAt = now + delayMs;
    cancelRetry();
    cancelRetry = clock.after(delayMs, () => void dial());
  }

  function soon(ending: Promise<void>): Promise<void> {
    const late = { clock, afterMs: RECONNECT.endingMs, gives: () => {} };
    return waitFor<void>({ late }, end => void ending.then(end));
  }

  const mayBeRestarting = (): boolean => !stopped && clock.now() - lostAt < RECONNECT.restartMs;

  function pause(): Promise<void> {
    if (pausing) return pausing.over;
    let settle = (): void => {};
    const over = new Promise<void>(resolve => {
      settle = resolve;
    });
    const end = (): void => {
      cancel();
      pausing = undefined;
      settle();
    };
    const cancel = clock.after(triedAt + RECONNECT.onDemandMs - clock.now(), end);
    pausing = { over, end };
    return over;
  }

  async function patiently(attempt: Promise<Opened>): Promise<Opened> {
    const opened = await attempt;
    return opened.kind === "failed" && !closed() && mayBeRestarting() ? demand() : opened;
  }

  function demand(): Promise<Opened> {
    if (link) return Promise.resolve({ kind: "open", link });
    if (opening) {
      options.hurry?.();
      return patiently(opening);
    }
    const fault = closed();
    const tooSoon = clock.now() - triedAt < RECONNECT.onDemandMs;
    if (!fault && !tooSoon && !stopped) return patiently(dial());
    if (!fault && mayBeRestarting()) return pause().then(demand);
    return Promise.resolve({
      kind: "failed",
      fault: fault ?? "unreachable",
      delivery: "not_sent",
      detail: health.lastError ?? "not connected",
      retryAfterMs: Math.max(0, Math.ceil(retryAt - clock.now())),
    });
  }

  return {
    get link() {
      return link;
    },
    get latest() {
      return latest;
    },
    get restarting() {
      return link === undefined && mayBeRestarting();
    },
    demand,
    giveUp(dead, detail) {
      if (link !== dead) return;
      lost(detail);
      leaving.add(dead.discard());
    },
    reopen() {
      const left = link;
      if (!left || stopped) return;
      link = undefined;
      const ending = left.close();
      leaving.add(ending);
      void dial(soon(ending));
    },
    recheck() {
      if (misconfigured && !opening && !stopped) void dial();
    },
    start() {
      // A call may have been first, or the end.
      if (!link && !stopped) void dial();
    },
    async stop() {
      stopped = true;
      cancelRetry();
      pausing?.end();
      const open = link;
      link = undefined;
      await open?.close();
      await Promise.all([opening, leaving.done()]);
    },
  };
}
