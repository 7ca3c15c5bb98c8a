import type { Clock } from "../../core/ports.ts";
import { waitFor } from "../../core/wait.ts";

/** Whether work is over, in whatever way, when so much time has passed; tells at once when it is. */
export function isOverIn(timeoutMs: number, work: Promise<unknown>, clock: Clock): Promise<boolean> {
  return waitFor<boolean>({ late: { clock, afterMs: timeoutMs, gives: () => false } }, end => {
    const over = (): void => end(true);
    work.then(over, over);
  });
}
