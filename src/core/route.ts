import { byAvailability, type Condition, holdsBack, SLOW_START } from "./availability.ts";
import { order, type Policy } from "./balance.ts";
import { type Asked, broken, type Call, type Done, type Handle, type Outcome } from "./call.ts";
import type { Entry, Holder } from "./catalog.ts";
import type { AttemptFailure, Failure } from "./failure.ts";
import { type Limits, rest, silenceMs } from "./limits.ts";
import type { OwnerId, UpstreamName } from "./names.ts";
import { type Arrival, type Overtaking, sendOvertakably } from "./overtake.ts";
import { type Pass, resuming } from "./pass.ts";
import type { Payload } from "./payload.ts";
import type { Clock, Random } from "./ports.ts";
import { graver, isBound, isReplaySafe, mayFollow, PASSES_SOON, pauseMs, type Trust, wentNowhere } from "./retry.ts";
import type { RetryBudget } from "./retry-budget.ts";
import type { Signal } from "./signal.ts";
import { unresolved } from "./unresolved.ts";

/** What one attempt brought. */
export type Attempt =
  | Answer
  | ({ readonly kind: "failed" } & AttemptFailure)
  /** It ran into a bug of ours. */
  | { readonly kind: "broken"; readonly cause: unknown };
type Answer =
  | { readonly kind: "done"; readonly result: Payload }
  | ({ readonly kind: "asks" } & Asked)
  | { readonly kind: "answered" | "quoted"; readonly error: Payload };

export const brokenAttempt = (cause: unknown): Attempt => ({ kind: "broken", cause });

/** One attempt to be made at one upstream. */
export interface Sending {
  readonly call: Call;
  readonly holder: Holder;
  /** What is left of the call's time. */
  readonly limits: Limits;
}

/** One upstream, as far as routing is concerned. */
export interface Instance {
  readonly condition: Condition;
  /** Whether it was lost only just now, and may be back in a moment. */
  readonly restarting: boolean;
  /** Monotonic time at which it came back from having been away. */
  readonly returnedAt: number;
  readonly inFlight: number;
  /** Whether as many calls of this owner run there as may, and others wait already. */
  isFull(owner: OwnerId): boolean;
  readonly trust: Trust;
  /** Shared with its replicas. */
  readonly budget: RetryBudget;
  /** The time that it gives a call, when the call is sent to it first. */
  limits(call: Call, holder: Holder): Limits;
  /** Whether it holds the conversation of that owner. */
  keeps(owner: OwnerId): boolean;
  readonly send: Pass<Sending, Attempt>;
}

export interface RouteOptions {
  instance(name: UpstreamName): Instance | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly policy: Policy;
  /** Upper bound of attempts for one call, the first included. */
  readonly maxAttempts?: number;
}

interface Choice {
  readonly holder: Holder;
  readonly upstream: Instance;
}

/** One call on its way, over all its attempts. */
interface Run {
  readonly call: Call;
  readonly done: Done;
  readonly startedAt: number;
  readonly first: Choice;
  readonly choices: readonly Choice[];
  /** Whom it was sent to, in this order. */
  readonly tried: Choice[];
  /** The time of all attempts together. */
  readonly whole: Limits;
  failed: Failed | undefined;
}

/** Sends a call to an upstream that holds its subject, and to the next one where that is safe. */
export function route(options: RouteOptions): Handle {
  const { instance, clock, random, policy, maxAttempts = 3 } = options;
  const turns = new WeakMap<Entry, number>();

  return function routed(call, done) {
    const { subject } = call;
    if (subject?.kind !== "found") return done({ kind: "failed", failure: unresolved(call) });
    const startedAt = clock.now();
    const choices = choose(subject.entry, call, startedAt);
    const [first] = choices;
    if (!first) return done({ kind: "failed", failure: gone(call, subject.entry) });
    first.upstream.budget.called(startedAt);
    const whole = first.upstream.limits(call, first.holder);
    send({ call, done, startedAt, choices, whole, first, tried: [first], failed: undefined }, first, whole);
  };

  function send(run: Run, choice: Choice, limits: Limits): void {
    const { call, choices, first, tried } = run;
    const came = resuming(run.done, broken, (arrival: Arrival<Choice, Attempt>) => judge(run, arrival));
    // Whoever is the last to be asked is waited for.
    const isLast = tried.length >= maxAttempts || !choices.some(one => isLeft(one, tried));
    if (!isLast && isSafe(call, first)) return sendRacing(run, { choice, limits }, came);
    const within = isLast ? { ...limits, queueMs: Number.POSITIVE_INFINITY } : limits;
    choice.upstream.send({ call, holder: choice.holder, limits: within }, attempt => came({ attempt, choice }));
  }

  /** Ends the call with what came of an attempt, or sends it again. */
  function judge(run: Run, { attempt, choice }: Arrival<Choice, Attempt>): void {
    const { call, done, first, tried } = run;
    const { upstream } = choice.holder;
    if (attempt.kind !== "failed") return done(answered(attempt, upstream, tried.length));
    run.failed = graver(run.failed, { ...attempt, upstream });
    const found = tried.length < maxAttempts ? another(call, attempt, tried) : undefined;
    if (!found || !(wentNowhere(attempt) || first.upstream.budget.take(clock.now()))) return giveUp(run, run.failed);
    // At once to somebody else, after a while to the same.
    if (!tried.includes(found)) return again(run, found, run.failed);
    const { failed } = run;
    const resumed = resuming(done, broken, () =>
      call.signal.aborted ? giveUp(run, failed) : again(run, found, failed),
    );
    pause(call.signal, () => resumed(undefined));
  }

  function again(run: Run, next: Choice, failed: Failed): void {
    const limits = rest(run.whole, clock.now() - run.startedAt);
    if (limits.timeoutMs <= 0) return giveUp(run, failed);
    run.tried.push(next);
    send(run, next, limits);
  }

  function giveUp({ call, done, tried }: Run, failed: Failed): void {
    done(given(failed, call, { attempts: tried.length, replaySafe: tried.every(one => isSafe(call, one)) }));
  }

  /** Asks others too while whoever has the call stays silent; they are added to those that were tried. */
  function sendRacing(
    { call, done, first, tried }: Run,
    { choice, limits }: { choice: Choice; limits: Limits },
    came: (arrival: Arrival<Choice, Attempt>) => void,
  ): void {
    const sentAt = clock.now();
    const racing: Overtaking<Choice, Attempt> = {
      ...{ clock, call, first: choice, silenceMs: silenceMs(limits) },
      next() {
        const last = tried.at(-1);
        if (tried.length >= maxAttempts || !last || !isSafe(call, last)) return undefined;
        const found = untried(call, tried);
        if (!found || !isLeft(found, tried) || !first.upstream.budget.take(clock.now())) return undefined;
        tried.push(found);
        return found;
      },
      send({ upstream, holder }, racing, arrived) {
        upstream.send({ call: racing, holder, limits: rest(limits, clock.now() - sentAt) }, arrived);
      },
      broke: error => done(broken(error)),
    };
    sendOvertakably(racing, came);
  }

  /** Who may be asked after an attempt that failed: somebody else, or the same once more if there is nobody else. */
  function another(call: Call, failure: AttemptFailure, tried: readonly Choice[]): Choice | undefined {
    const [last] = tried.slice(-1);
    if (call.signal.aborted || !last || call.subject?.kind !== "found") return undefined;
    if (!mayFollow(failure, () => isSafe(call, last))) return undefined;
    return untried(call, tried) ?? (call.continues || !mayPass(failure, tried) ? undefined : last);
  }

  function untried(call: Call, tried: readonly Choice[]): Choice | undefined {
    if (call.subject?.kind !== "found") return undefined;
    const choices = choose(call.subject.entry, call, clock.now());
    return choices.find(choice => !wasTried(choice, tried));
  }

  /** Whom to try, in this order, as things are now. */
  function choose(entry: Entry, call: Call, now: number): readonly Choice[] {
    const { continues, caller } = call;
    const found: Choice[] = [];
    for (const holder of entry.holders) {
      // Only whoever asked can take the answer.
      const upstream = continues && continues.upstream !== holder.upstream ? undefined : instance(holder.upstream);
      if (upstream) found.push({ holder, upstream });
    }
    if (found.length < 2) return found;
    const turn = turns.get(entry) ?? 0;
    turns.set(entry, turn + 1);
    const occasion = { turn, random, owner: caller.owner };
    const candidates = found.map(({ holder, upstream }) => {
      const { inFlight } = upstream;
      const isFull = upstream.isFull(caller.owner);
      const keepsAgent = upstream.keeps(caller.owner);
      return { holder, upstream, condition: conditionOf(upstream, now), inFlight, keepsAgent, isFull };
    });
    const tiers = byAvailability(candidates);
    return tiers.length === 1
      ? order(candidates, policy, occasion)
      : tiers.flatMap(tier => order(tier, policy, occasion));
  }

  function conditionOf(upstream: Instance, now: number): Condition {
    const { condition, returnedAt } = upstream;
    const agoMs = now - returnedAt;
    if (condition !== "up" || agoMs >= SLOW_START.durationMs) return condition;
    return holdsBack(agoMs, upstream.budget.callsPerSecond(now), random) ? "warming" : condition;
  }

  /** Goes on after a while, or as soon as the agent has left. */
  function pause(signal: Signal, goOn: () => void): void {
    const end = (): void => {
      cancel();
      signal.offAbort(end);
      goOn();
    };
    const cancel = clock.after(pauseMs(random), end);
    signal.onAbort(end);
  }
}

const wasTried = ({ holder }: Choice, tried: readonly Choice[]): boolean => tried.some(one => one.holder === holder);
/** Whether somebody who is not down could still be asked. */
const isLeft = (choice: Choice, tried: readonly Choice[]): boolean =>
  choice.upstream.condition !== "down" && !wasTried(choice, tried);

type Failed = AttemptFailure & { readonly upstream: UpstreamName };

/** Whether the last one tried may well answer a moment later. */
function mayPass({ fault }: AttemptFailure, tried: readonly Choice[]): boolean {
  if (fault === "unreachable") return tried.at(-1)?.upstream.restarting === true;
  return tried.length === 1 && PASSES_SOON[fault];
}

const isSafe = (call: Call, { holder, upstream }: Choice): boolean => isReplaySafe(call, holder, upstream.trust);

function answered(answer: Exclude<Attempt, { kind: "failed" }>, upstream: UpstreamName, attempts: number): Outcome {
  const route = { upstream, attempts };
  if (answer.kind === "broken") return { ...broken(answer.cause), route };
  if (answer.kind === "done") return { kind: "done", result: answer.result, route };
  if (answer.kind === "asks") return { ...answer, route };
  const { kind, error } = answer;
  return { kind: "failed", failure: kind === "quoted" ? { kind, error, ...route } : { kind, error }, route };
}

function given(
  { upstream, ...facts }: Failed,
  call: Call,
  more: { readonly attempts: number; readonly replaySafe: boolean },
): Outcome {
  const route = { upstream, attempts: more.attempts };
  if (facts.fault === "cancelled") return { kind: "failed", failure: { kind: "cancelled" }, route };
  return { kind: "failed", failure: { ...facts, ...more, kind: "upstream", upstream, bound: isBound(call) }, route };
}

/** Whoever could have answered is not configured any more. */
function gone(call: Call, entry: Entry): Failure {
  const upstream = call.continues?.upstream ?? entry.holders[0].upstream;
  const detail = "not configured any more";
  const facts = { fault: "unreachable", delivery: "not_sent", detail, attempts: 0 } as const;
  return { kind: "upstream", upstream, ...facts, bound: isBound(call) };
}
