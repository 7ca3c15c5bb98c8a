/**
 * Long work that may be interrupted between its steps. It yields what the step has cost, in units of about a microsecond,
 * so that whoever runs it can give way to others; there is no clock here.
 */
export type Steps<T> = Generator<number, T, undefined>;

/** A step is worth an interruption from here on. */
const STEP_COST = 100;

/** Does all of it in one piece. */
export function finish<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** One after the other. `costOf`: what one costs; 1 by default. */
export function* each<T>(
  items: Iterable<T>,
  work: (item: T, at: number) => void,
  costOf?: (item: T) => number,
): Steps<void> {
  let cost = 0;
  let at = 0;
  for (const item of items) {
    work(item, at++);
    cost += costOf ? costOf(item) : 1;
    if (cost < STEP_COST) continue;
    yield cost;
    cost = 0;
  }
  yield cost;
}

export function* mapped<T, U>(
  items: Iterable<T>,
  make: (item: T, at: number) => U,
  costOf?: (item: T) => number,
): Steps<U[]> {
  const made: U[] = [];
  yield* each(items, (item, at) => void made.push(make(item, at)), costOf);
  return made;
}

export function* flatMapped<T, U>(items: Iterable<T>, make: (item: T, at: number) => readonly U[]): Steps<U[]> {
  const made: U[] = [];
  yield* each(items, (item, at) => {
    for (const one of make(item, at)) made.push(one);
  });
  return made;
}
