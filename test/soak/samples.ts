import { readdirSync } from "node:fs";
import { figure, invariant, type Verdict } from "../chaos/verdict.ts";
import { descendants } from "../fixtures/leaks.ts";
import { poll } from "../fixtures/poll.ts";
import type { Probe } from "../fixtures/probe.ts";

/** The state of the gateway at a moment at which nothing runs. */
export interface Sample {
  readonly calls: number;
  readonly heapMb: number;
  readonly rssMb: number;
  readonly files: number;
  readonly children: number;
  readonly timers: number;
}

const MB = 2 ** 20;

export async function sample(gateway: { pid: number; probe: Probe }, calls: number): Promise<Sample> {
  await gateway.probe.ask({ collects: true });
  const { heapUsed, rss, timers } = await gateway.probe.ask({ collects: true });
  return {
    ...{ calls, heapMb: heapUsed / MB, rssMb: rss / MB, timers },
    files: readdirSync(`/proc/${gateway.pid}/fd`).length,
    children: descendants(gateway.pid).length,
  };
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);

/** Least squares: by how much `y` grows for each `x`. */
export function slope(points: readonly (readonly [number, number])[]): number {
  const [meanX, meanY] = [mean(points.map(([x]) => x)), mean(points.map(([, y]) => y))];
  const spread = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  return spread === 0 ? 0 : points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) / spread;
}

/** A health check may be on its way. */
const SPARE = 4;
/** Connections that are kept for the next call are closed by then. */
const REST_MS = 90_000;
const PER_CALLS = 100_000;

const warmOf = (samples: readonly Sample[]): readonly Sample[] => samples.slice(Math.floor(samples.length / 4));

/** When nothing has run for a while: as soon as all is back that was used up, or after so long that it never will be. */
export async function atRest(look: () => Promise<Sample>, samples: readonly Sample[]): Promise<Sample> {
  const [first] = warmOf(samples);
  let last = await look();
  await poll(
    async () => {
      last = await look();
      return !first || (last.files <= first.files + SPARE && last.timers <= first.timers + SPARE);
    },
    { withinMs: REST_MS, everyMs: 1_000 },
  );
  return last;
}

/** G-16. The first quarter warms up: code is compiled, buffers and caches grow to their size. */
export function judgeSamples(samples: readonly Sample[], rest: Sample): Verdict[] {
  const quarter = (from: number): Sample[] =>
    samples.slice(Math.floor((samples.length * from) / 4), Math.ceil((samples.length * (from + 1)) / 4));
  const heap = (some: readonly Sample[]): number => mean(some.map(({ heapMb }) => heapMb));
  const warm = warmOf(samples);
  const per = (value: (sample: Sample) => number): number =>
    slope(warm.map(one => [one.calls, value(one)] as const)) * PER_CALLS;
  const [first, last] = [warm[0], samples.at(-1)];
  if (!first || !last) return [invariant("G-16", "samples", ["none"])];
  const ratio = heap(quarter(3)) / heap(quarter(1));
  const grown = (name: "files" | "children" | "timers", spare: number): string[] =>
    rest[name] > first[name] + spare ? [`${first[name]} → ${rest[name]}`] : [];
  const left = (name: "files" | "children" | "timers"): string => `${first[name]} → ${rest[name]}`;
  const unbounded = Number.POSITIVE_INFINITY;
  const span = (name: keyof Sample): string => `${first[name].toFixed(0)} → ${last[name].toFixed(0)}`;
  return [
    figure("G-16", `heap in the last quarter against the second, of ${last.calls} calls`, {
      ...{ value: ratio, most: 1.05, bound: 1.5, unit: "x" },
    }),
    figure("G-16", `slope of the heap, ${span("heapMb")} MB`, {
      ...{ value: per(({ heapMb }) => heapMb), most: 1, bound: unbounded, unit: " MB per 100,000 calls" },
    }),
    figure("G-16", `slope of resident memory, ${span("rssMb")} MB`, {
      ...{ value: per(({ rssMb }) => rssMb), most: 1, bound: unbounded, unit: " MB per 100,000 calls" },
    }),
    invariant("G-16", "growth of open files", grown("files", SPARE), left("files")),
    invariant("G-16", "growth of children", grown("children", 0), left("children")),
    invariant("G-16", "growth of timers", grown("timers", SPARE), left("timers")),
  ];
}
