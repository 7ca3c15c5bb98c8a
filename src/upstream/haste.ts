import type { Call } from "../core/call.ts";
import type { Clock } from "../core/ports.ts";
import type { LinkAttempt } from "./attempt.ts";
import type { Opened } from "./connector.ts";

/** Waits for a link that is being opened or got ready, no longer than the call has time or its agent waits. */
export function inTime(
  opening: Promise<Opened>,
  { clock, timeoutMs, signal }: { clock: Clock; timeoutMs: number; signal: AbortSignal },
): Promise<Opened> {
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      cancel();
      signal.removeEventListener("abort", onAbort);
    };
    const end = (opened: Opened): void => {
      leave();
      resolve(opened);
    };
    const stop = (fault: "timeout" | "cancelled", detail: string): void =>
      end({ kind: "failed", fault, delivery: "not_sent", detail });
    const onAbort = (): void => stop("cancelled", "the agent no longer waits");
    const cancel = clock.after(timeoutMs, () => stop("timeout", "the upstream was not ready in time"));
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort);
    opening.then(end, error => {
      leave();
      reject(error);
    });
  });
}

/**
 * Sends a call and gives it up after `tryMs`, because somebody else can take it, unless the upstream has shown by then
 * that it works on it.
 */
export async function giveUpEarly(
  clock: Clock,
  tryMs: number,
  call: Call,
  send: (call: Call) => Promise<LinkAttempt>,
): Promise<LinkAttempt> {
  const ending = new AbortController();
  let late = false;
  const cancel = clock.after(tryMs, () => {
    late = true;
    ending.abort();
  });
  const onAbort = (): void => ending.abort();
  if (call.signal.aborted) onAbort();
  call.signal.addEventListener("abort", onAbort);
  const result = await send({
    ...call,
    signal: ending.signal,
    notify(notice) {
      cancel();
      return call.notify(notice);
    },
    postponed() {
      cancel();
      call.postponed?.();
    },
  });
  cancel();
  call.signal.removeEventListener("abort", onAbort);
  const wasLate = late && !call.signal.aborted && result.kind === "failed" && result.fault === "cancelled";
  return wasLate ? { ...result, fault: "timeout", detail: "no answer came within half of the time" } : result;
}
