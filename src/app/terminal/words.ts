/** Numbers as people say them. */

const STEPS = [
  { unit: "d", ms: 86_400_000 },
  { unit: "h", ms: 3_600_000 },
  { unit: "min", ms: 60_000 },
] as const;

/** `0.4 s`, `12 s`, `3 min`, `5 h`, `2 d`. */
export function duration(ms: number): string {
  const step = STEPS.find(one => ms >= one.ms);
  if (step) return `${Math.floor(ms / step.ms)} ${step.unit}`;
  return ms < 10_000 ? `${(Math.max(0, ms) / 1000).toFixed(1)} s` : `${Math.floor(ms / 1000)} s`;
}

/** `1 tool`, `2 tools`. */
export const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? "" : "s"}`;

/** `a`, `a and b`, `a, b and c`. */
export function enumerate(names: readonly string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

/** `812 B`, `1.2 KiB`, `3.4 MiB`. */
export function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1024 ** 2 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}
