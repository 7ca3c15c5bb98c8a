import type { Clock } from "../core/ports.ts";

/** One at a time, in the order of asking. */
export interface Turns {
  /** Resolves with `go` when it is the caller's turn; whoever gets it has to say `next` once. */
  take(patience: { readonly timeoutMs: number; readonly signal: AbortSignal }): Promise<"go" | "timeout" | "cancelled">;
  next(): void;
}

export function createTurns(clock: Clock): Turns {
  const waiting: (() => void)[] = [];
  let busy = false;

  return {
    take({ timeoutMs, signal }) {
      if (signal.aborted) return Promise.resolve("cancelled");
      if (!busy) {
        busy = true;
        return Promise.resolve("go");
      }
      return new Promise(resolve => {
        const end = (outcome: "go" | "timeout" | "cancelled"): void => {
          cancelTimer();
          signal.removeEventListener("abort", onAbort);
          const at = waiting.indexOf(go);
          if (at >= 0) waiting.splice(at, 1);
          resolve(outcome);
        };
        const go = (): void => end("go");
        const onAbort = (): void => end("cancelled");
        const cancelTimer = clock.after(timeoutMs, () => end("timeout"));
        signal.addEventListener("abort", onAbort, { once: true });
        waiting.push(go);
      });
    },
    next() {
      const first = waiting.shift();
      if (first) first();
      else busy = false;
    },
  };
}
