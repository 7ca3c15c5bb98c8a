import { changes, stop } from "./change.ts";
import { fanOut, herd, listStorm } from "./crowds.ts";
import { halfOpen, recovery, retries } from "./recovery.ts";
import { resets } from "./resets.ts";
import type { ChaosOptions } from "./run.ts";
import { invariant, type Verdict } from "./verdict.ts";

/** Goals that need a fleet of their own. */
export const PHASES = {
  changes,
  stop,
  resets,
  recovery,
  retries,
  halfOpen,
  herd,
  fanOut,
  listStorm,
} as const satisfies Record<string, (options: ChaosOptions) => Promise<Verdict[]>>;

/** One after the other; one that cannot go on is told as broken, and the others run all the same. */
export async function runPhases(options: ChaosOptions): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const [name, phase] of Object.entries(PHASES)) {
    options.log(`phase ${name}`);
    verdicts.push(...(await told(name, phase(options))));
  }
  return verdicts;
}

/** A wait that does not end, a gateway that is gone: what was seen before must not be lost for it. */
export const told = (name: string, verdicts: Promise<Verdict[]>): Promise<Verdict[]> =>
  verdicts.catch((error: unknown) => [
    invariant("-", `${name} came to its end`, [
      error instanceof Error ? (error.stack ?? error.message) : String(error),
    ]),
  ]);

/** How long a phase takes at most: a share of the whole, between bounds. */
export const phaseMs = ({ seconds }: ChaosOptions, least: number, most: number): number =>
  Math.min(most, Math.max(least, seconds / 10)) * 1_000;
