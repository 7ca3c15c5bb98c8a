import { descendants } from "../fixtures/leaks.ts";

/** However this process ends, what it started ends with it: a frozen server too. */
export function endWithChildren(): void {
  // Not `once`: the signal of a terminal comes twice, and the second one would end this in the middle of its end.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(130));
  process.once("exit", () => {
    for (const pid of descendants(process.pid)) {
      // The second one ends a gateway at once; what is frozen hears of both when it goes on.
      for (const signal of ["SIGTERM", "SIGINT", "SIGCONT"] as const) {
        try {
          process.kill(pid, signal);
        } catch {
          // It was faster.
        }
      }
    }
  });
}
