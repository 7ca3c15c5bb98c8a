import type { Call } from "./call.ts";
import type { AttemptFailure } from "./failure.ts";
import type { Clock } from "./ports.ts";
import { graver } from "./retry.ts";

/** Why an attempt was given up although its agent still waits: somebody else was quicker. */
export const OVERTAKEN = "overtaken";

type Failed = { readonly kind: "failed" } & AttemptFailure;
type Ended = Failed | { readonly kind: "done" | "asks" | "answered" | "quoted" };

export interface Overtaking<Choice, Attempt extends Ended> {
  readonly clock: Clock;
  readonly call: Call;
  readonly first: Choice;
  /** How long nothing may be heard before somebody else is asked too. */
  readonly silenceMs: number;
  /** Whom to ask too; `undefined` for nobody at present. */
  next(): Choice | undefined;
  send(choice: Choice, call: Call): Promise<Attempt>;
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
): Promise<Arrival<Choice, Attempt>> {
  const { clock, call, silenceMs } = options;
  return new Promise((resolve, reject) => {
    const running = new Map<Choice, AbortController>();
    let failed: { readonly choice: Choice; readonly attempt: Attempt & Failed } | undefined;
    let cancelTimer = clock.after(silenceMs, askAnother);
    const onAbort = (): void => {
      for (const controller of running.values()) controller.abort();
    };
    call.signal.addEventListener("abort", onAbort, { once: true });

    function start(choice: Choice): void {
      const controller = new AbortController();
      running.set(choice, controller);
      const { signal } = controller;
      if (call.signal.aborted) controller.abort();
      const racing: Call = {
        ...call,
        signal,
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
      options.send(choice, racing).then(attempt => ended(choice, attempt), reject);
    }

    function askAnother(): void {
      cancelTimer = clock.after(silenceMs, askAnother);
      const choice = options.next();
      if (choice !== undefined) start(choice);
    }

    function giveUpOthers(choice: Choice): void {
      cancelTimer();
      for (const [other, controller] of running) {
        if (other === choice) continue;
        running.delete(other);
        controller.abort(OVERTAKEN);
      }
    }

    function ended(choice: Choice, attempt: Attempt): void {
      if (!running.has(choice)) return;
      if (isFailed(attempt)) {
        running.delete(choice);
        failed = failed && graver(failed.attempt, attempt) === failed.attempt ? failed : { attempt, choice };
        if (running.size === 0) finish(failed);
      } else finish({ attempt, choice });
    }

    function finish(arrival: Arrival<Choice, Attempt>): void {
      giveUpOthers(arrival.choice);
      call.signal.removeEventListener("abort", onAbort);
      resolve(arrival);
    }

    start(options.first);
  });
}

const isFailed = <Attempt extends Ended>(attempt: Attempt): attempt is Attempt & Failed => attempt.kind === "failed";
