// The command line of the benchmark.
import { parseArgs } from "node:util";

export const USAGE = `usage: npm run bench -- [--cases a,b] [--rounds N] [--seconds N] [--json FILE] [--quick] [--idle] [--peers]
                    [--write PAGE] [--check-floors] [--write-floors]
  --cases a,b     only these; --list-cases names them
  --rounds N      rounds of each line (5; quick: 3)
  --seconds N     seconds of each (2; quick: 1)
  --json FILE     the report (bench/results/last.json)
  --quick         the cases that have a floor, briefly
  --idle          only memory: at rest, and with 5,000 idle streams
  --peers         beside other gateways, as far as they are found
  --write PAGE    put the tables between the page's marks
  --check-floors  fail where a ratio is under 0.85 of bench/floors.json, twice
  --write-floors  measure the short form and make its ratios the floors`;

const OPTIONS = {
  cases: { type: "string" },
  rounds: { type: "string" },
  seconds: { type: "string" },
  json: { type: "string", default: "bench/results/last.json" },
  write: { type: "string" },
  ...Object.fromEntries(
    ["quick", "idle", "peers", "list-cases", "check-floors", "write-floors", "help"].map(name => [
      name,
      { type: "boolean", default: false },
    ]),
  ),
};

/** The settings that the arguments ask for. Throws an error whose message is for the user. */
export function settings(args, known) {
  const { values } = parseArgs({ args, options: OPTIONS });
  const brief = values.quick || values["check-floors"];
  const cases = values.cases?.split(",").map(name => name.trim());
  const unknown = cases?.filter(name => !known.includes(name)) ?? [];
  if (unknown.length > 0) throw new Error(`--cases: no case ${unknown.join(", ")}; there are ${known.join(", ")}`);
  if (values.write && (values.cases || values.idle || brief)) {
    throw new Error("--write needs all cases in full: leave out --cases, --idle and the short form");
  }
  if (values.idle && cases) throw new Error("--idle is a case of its own: leave out --cases");
  return {
    ...values,
    brief,
    cases: values.idle ? ["idle"] : cases,
    rounds: whole("--rounds", values.rounds ?? (brief ? "3" : "5")),
    seconds: whole("--seconds", values.seconds ?? (brief ? "1" : "2")),
    warmUp: brief ? { requests: 30_000, seconds: 5 } : { requests: 120_000, seconds: 20 },
  };
}

function whole(name, text) {
  const value = Number(text);
  if (!Number.isInteger(value) || value <= 0) throw new Error(`${name} takes a whole number above 0, not ${text}`);
  return value;
}
