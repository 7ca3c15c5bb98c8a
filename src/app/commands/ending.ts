import type { StopReport } from "../control/gateway-client.ts";
import { EXIT } from "../exit-codes.ts";
import type { Gateway } from "../gateway.ts";
import { count, duration } from "../terminal/words.ts";
import type { Context } from "./command.ts";

/** How long running calls may take to finish after a signal. */
const GRACE_MS = 30_000;

/** The one way in which a gateway ends. */
export interface Ending {
  /** Begins to end, once. */
  end(graceMs: number): Promise<StopReport>;
  /** Resolves when it has ended. */
  readonly ended: Promise<StopReport>;
}
export interface Session {
  readonly gateway: Gateway;
  readonly ending: Ending;
}

export function endingOf(gateway: Gateway): Ending {
  let settle: (report: Promise<StopReport>) => void;
  let begun: Promise<StopReport> | undefined;
  const ended = new Promise<StopReport>(resolve => {
    settle = resolve;
  });
  const end = (graceMs: number): Promise<StopReport> => {
    if (begun) return begun;
    const startedMs = performance.now();
    begun = gateway.stop({ graceMs }).then(({ cut }) => ({ cut, tookMs: Math.round(performance.now() - startedMs) }));
    settle(begun);
    return begun;
  };
  return { end, ended };
}

/**
 * The first signal lets running calls finish, the second cuts them off and ends the process, a third does not even wait for that. A hang-up reloads, unless the terminal is
 * gone that the process was started on. Returns the function that ends the listening.
 */
export function obeySignals({ gateway, ending }: Session, reload: () => Promise<void>, context: Context): () => void {
  const { terminal, signals, hungUp, exit } = context;
  let heard = 0;
  const stop = (): void => {
    heard++;
    if (heard === 2) {
      // The agents are told what became of their calls; that takes no longer than a moment.
      void gateway.cut().finally(() => exit(EXIT.error));
      return;
    }
    if (heard > 2) {
      exit(EXIT.error);
      return;
    }
    // Those that wait for their agents count too: they may finish as well.
    const running = gateway.status().upstreams.reduce((sum, { inFlight }) => sum + inFlight, gateway.parked);
    if (running > 0) {
      const calls = `${count(running, "call")} may finish within ${duration(GRACE_MS)}`;
      terminal.err(`Stopping: ${calls}. Once more to stop at once.`);
    }
    void ending.end(GRACE_MS);
  };
  const hangUp = (): void => {
    if (hungUp()) stop();
    else void reload();
  };
  signals.on("SIGINT", stop).on("SIGTERM", stop).on("SIGHUP", hangUp);
  return () => void signals.off("SIGINT", stop).off("SIGTERM", stop).off("SIGHUP", hangUp);
}
