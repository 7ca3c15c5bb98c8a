/** A test that shows what a row says: its file, and words that stand in it. */
export type Proof = readonly [file: string, title: string];

/** One thing that revisions do differently, from all four sides. `docs/eras.md` shows it. */
export interface Difference {
  readonly what: string;
  /** What an agent has of it, by its era. */
  readonly legacyAgent: string;
  readonly modernAgent: string;
  /** What an upstream gets, by its era. */
  readonly legacyUpstream: string;
  readonly modernUpstream: string;
  readonly shownBy: readonly Proof[];
}

export const e2e = (name: string): string => `test/e2e/${name}.test.ts`;
