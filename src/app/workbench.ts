import type { Steps } from "../core/steps.ts";
import { createSlices } from "../lib/slices.ts";

/** What small work may cost before it is put off as well; hardly any comes near. */
const AT_ONCE = 50_000;

/**
 * Does work at once when it is small, and otherwise in slices that give way to everything else, one work after the other:
 * several at a time would take a slice each in every turn.
 */
export type Workbench = <T>(steps: Steps<T>, about: { readonly isSmall: boolean }) => T | Promise<T>;

export function createWorkbench(now: () => number): Workbench {
  let before: Promise<unknown> = Promise.resolve();
  const slices = createSlices(now);

  async function inSlices<T>(steps: Steps<T>): Promise<T> {
    for (;;) {
      await slices.rest();
      const step = steps.next();
      if (step.done) return step.value;
    }
  }

  return (steps, { isSmall }) => {
    for (let spent = 0; isSmall && spent < AT_ONCE; ) {
      const step = steps.next();
      if (step.done) return step.value;
      spent += step.value;
    }
    const done = before.then(() => inSlices(steps));
    before = done.catch(() => {});
    return done;
  };
}
