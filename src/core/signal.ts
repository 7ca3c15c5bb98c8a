/**
 * Tells that something is no longer wanted. Does what calls need of an `AbortSignal`, which costs more than all the rest
 * of a small call, and nothing else.
 */
export interface Signal {
  readonly aborted: boolean;
  /** What was given as the reason when it was aborted, if anything was. */
  readonly reason: unknown;
  /** Has `run` called once when it is aborted. One that is aborted already calls nothing: ask first. */
  onAbort(run: () => void): void;
  /** Withdraws that. */
  offAbort(run: () => void): void;
}

/** Whoever holds it may abort; everybody else gets its `signal`. A class, because one is made for many calls. */
export class Aborter implements Signal {
  #aborted = false;
  #reason: unknown;
  /** Most have one listener at most. */
  #first: (() => void) | undefined;
  #others: Set<() => void> | undefined;

  get signal(): Signal {
    return this;
  }

  get aborted(): boolean {
    return this.#aborted;
  }

  get reason(): unknown {
    return this.#reason;
  }

  /** How many wait for it. */
  get listeners(): number {
    return (this.#first === undefined ? 0 : 1) + (this.#others?.size ?? 0);
  }

  onAbort(run: () => void): void {
    if (this.#aborted) return;
    if (this.#first === undefined) this.#first = run;
    else if (this.#first !== run) {
      this.#others ??= new Set();
      this.#others.add(run);
    }
  }

  offAbort(run: () => void): void {
    if (this.#first === run) this.#first = undefined;
    else this.#others?.delete(run);
  }

  /** Calls every listener, also when one of them throws; what was thrown first is thrown in the end. */
  abort(reason?: unknown): void {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#reason = reason;
    const errors: unknown[] = [];
    for (let run = this.#next(); run; run = this.#next()) {
      try {
        run();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }

  /** Taken one by one: a listener may withdraw another one, which is not called then. */
  #next(): (() => void) | undefined {
    const first = this.#first;
    this.#first = undefined;
    if (first) return first;
    for (const other of this.#others ?? []) {
      this.#others?.delete(other);
      return other;
    }
    return undefined;
  }
}

/** One that was aborted before anybody asked. */
export function aborted(): Signal {
  const aborter = new Aborter();
  aborter.abort();
  return aborter;
}

/** One that nobody aborts. */
export const NEVER: Signal = new Aborter();
