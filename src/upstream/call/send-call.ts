import type { Call } from "../../core/call.ts";
import type { Health } from "../../core/health.ts";
import { rest } from "../../core/limits.ts";
import { resuming, waiting } from "../../core/pass.ts";
import type { Clock } from "../../core/ports.ts";
import { malformed } from "../../core/repair.ts";
import { type Attempt, brokenAttempt, type Sending } from "../../core/route.ts";
import type { Signal } from "../../core/signal.ts";
import type { Input } from "../../wire/era.ts";
import type { OfferKeeper } from "../catalog/offer-keeper.ts";
import type { Connector, Opened } from "../connection/connector.ts";
import type { Dialer } from "../connection/dial.ts";
import type { Placement } from "../connection/placement.ts";
import { type Doubted, failed, type LinkAttempt, protocolError } from "../conversation/attempt.ts";
import type { Link } from "../conversation/link.ts";
import { inTime } from "./in-time.ts";
import { createRenewal } from "./renewal.ts";
import type { Send } from "./steps.ts";
import type { FailedAttempt, Verdicts } from "./verdicts.ts";

export interface SendCallOptions {
  readonly connector: Connector;
  readonly dialer: Dialer;
  readonly keeper: OfferKeeper;
  readonly health: Health;
  readonly placement: Placement;
  readonly verdicts: Verdicts;
  readonly clock: Clock;
  /** A call is sent. */
  called(): void;
  /** Aborted when this upstream is being closed. */
  readonly stopping: Signal;
}

/** One call, while it is tried on one link or, once, on another. */
interface Trial extends Sending {
  readonly input: Input | undefined;
  /** Whether it may be made once more if the upstream has done nothing for it. */
  readonly again: boolean;
  done(attempt: Attempt): void;
}

/** What a link brought that was not the end of it, and when it was asked. */
interface Refused<Result> {
  readonly link: Link;
  readonly result: Result;
  readonly askedAt: number;
}

/**
 * Makes a call on the link that its agent has: once more where the upstream has done nothing and only its conversation, its
 * lists or its revision were not what we took them for.
 */
export function createSendCall(options: SendCallOptions): Send {
  const { connector, dialer, keeper, health, placement, verdicts, clock, stopping } = options;
  const renewal = createRenewal(clock);

  function attempt(trial: Trial): void {
    const { call, holder, limits, done } = trial;
    if (limits.timeoutMs <= 0) return done(verdicts.blame(TOO_LATE));
    // Whether it lets us in again is found out without the agents' calls.
    if (health.state === "auth_required") return done(locked(health.lastError));
    const found = placement.linkFor(call, holder);
    if (found instanceof Promise) openInTime(found, trial, onLink);
    else onLink(found, trial);
  }

  /** Goes on with a link that is being opened or got ready, with the time that is left then. */
  function openInTime(opening: Promise<Opened>, trial: Trial, run: (opened: Opened, trial: Trial) => void): void {
    const askedAt = clock.now();
    const opened = inTime(opening, { clock, timeoutMs: trial.limits.timeoutMs, signal: trial.call.signal });
    waiting(opened, { done: trial.done, broken: brokenAttempt }, found => run(found, after(askedAt, trial)));
  }

  const after = (startedAt: number, trial: Trial): Trial => ({
    ...trial,
    limits: rest(trial.limits, clock.now() - startedAt),
  });

  function onLink(opened: Opened, trial: Trial): void {
    const { call, holder, input, limits, done } = trial;
    if (opened.kind === "failed") return done(verdicts.blame(failed({ ...opened, delivery: "not_sent" })));
    const { link } = opened;
    // Another agent took it while this call waited for it to open.
    if (link.occupancy?.admits(call.caller.owner) === false) return attempt(trial);
    const declined = input && link.era.declined(input.answers);
    if (declined) return done({ kind: "answered", error: declined.error });
    const askedAt = clock.now();
    options.called();
    const brought = resuming(done, brokenAttempt, (result: LinkAttempt) => came({ link, result, askedAt }, trial));
    link.call(call, { holder, input, timeouts: limits }, brought);
  }

  function came({ link, result, askedAt }: Refused<LinkAttempt>, trial: Trial): void {
    if (result.kind === "doubted") return onDoubt({ link, result, askedAt }, trial);
    if (result.kind !== "objected") return trial.done(judged(trial.call, result, link));
    if (!trial.again) return trial.done(verdicts.blame(protocolError(result.detail)));
    const left = { ...after(askedAt, trial), again: false };
    if (result.to === "headers") return withNewLists(link, left);
    dialer.forget();
    verdicts.giveUp(link, result.detail);
    attempt(left);
  }

  function judged(call: Call, result: Attempt, link: Link): Attempt {
    if (result.kind !== "failed" && result.kind !== "broken") renewal.worked();
    return verdicts.judge(call, result, link);
  }

  /** It was refused: once more on a new conversation where this one is over, and nothing was done; else as it came. */
  function onDoubt({ link, result, askedAt }: Refused<Doubted>, trial: Trial): void {
    const { call, again, done } = trial;
    const left = { ...after(askedAt, trial), again: false };
    const refused = (): void => done(judged(call, result.attempt, link));
    const isOver = again ? renewal.isOver(link, result, stopping) : renewal.isOverAgain(link, result, stopping);
    waiting(isOver, { done, broken: brokenAttempt }, over => {
      if (over) verdicts.giveUp(link, "the upstream does not know the session any more");
      if (!over || result.doubt !== "undone" || call.signal.aborted) return refused();
      const second = (attempt: Attempt): void => {
        if (attempt.kind === "failed" && attempt.delivery === "not_sent") refused();
        else done(attempt);
      };
      attempt({ ...left, done: resuming(done, brokenAttempt, second) });
    });
  }

  /** Its lists are not what we took them for. */
  function withNewLists(link: Link, trial: Trial): void {
    const read = keeper.refresh(connector.link ?? link).then((): Opened => ({ kind: "open", link }));
    openInTime(read, trial, (waited, left) => {
      if (waited.kind === "failed") return left.done(verdicts.blame(failed(waited)));
      const { native } = left.holder;
      const definition = keeper.offer?.definitions.tool.find(one => one.string("name") === native);
      const usable = definition && malformed(definition) === undefined;
      attempt(usable ? { ...left, holder: { ...left.holder, definition } } : left);
    });
  }

  return function sendCall({ call, holder, limits, input }, done) {
    attempt({ call, holder, limits, input, again: true, done });
  };
}

const locked = (detail = "the upstream wants credentials"): FailedAttempt =>
  failed({ fault: "auth_required", delivery: "not_sent", detail });
const TOO_LATE = failed({ fault: "timeout", delivery: "not_sent", detail: "no time was left to send it" });
