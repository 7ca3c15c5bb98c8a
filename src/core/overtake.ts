import type { Call } from "./call.ts";
import type { AttemptFailure } from "./failure.ts";
import type { Clock } from "./ports.ts";
import { graver } from "./retry.ts";
import { Aborter } from "./signal.ts";

/** Why an attempt was given up although its agent still waits: somebody else was quicker. */
export const OVERTAKEN = "overtaken";

type Failed = { readonly kind: "failed" } & AttemptFailure;
type Ended = Failed | { readonly kind: "done" | "asks" | "answered" | "quoted" | "broken" };

export interface Overtaking<Choice, Attempt extends Ended> {
  readonly clock: Clock;
  readonly call: Call;
  readonly first: Choice;
  /** How long nothing may be heard before somebody else is asked too. */
  readonly silenceMs: number;
  /** Whom to ask too; `undefined` for nobody at present. */
  next(): Choice | undefined;
  send(choice: Choice, call: Call, arrived: (attempt: Attempt) => void): void;
  /** It ran into a bug of ours where nobody else would see it. */
  broke(error: unknown): void;
}

/** What came of it, and from whom. */
export interface Arrival<Choice, Attempt> {
  readonly attempt: Attempt;
  readonly choice: Choice;
}

/**
 * Sends a call that does no harm twice. While nothing is heard, somebody else is asked too and the first goes on:
 * given up, it would have a deadline that nobody has set. Whoever shows first that it works on the call keeps it, because
 * an agent can follow the progress of one run only; the others are given up then.
 */
export function sendOvertakably<Choice, Attempt extends Ended>(
  options: Overtaking<Choice, Attempt>,
  done: (arrival: Arrival<Choice, Attempt>) => void,
): void {
  const { clock, call, silenceMs } = options;
  const running = new Map<Choice, Aborter>();
  let failed: { readonly choice: Choice; readonly attempt: Attempt & Failed } | undefined;
  let cancelTimer = clock.after(silenceMs, askAnother);
  const onAbort = (): void => {
    for (const aborter of [...running.values()]) aborter.abort();
  };
  call.signal.onAbort(onAbort);

  function start(choice: Choice): void {
    const aborter = new Aborter();
    running.set(choice, aborter);
    if (call.signal.aborted) aborter.abort();
    const racing: Call = {
      ...call,
      signal: aborter.signal,
      notify(notice) {
        if (!running.has(choice)) return;
        giveUpOthers(choice);
        return call.notify(notice);
      },
      postponed() {
        if (!running.has(choice)) return;
        giveUpOthers(choice);
        call.postponed?.();
      },
    };
    options.send(choice, racing, attempt => ended(choice, attempt));
  }

  function askAnother(): void {
    cancelTimer = clock.after(silenceMs, askAnother);
    try {
      const choice = options.next();
      if (choice !== undefined) start(choice);
    } catch (error) {
      leave(undefined);
      options.broke(error);
    }
  }

  function giveUpOthers(choice: Choice | undefined): void {
    cancelTimer();
    for (const [other, aborter] of [...running]) {
      if (other === choice) continue;
      running.delete(other);
      aborter.abort(OVERTAKEN);
    }
  }

  function ended(choice: Choice, attempt: Attempt): void {
    if (!running.delete(choice)) return;
    if (!isFailed(attempt)) return finish({ attempt, choice });
    failed = failed && graver(failed.attempt, attempt) === failed.attempt ? failed : { attempt, choice };
    if (running.size === 0) finish(failed);
  }

  function leave(choice: Choice | undefined): void {
    giveUpOthers(choice);
    call.signal.offAbort(onAbort);
  }

  function finish(arrival: Arrival<Choice, Attempt>): void {
    leave(arrival.choice);
    done(arrival);
  }

  start(options.first);
}

const isFailed = <Attempt extends Ended>(attempt: Attempt): attempt is Attempt & Failed => attempt.kind === "failed";
