import type { Fault } from "../../core/failure.ts";
import type { Health } from "../../core/health.ts";
import { Payload } from "../../core/payload.ts";
import type { Clock, Random } from "../../core/ports.ts";
import { Aborter } from "../../core/signal.ts";
import type { Reply } from "../channel/channel.ts";
import type { Link } from "../conversation/link.ts";
import { isOfServer } from "../http/statuses.ts";
import type { Connector } from "./connector.ts";
import { isKnown } from "./recognition.ts";

export const CHECK_TIMEOUT_MS = 5_000;
/** After a fault or a failed check the next one comes soon. */
export const RECHECK_MS = 1_000;
/** A check that ends this much later than it should was not kept waiting by the upstream: we were asleep ourselves. */
const ASLEEP_MS = 250;

/** Checks from time to time whether the upstream is alive, on the link that is open anyway. */
export interface Prober {
  /** Begins to check this link; checks of an earlier one end. */
  watch(link: Link): void;
  /** Something looks wrong: check after this long, or as soon as the state allows, if that is earlier than planned. */
  hurry(delayMs: number): void;
  stop(): void;
}

export function createProber(options: {
  connector: Connector;
  /** Whether a request of ours runs at the upstream, which then may have no time for anything else. */
  busy(link: Link): boolean;
  health: Health;
  clock: Clock;
  random: Random;
  intervalMs: number;
}): Prober {
  const { connector, health, clock, random, intervalMs } = options;
  const stopping = new Aborter();
  let watched: Link | undefined;
  /** What a conversation says to a check that it does not serve, although it is known. */
  let unserved: { readonly link: Link; readonly status: number | undefined } | undefined;
  /** Whether the conversation is there in place of one that was not known any more, and nothing has shown that it is. */
  let renewed = false;
  /** Whose answer is awaited: a check on a link that has been replaced since must not keep its successor from being checked. */
  let checking: Link | undefined;
  let checkedAt = Number.NEGATIVE_INFINITY;
  let doubtedAt = Number.NEGATIVE_INFINITY;
  let nextAt = Number.POSITIVE_INFINITY;
  let cancel = (): void => {};

  /** Spread over ±20 %, so that many upstreams are not checked in step. */
  const spread = (): number => intervalMs * (0.8 + random() * 0.4);

  function schedule(delayMs: number): void {
    cancel();
    if (stopping.signal.aborted) return;
    nextAt = clock.now() + delayMs;
    cancel = clock.after(delayMs, () => void check());
  }

  /** Real traffic has proved lately that it is well. */
  function isProven(now: number): boolean {
    const { answeredAt } = health;
    return health.state === "ready" && answeredAt > doubtedAt && now - answeredAt < intervalMs * 0.8;
  }

  async function check(): Promise<void> {
    const link = watched;
    if (!link || checking === link || connector.link !== link) return;
    const startedAt = clock.now();
    if (health.checkAt > startedAt) return schedule(health.checkAt - startedAt);
    if (isProven(startedAt)) return schedule(spread());
    checking = link;
    checkedAt = startedAt;
    const { heard } = link.channel;
    const reply = await link.ask(link.era.probe, EMPTY, { timeoutMs: CHECK_TIMEOUT_MS, signal: stopping.signal });
    const verdict = await judge(link, reply, link.channel.heard > heard);
    if (checking === link) checking = undefined;
    if (stopping.signal.aborted || connector.link !== link) return;
    if (verdict.kind === "alive") {
      schedule(spread());
      health.checkPassed();
    } else if (verdict.kind === "unknown") {
      renewed = true;
      connector.giveUp(link, "the upstream does not know the session any more");
    } else schedule(whenAgain(link, verdict.reply, startedAt));
  }

  /** Any answer is a sign of life, be it that there is no such method. */
  async function judge(link: Link, reply: Reply, heard: boolean): Promise<Verdict> {
    if (reply.kind !== "result" && reply.doubt !== undefined) return judgeRefusal(link, reply);
    if (reply.kind !== "failed" || (!CLOSED.has(reply.fault) && (heard || isAnswer(reply)))) {
      renewed = false;
      return ALIVE;
    }
    return { kind: "failed", reply };
  }

  /** Is it the check that is not served, or the conversation? Another one in its place is tried once. */
  async function judgeRefusal(link: Link, reply: Exclude<Reply, { kind: "result" }>): Promise<Verdict> {
    const { status } = reply;
    if (unserved?.link === link && unserved.status === status) return ALIVE;
    if (!renewed && (await isKnown(link, stopping.signal)) === false) return { kind: "unknown" };
    if (renewed && reply.kind === "failed" && CLOSED.has(reply.fault)) return { kind: "failed", reply };
    unserved = { link, status };
    return ALIVE;
  }

  /** Draws the conclusions from a check that failed. */
  function whenAgain(link: Link, reply: Reply & { kind: "failed" }, startedAt: number): number {
    const { fault, delivery, detail, retryAfterMs = RECHECK_MS } = reply;
    const now = clock.now();
    if (fault === "timeout" && now - startedAt > CHECK_TIMEOUT_MS + ASLEEP_MS) return 0;
    if (fault === "auth_required") {
      health.unauthorized(detail);
      return spread();
    }
    // A check that we could not send says nothing of the upstream, nor of the calls that run there.
    if (fault === "overloaded" && delivery === "not_sent") return RECHECK_MS;
    if (fault === "rate_limited" || fault === "overloaded") {
      health.limited(now + retryAfterMs, detail);
      return Math.max(retryAfterMs, spread());
    }
    const dead = health.checkFailed(`health check failed: ${detail}`, options.busy(link));
    if (dead || fault === "unreachable") connector.giveUp(link, detail);
    // Nothing answers there any more: whoever still waits is told now.
    if (dead) void link.close();
    return Math.max(RECHECK_MS, health.checkAt - now);
  }

  return {
    watch(link) {
      watched = link;
      schedule(Math.max(0, Math.min(spread(), health.state === "ejected" ? health.checkAt - clock.now() : Infinity)));
    },
    hurry(delayMs) {
      const now = clock.now();
      doubtedAt = now;
      const due = Math.max(now + delayMs, health.checkAt, checkedAt + RECHECK_MS);
      if (due < nextAt) schedule(due - now);
    },
    stop() {
      cancel();
      stopping.abort();
    },
  };
}

const EMPTY = Payload.of({});

type Verdict =
  | { readonly kind: "alive" }
  /** Whoever answers there does not know the conversation. */
  | { readonly kind: "unknown" }
  | { readonly kind: "failed"; readonly reply: Reply & { kind: "failed" } };
const ALIVE: Verdict = { kind: "alive" };

/** It answers, and lets nobody in for now. */
const CLOSED: ReadonlySet<Fault> = new Set<Fault>(["auth_required", "rate_limited", "overloaded"]);

/** Whether somebody answered, whatever it was: only what says that the server is out of reach is no answer of it. */
const isAnswer = ({ delivery, status }: Reply & { kind: "failed" }): boolean =>
  delivery === "answered" || isOfServer(status);
