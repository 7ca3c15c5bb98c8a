import type { Clock } from "../core/ports.ts";

/** How long somebody waits for a turn. */
export interface TurnPatience {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** The right to be the one that runs. It can be passed on while its holder waits for somebody, and taken again. */
export interface Turn {
  /** Lets the next one go on. Does no harm a second time. */
  pass(): void;
  /** Resolves when it is the holder's turn again, or with why it is not. */
  retake(patience: TurnPatience): Promise<"go" | "timeout" | "cancelled">;
}

export type Taken = { readonly kind: "go"; readonly turn: Turn } | { readonly kind: "timeout" | "cancelled" };

/** One at a time, in the order of asking. */
export interface Turns {
  take(patience: TurnPatience): Promise<Taken>;
}

export function createTurns(clock: Clock): Turns {
  const waiting: (() => void)[] = [];
  let busy = false;

  function next(): void {
    const first = waiting.shift();
    if (first) first();
    else busy = false;
  }

  function wait({ timeoutMs, signal }: TurnPatience): Promise<"go" | "timeout" | "cancelled"> {
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
  }

  function turn(): Turn {
    let held = true;
    return {
      pass() {
        if (!held) return;
        held = false;
        next();
      },
      async retake(patience) {
        const outcome = await wait(patience);
        held = outcome === "go";
        return outcome;
      },
    };
  }

  return {
    async take(patience) {
      const outcome = await wait(patience);
      return outcome === "go" ? { kind: "go", turn: turn() } : { kind: outcome };
    },
  };
}
