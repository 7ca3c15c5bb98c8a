import { parseArgs } from "node:util";
import { SEED } from "../fuzz/random.ts";
import { endWithChildren } from "./ending.ts";
import { runPhases, told } from "./phases.ts";
import { runStorm } from "./run.ts";
import { table } from "./verdict.ts";

endWithChildren();
const { values } = parseArgs({ options: { seconds: { type: "string", default: "300" } } });
const seconds = Number(values.seconds);
if (!(seconds > 0)) {
  console.error("chaos: --seconds takes a number above 0");
  process.exit(2);
}
const options = { seconds, seed: SEED, log: (text: string) => console.log(text) };
const verdicts = [...(await told("the storm", runStorm(options), seconds * 1_000)), ...(await runPhases(options))];
console.log(`\n${table(verdicts)}\n`);
const of = (result: string): number => verdicts.filter(verdict => verdict.result === result).length;
console.log(
  `${of("ok")} passed, ${of("broken") + of("missed")} failed (${of("broken")} broken, ${of("missed")} above the goal)`,
);
// Whatever a part may have left is ended, and not waited for.
process.exit(of("broken") > 0 ? 1 : 0);
