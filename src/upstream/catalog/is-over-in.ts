import type { Clock } from "../../core/ports.ts";

/** Whether work is over, in whatever way, when so much time has passed; tells at once when it is. */
export function isOverIn(timeoutMs: number, work: Promise<unknown>, clock: Clock): Promise<boolean> {
  return new Promise(resolve => {
    const cancel = clock.after(timeoutMs, () => resolve(false));
    const end = (): void => {
      cancel();
      resolve(true);
    };
    work.then(end, end);
  });
}
