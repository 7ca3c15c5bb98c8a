/** Draws that are the same in every run of the same seed. */
export interface Draw {
  /** A whole number from 0 up to, but not including, `below`. */
  below(below: number): number;
  pick<T>(from: readonly T[]): T;
  chance(share: number): boolean;
}

/** Red means changed code, not other input. Another seed: `SEED=42 npx vitest run test/fuzz`. */
export const SEED = Number(process.env.SEED ?? 20_251_125);

/** mulberry32: small, fast, and good enough to choose with. */
export function seeded(seed: number): Draw {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  return { below, pick: from => from[below(from.length)] as never, chance: share => next() < share };
}
