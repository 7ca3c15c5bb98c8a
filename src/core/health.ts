import type { Candidate } from "./balance.ts";
import type { Fault } from "./failure.ts";
import type { Clock, Random } from "./ports.ts";
import type { UpstreamState } from "./status.ts";

export const HEALTH_RULES = {
  /** Faults in a row that eject an upstream which is still connected. */
  faultsToEject: 5,
  /** Failed checks in a row after which a connection counts as dead. */
  failedChecksToDisconnect: 3,
  ejectionMs: 1_000,
  maxEjectionMs: 60_000,
} as const;

/** What an answer says about the upstream itself. Cancelling is the agent's doing; a limit or a login is no fault. */
const BLAME: Readonly<Record<Fault, boolean>> = {
  unreachable: true,
  timeout: true,
  connection_lost: true,
  protocol_error: true,
  too_large: false,
  auth_required: false,
  rate_limited: false,
  bad_response: true,
  session_lost: false,
  overloaded: false,
  stopped: false,
  cancelled: false,
};

/** How an upstream is doing, by what was seen of it. */
export interface Health {
  readonly state: UpstreamState;
  readonly condition: Candidate["condition"];
  /** Wall-clock milliseconds since when. */
  readonly since: number;
  readonly lastError: string | undefined;
  connected(): void;
  disconnected(state: UpstreamState, detail: string): void;
  succeeded(): void;
  failed(fault: Fault, detail: string): void;
  /** Returns whether the connection should be given up. */
  checkFailed(detail: string): boolean;
  limited(untilMs: number): void;
  /** Monotonic time at which an ejected upstream should be checked, if it is ejected. */
  readonly checkAt: number | undefined;
}

const CONDITION: Readonly<Record<UpstreamState, Candidate["condition"]>> = {
  connecting: "down",
  ready: "up",
  degraded: "up",
  ejected: "suspect",
  down: "down",
  auth_required: "down",
  rate_limited: "suspect",
  crashlooping: "down",
  disabled: "down",
};

/** `changed` is told after every change of state. */
export function createHealth(world: { clock: Clock; random: Random; changed: () => void }): Health {
  const { clock, random } = world;
  let state: UpstreamState = "connecting";
  let since = clock.wall();
  let lastError: string | undefined;
  let faults = 0;
  let failedChecks = 0;
  let ejections = 0;
  let until = 0;

  function become(next: UpstreamState): void {
    if (state === next) return;
    state = next;
    since = clock.wall();
    world.changed();
  }

  function eject(): void {
    const base = Math.min(HEALTH_RULES.ejectionMs * 2 ** ejections, HEALTH_RULES.maxEjectionMs);
    ejections++;
    until = clock.now() + base * (1 + random() / 2);
    become("ejected");
  }

  function current(): UpstreamState {
    if (state === "rate_limited" && clock.now() >= until) become("ready");
    return state;
  }

  return {
    get state() {
      return current();
    },
    get condition() {
      return CONDITION[current()];
    },
    get since() {
      return since;
    },
    get lastError() {
      return lastError;
    },
    get checkAt() {
      return state === "ejected" ? until : undefined;
    },
    connected() {
      faults = 0;
      failedChecks = 0;
      lastError = undefined;
      become("ready");
    },
    disconnected(next, detail) {
      lastError = detail;
      become(next);
    },
    succeeded() {
      faults = 0;
      failedChecks = 0;
      if (state === "degraded" || state === "ejected") {
        ejections = 0;
        become("ready");
      }
    },
    failed(fault, detail) {
      lastError = detail;
      if (!BLAME[fault] || CONDITION[state] === "down") return;
      faults++;
      if (faults >= HEALTH_RULES.faultsToEject && state !== "ejected") eject();
    },
    checkFailed(detail) {
      lastError = detail;
      failedChecks++;
      if (state === "ejected") eject();
      else if (CONDITION[state] === "up") become("degraded");
      return failedChecks >= HEALTH_RULES.failedChecksToDisconnect;
    },
    limited(untilMs) {
      until = untilMs;
      if (CONDITION[state] === "up") become("rate_limited");
    },
  };
}
