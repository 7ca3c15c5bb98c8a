/** Work that waits for something more urgent; once that is done, everything runs at once when it is given. */
export interface HeldBack {
  run(task: () => void): void;
  release(): void;
}

export function holdBack(): HeldBack {
  let waiting: (() => void)[] | undefined = [];
  return {
    run(task) {
      if (waiting) waiting.push(task);
      else task();
    },
    release() {
      const tasks = waiting ?? [];
      waiting = undefined;
      for (const task of tasks) task();
    },
  };
}
