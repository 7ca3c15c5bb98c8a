import { readFileSync, writeFileSync } from "node:fs";
import type { Probe } from "../fixtures/probe.ts";

/** What one thing cost the gateway. */
export interface Cost {
  readonly name: string;
  readonly bytes: number;
  /** The longest time that its event loop was busy with one thing, less than all its processor time for this. */
  readonly stallMs: number;
  /** How much more memory it had at its peak than before; `undefined` where that cannot be told. */
  readonly memoryBytes: number | undefined;
}

/** What nobody can be asked to stay below, whatever the size: pages come and go by themselves. */
export const FLOOR_BYTES = 64 * 1024 * 1024;
/** As much memory as a message may cost for each of its bytes. */
export const FACTOR = 100;
/** The goal is 50 ms on a quiet machine; the processor time of a busy one varies. */
export const STALL_MS = 500;

/** Linux forgets the peak of a process when asked. https://man7.org/linux/man-pages/man5/proc_pid_clear_refs.5.html */
function forgetPeak(pid: number): boolean {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, "5");
    return true;
  } catch {
    return false;
  }
}
const peakBytes = (pid: number): number =>
  Number(/VmHWM:\s*(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;

export async function costOf(
  gateway: { readonly pid: number; readonly probe: Probe },
  thing: { readonly name: string; readonly bytes: number; run(): Promise<unknown> },
): Promise<Cost> {
  const before = await gateway.probe.ask({ collects: true });
  const known = forgetPeak(gateway.pid);
  const { cpuMs } = await gateway.probe.ask({ resets: true });
  await thing.run();
  const after = await gateway.probe.ask();
  // A loop that was late without working waited for its turn on a processor.
  const stallMs = Math.min(after.stallMs, after.cpuMs - cpuMs);
  const memoryBytes = known ? Math.max(0, peakBytes(gateway.pid) - before.rss) : undefined;
  return { name: thing.name, bytes: thing.bytes, stallMs, memoryBytes };
}

const isTooMuch = ({ bytes, stallMs, memoryBytes = 0 }: Cost): boolean =>
  stallMs > STALL_MS || memoryBytes > Math.max(FLOOR_BYTES, FACTOR * bytes);

/** The stall once more where it was too long: a neighbour's doing does not happen three times. */
export async function fairCostOf(...args: Parameters<typeof costOf>): Promise<Cost> {
  let cost = await costOf(...args);
  for (let left = 2; left > 0 && cost.stallMs > STALL_MS; left--) {
    const { stallMs } = await costOf(...args);
    cost = { ...cost, stallMs: Math.min(cost.stallMs, stallMs) };
  }
  return cost;
}

const line = ({ name, bytes, stallMs, memoryBytes = Number.NaN }: Cost): string =>
  `${stallMs.toFixed(0)} ms, ${(memoryBytes / 2 ** 20).toFixed(1)} MiB for ${bytes} bytes: ${name}`;

/** Prints the dearest, and returns those that cost too much. */
export function judge(title: string, costs: readonly Cost[]): string[] {
  const by = (value: (cost: Cost) => number): string[] =>
    [...costs]
      .sort((a, b) => value(b) - value(a))
      .slice(0, 3)
      .map(line);
  const stalls = by(({ stallMs }) => stallMs);
  const memory = by(({ memoryBytes = 0 }) => memoryBytes);
  console.log(`${title}: the longest stalls\n  ${stalls.join("\n  ")}\nthe most memory\n  ${memory.join("\n  ")}`);
  return costs.filter(isTooMuch).map(line);
}
