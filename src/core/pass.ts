/**
 * How a call gets through the gateway: from one to the next, and what it brings back the same way. Nobody makes a promise
 * of it, so that what need not wait is over in the same turn.
 */

/** Takes what is asked for, and calls `done` once with what came of it: now or later. `done` does not throw. */
export type Pass<Asked, Brought> = (asked: Asked, done: (brought: Brought) => void) => void;

/**
 * Stands before `next` and knows nothing else. Either passes on, perhaps something else than it got, or calls `done`
 * itself; whichever it is, it is the last thing that it does in that turn.
 */
export type Step<Asked, Brought> = (next: Pass<Asked, Brought>) => Pass<Asked, Brought>;

/**
 * The steps in this order, and `last` behind them. What one of them throws is what this one call brings, seen by those
 * before it like any other end: nobody else is disturbed, and whatever they hold for the call they let go.
 */
export function inOrder<Asked, Brought>(
  steps: readonly Step<Asked, Brought>[],
  last: Pass<Asked, Brought>,
  broken: (error: unknown) => Brought,
): Pass<Asked, Brought> {
  return steps.reduceRight((next, step) => safely(step(next), broken), safely(last, broken));
}

function safely<Asked, Brought>(pass: Pass<Asked, Brought>, broken: (error: unknown) => Brought): Pass<Asked, Brought> {
  return (asked, done) => {
    try {
      pass(asked, done);
    } catch (error) {
      done(broken(error));
    }
  };
}

/** A `done` that first has `look` see what comes back: it may keep a note of it, or bring something else. */
export function returning<Brought, Before = Brought>(
  done: (brought: Brought) => void,
  broken: (error: unknown) => Brought,
  look: (brought: Before) => Brought,
): (brought: Before) => void {
  return brought => {
    let seen: Brought;
    try {
      seen = look(brought);
    } catch (error) {
      seen = broken(error);
    }
    done(seen);
  };
}

/** What goes on later, after a wait: like a step, it ends the call when it throws. */
export function resuming<Brought, Waited>(
  done: (brought: Brought) => void,
  broken: (error: unknown) => Brought,
  run: (waited: Waited) => void,
): (waited: Waited) => void {
  return waited => {
    try {
      run(waited);
    } catch (error) {
      done(broken(error));
    }
  };
}

/** Goes on once there is what has to be waited for. What is thrown, there or when it goes on, ends the call. */
export function waiting<Brought, Waited>(
  waited: Promise<Waited>,
  { done, broken }: { done(brought: Brought): void; broken(error: unknown): Brought },
  run: (waited: Waited) => void,
): void {
  waited.then(resuming(done, broken, run), error => done(broken(error)));
}
