import { setTimeout as sleep } from "node:timers/promises";
import { changes, stop } from "./change.ts";
import { fanOut, herd, listStorm } from "./crowds.ts";
import { hang } from "./hang.ts";
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
  hang,
  herd,
  fanOut,
  listStorm,
} as const satisfies Record<string, (options: ChaosOptions) => Promise<Verdict[]>>;

/** One after the other; one that cannot go on is told as broken, and the others run all the same. */
export async function runPhases(options: ChaosOptions): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const [name, phase] of Object.entries(PHASES)) {
    options.log(`phase ${name}`);
    verdicts.push(...(await told(name, phase(options), options.seconds * 1_000)));
  }
  return verdicts;
}

/** More than any wait within a part may take. */
const SPARE_MS = 300_000;

/** A wait that does not end, a gateway that is gone: what was seen before must not be lost for it. */
export async function told(name: string, verdicts: Promise<Verdict[]>, lastsMs: number): Promise<Verdict[]> {
  const over = new AbortController();
  const late = sleep(lastsMs + SPARE_MS, undefined, { signal: over.signal }).then(() => {
    throw new Error("it did not end in time");
  });
  try {
    return await Promise.race([verdicts, late]);
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return [invariant("-", `${name} came to its end`, [text])];
  } finally {
    over.abort();
  }
}

/** How long a phase takes at most: a share of the whole, between bounds. */
export const phaseMs = ({ seconds }: ChaosOptions, least: number, most: number): number =>
  Math.min(most, Math.max(least, seconds / 10)) * 1_000;
