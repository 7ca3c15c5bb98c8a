import { expect, test } from "vitest";
import { SEED } from "../fuzz/random.ts";
import { PHASES } from "./phases.ts";
import { table } from "./verdict.ts";

/** Short ones; `npm run chaos` takes longer over each. */
test.each(Object.entries(PHASES))(
  "%s stays within bounds",
  async (_, phase) => {
    const verdicts = await phase({ seconds: 1, seed: SEED, log: () => {} });
    console.log(table(verdicts));
    expect(verdicts.filter(({ result }) => result === "broken")).toEqual([]);
  },
  90_000,
);
