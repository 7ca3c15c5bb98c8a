import { changes, stop } from "./change.ts";
import { fanOut, herd, listStorm } from "./crowds.ts";
import { halfOpen, recovery, retries } from "./recovery.ts";
import { resets } from "./resets.ts";
import type { ChaosOptions } from "./run.ts";
import type { Verdict } from "./verdict.ts";

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

export async function runPhases(options: ChaosOptions): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const [name, phase] of Object.entries(PHASES)) {
    options.log(`phase ${name}`);
    verdicts.push(...(await phase(options)));
  }
  return verdicts;
}

/** How long a phase takes at most: a share of the whole, between bounds. */
export const phaseMs = ({ seconds }: ChaosOptions, least: number, most: number): number =>
  Math.min(most, Math.max(least, seconds / 10)) * 1_000;
