import type { Condition } from "./availability.ts";
import { createEjection } from "./ejection.ts";
import type { AttemptFailure, Delivery, Fault } from "./failure.ts";
import type { Clock, Random } from "./ports.ts";
import type { UpstreamState } from "./status.ts";

export const HEALTH_RULES = {
  /** Failed checks in a row after which a connection counts as dead. */
  failedChecksToDisconnect: 3,
  /** With nobody calling, checks that succeed for this long are enough to be well again. */
  idleTrialMs: 60_000,
  /** Who was away for less has not lost what a slow start gives time for. */
  awayMs: 1_000,
} as const;

/** After which deliveries a fault is the upstream's own. Cancelling is the agent's doing; a limit or a login is no fault. */
const BLAME: Readonly<Record<Fault, ReadonlySet<Delivery>>> = {
  unreachable: always(),
  misconfigured: always(),
  connection_lost: always(),
  protocol_error: always(),
  session_lost: never(),
  // What was never sent has waited for something of ours.
  timeout: new Set(["sent_unknown", "partial", "answered"]),
  bad_response: always(),
  // It may be about this request alone.
  rejected: never(),
  // What was never sent was refused by us.
  overloaded: new Set(["refused"]),
  too_large: never(),
  no_room: never(),
  auth_required: never(),
  rate_limited: never(),
  // We ended it ourselves.
  stopped: never(),
  cancelled: never(),
};

function always(): ReadonlySet<Delivery> {
  return new Set(["not_sent", "refused", "sent_unknown", "partial", "answered"]);
}
function never(): ReadonlySet<Delivery> {
  return new Set();
}

export const isBlamed = ({ fault, delivery }: AttemptFailure): boolean => BLAME[fault].has(delivery);

/** What the one call showed on which the return of an ejected upstream depends. */
export type Verdict = "passed" | "failed" | "undecided";

/** How an upstream is doing, by what was seen of it. */
export interface Health {
  readonly state: UpstreamState;
  readonly condition: Condition;
  /** Wall-clock milliseconds since when. */
  readonly since: number;
  /** What went wrong last, or why it is in this state. */
  readonly lastError: string | undefined;
  /** Monotonic time of the last call that it answered. */
  readonly answeredAt: number;
  /** Monotonic time at which it came back from having been away. */
  readonly returnedAt: number;
  /** Monotonic time before which it should not be checked. */
  readonly checkAt: number;
  connected(): void;
  disconnected(state: UpstreamState, detail: string): void;
  succeeded(): void;
  failed(failure: AttemptFailure): void;
  checkPassed(): void;
  /** `busy`: a request of ours runs there, so that it proves nothing. Returns whether the connection should be given up. */
  checkFailed(detail: string, busy: boolean): boolean;
  limited(untilMs: number, detail: string): void;
  unauthorized(detail: string): void;
  /** Makes the call that is sent now the one that decides, if an upstream on trial waits for one. */
  claim(): boolean;
  /** What became of the call that was claimed. */
  judge(verdict: Verdict, detail: string): void;
}

const CONDITION: Readonly<Record<UpstreamState, Condition>> = {
  connecting: "down",
  ready: "up",
  degraded: "silent",
  ejected: "suspect",
  probing: "trial",
  down: "down",
  auth_required: "down",
  rate_limited: "limited",
  crashlooping: "down",
  disabled: "down",
};
/** States that a check which succeeds says nothing new about. */
const SETTLED: ReadonlySet<UpstreamState> = new Set<UpstreamState>(["ready", "rate_limited", "probing"]);
/** In these conditions calls come as a matter of course, so that their faults tell something new. */
const SERVING: ReadonlySet<Condition> = new Set<Condition>(["up", "silent"]);
const AWAY: ReadonlySet<Condition> = new Set<Condition>(["suspect", "trial", "down"]);

/** `changed` is told after every change of state. */
export function createHealth(world: { clock: Clock; random: Random; changed: () => void }): Health {
  const { clock } = world;
  const ejection = createEjection(world.random);
  let state: UpstreamState = "connecting";
  let since = clock.wall();
  let lastError: string | undefined;
  let linked = false;
  let failedChecks = 0;
  let answeredAt = Number.NEGATIVE_INFINITY;
  let leftAt: number | undefined;
  let returnedAt = Number.NEGATIVE_INFINITY;
  let limitedUntil = 0;
  let ejectedUntil = 0;
  /** It was ejected and has not shown that it is well again, connected or not. */
  let ejected = false;
  let onTrial = false;

  function become(next: UpstreamState): void {
    if (state === next) return;
    if (SERVING.has(CONDITION[state]) && AWAY.has(CONDITION[next])) leftAt = clock.now();
    state = next;
    since = clock.wall();
    world.changed();
  }

  function recover(): void {
    const now = clock.now();
    if (ejected) ejection.end(now);
    ejected = false;
    if (leftAt !== undefined && now - leftAt >= HEALTH_RULES.awayMs) returnedAt = now;
    leftAt = undefined;
    become("ready");
  }

  function eject(why: string): void {
    ejected = true;
    ejectedUntil = ejection.begin(clock.now());
    lastError = why;
    if (linked) become("ejected");
  }

  /** An ejected upstream that a harmless request has reached. */
  function resume(): void {
    if (!ejected) recover();
    else become(clock.now() < ejectedUntil ? "ejected" : "probing");
  }

  function current(): UpstreamState {
    if (state === "rate_limited" && linked && clock.now() >= limitedUntil) resume();
    return state;
  }

  return {
    get state() {
      return current();
    },
    get condition() {
      const condition = CONDITION[current()];
      if (condition === "limited" && !linked) return "down";
      return condition === "trial" && onTrial ? "suspect" : condition;
    },
    get since() {
      return since;
    },
    get lastError() {
      return lastError;
    },
    get answeredAt() {
      return answeredAt;
    },
    get returnedAt() {
      return returnedAt;
    },
    get checkAt() {
      if (state === "rate_limited") return limitedUntil;
      return state === "ejected" ? ejectedUntil : Number.NEGATIVE_INFINITY;
    },
    connected() {
      linked = true;
      failedChecks = 0;
      if (!ejected) lastError = undefined;
      resume();
    },
    disconnected(next, detail) {
      linked = false;
      lastError = detail;
      become(next);
    },
    succeeded() {
      answeredAt = clock.now();
      ejection.succeeded(answeredAt);
      failedChecks = 0;
      if (state === "degraded") recover();
    },
    failed(failure) {
      if (!ejected && failure.fault !== "cancelled") lastError = failure.detail;
      if (!isBlamed(failure) || !SERVING.has(CONDITION[state])) return;
      const why = ejection.failed(clock.now());
      if (why !== undefined) eject(`${why}; the last: ${failure.detail}`);
    },
    checkPassed() {
      failedChecks = 0;
      if (state === "probing" && !onTrial && clock.now() - ejectedUntil >= HEALTH_RULES.idleTrialMs) recover();
      else if (!SETTLED.has(state)) resume();
    },
    checkFailed(detail, busy) {
      failedChecks = busy ? 0 : failedChecks + 1;
      if (ejected) eject(detail);
      else {
        lastError = detail;
        if (SERVING.has(CONDITION[state])) become("degraded");
      }
      return failedChecks >= HEALTH_RULES.failedChecksToDisconnect;
    },
    limited(untilMs, detail) {
      limitedUntil = untilMs;
      if (!SERVING.has(CONDITION[state])) return;
      lastError = detail;
      become("rate_limited");
    },
    unauthorized(detail) {
      if (!linked) return;
      lastError = detail;
      become("auth_required");
    },
    claim() {
      if (state !== "probing" || onTrial) return false;
      onTrial = true;
      return true;
    },
    judge(verdict, detail) {
      onTrial = false;
      if (!ejected || state === "ejected" || verdict === "undecided") return;
      if (verdict === "failed") eject(`the call that tried it out failed: ${detail}`);
      else if (state === "probing") recover();
    },
  };
}
