import { descendants } from "../fixtures/leaks.ts";

/** However this process ends, what it started ends with it: a frozen server too. */
export function endWithChildren(): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(130));
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
