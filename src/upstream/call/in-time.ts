import type { Clock } from "../../core/ports.ts";
import type { Signal } from "../../core/signal.ts";
import type { Opened } from "../connection/connector.ts";

/** Waits for a link that is being opened or got ready, no longer than the call has time or its agent waits. */
export function inTime(
  opening: Promise<Opened>,
  { clock, timeoutMs, signal }: { clock: Clock; timeoutMs: number; signal: Signal },
): Promise<Opened> {
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      cancel();
      signal.offAbort(onAbort);
    };
    const end = (opened: Opened): void => {
      leave();
      resolve(opened);
    };
    const stop = (fault: "timeout" | "cancelled", detail: string): void =>
      end({ kind: "failed", fault, delivery: "not_sent", detail });
    const onAbort = (): void => stop("cancelled", "the agent no longer waits");
    const late = (): void => stop("timeout", "the upstream was not ready in time");
    const cancel = timeoutMs === Number.POSITIVE_INFINITY ? () => {} : clock.after(timeoutMs, late);
    if (signal.aborted) return onAbort();
    signal.onAbort(onAbort);
    opening.then(end, error => {
      leave();
      reject(error);
    });
  });
}
