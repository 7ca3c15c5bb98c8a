/** What one upstream causes takes turns with everything else that this process does. */
const SLICE_MS = 5;

/** Long work in slices: `rest` is to be awaited between its steps, and gives way to others when the slice is used up. */
export function createSlices(now: () => number): { rest(): Promise<void> | undefined } {
  let until = now() + SLICE_MS;
  return {
    rest() {
      if (now() < until) return undefined;
      return new Promise(resolve => {
        setImmediate(() => {
          until = now() + SLICE_MS;
          resolve();
        });
      });
    },
  };
}
