import { expect, test } from "vitest";
import { SEED } from "../fuzz/random.ts";
import { PHASES, told } from "./phases.ts";
import { table } from "./verdict.ts";

/** Short ones; `npm run chaos` takes longer over each. */
test.each(Object.entries(PHASES))(
  "%s stays within bounds",
  async (_, phase) => {
    const verdicts = await phase({ seconds: 1, seed: SEED, log: () => {} });
    console.log(table(verdicts));
    expect(verdicts.filter(({ result }) => result === "broken")).toEqual([]);
  },
  240_000,
);

test("a part that cannot go on is a row of the table", async () => {
  const [verdict] = await told("it", Promise.reject(new Error("the gateway is gone")), 0);
  expect(verdict).toMatchObject({ what: "it came to its end", result: "broken" });
  expect(verdict?.measured).toContain("the gateway is gone");
});
