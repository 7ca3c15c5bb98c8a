/** What was promised and what was seen. */
export interface Verdict {
  readonly goal: string;
  readonly what: string;
  readonly measured: string;
  readonly limit: string;
  /**
   * `broken`: an invariant that holds on every machine was violated. `missed`: a figure is above its goal, which on a busy
   * machine says little.
   */
  readonly result: "ok" | "missed" | "broken";
}

/** For what must never be otherwise. */
export const invariant = (
  goal: string,
  what: string,
  wrong: readonly string[],
  measured = String(wrong.length),
): Verdict => ({
  ...{ goal, what, limit: "0" },
  measured: wrong.length === 0 ? measured : `${wrong.length}: ${wrong.slice(0, 3).join(" | ")}`,
  result: wrong.length === 0 ? "ok" : "broken",
});

/** For a figure with a goal, and a bound that even a slow and busy machine keeps. */
export function figure(
  goal: string,
  what: string,
  { value, most, bound, unit }: { value: number; most: number; bound: number; unit: string },
): Verdict {
  const shown = Number.isInteger(value) ? String(value) : value.toFixed(value < 10 ? 2 : 0);
  const result = value <= most ? "ok" : value <= bound ? "missed" : "broken";
  return { goal, what, measured: `${shown}${unit}`, limit: `${most}${unit}`, result };
}

export function table(verdicts: readonly Verdict[]): string {
  const rows = [
    ["goal", "what", "measured", "limit", ""],
    ...verdicts.map(({ goal, what, measured, limit, result }) => [goal, what, measured, limit, result]),
  ];
  const widths = [0, 1, 2, 3].map(column => Math.max(...rows.map(row => row[column]?.length ?? 0)));
  return rows
    .map(row =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
