import { expect, test } from "vitest";
import { SEED } from "../fuzz/random.ts";
import { runStorm } from "./run.ts";
import { table } from "./verdict.ts";

/** A tenth of `npm run chaos`: every kind of blow once. Figures are printed, what must never be is asserted. */
test("while upstreams are killed, frozen, reset, restarted and reloaded, no call runs twice and every request ends", async () => {
  const told: string[] = [];
  const verdicts = await runStorm({ seconds: 20, seed: SEED, log: text => told.push(text) });
  console.log(`${told.join("\n")}\n${table(verdicts)}`);
  expect(verdicts.filter(({ result }) => result === "broken")).toEqual([]);
}, 150_000);
