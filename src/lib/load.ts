import { monitorEventLoopDelay } from "node:perf_hooks";
import { getHeapStatistics } from "node:v8";
import type { Load } from "../core/pressure.ts";

const RESOLUTION_MS = 50;
/** Three halves of 16 MiB, which are counted into the limit and are no room for what lives on. */
const YOUNG_BYTES = 48 * 1024 * 1024;
const NS_PER_MS = 1e6;

/** What may live on in the heap of this process. */
export const heapLimitBytes = (): number => getHeapStatistics().heap_size_limit - YOUNG_BYTES;

/** Watches this process. `look` tells its load since the last look. */
export function watchLoad(): { look(): Load; stop(): void } {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delays.enable();
  return {
    look() {
      const { used_heap_size } = getHeapStatistics();
      const delayMs = delays.percentile(99) / NS_PER_MS - RESOLUTION_MS;
      delays.reset();
      return { heap: used_heap_size / heapLimitBytes(), delayMs };
    },
    stop: () => void delays.disable(),
  };
}
