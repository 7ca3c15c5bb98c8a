import type { Ran } from "../chaos/fleet.ts";
import { invariant, type Verdict } from "../chaos/verdict.ts";
import type { Deed } from "./good-agents.ts";

/** What the good agents were told, against what the good upstreams wrote down. */
export function judgeDeeds(deeds: readonly Deed[], ran: readonly Ran[]): Verdict[] {
  const executions = new Map<string, Ran[]>();
  for (const one of ran) {
    const known = executions.get(one.nonce);
    if (known) known.push(one);
    else executions.set(one.nonce, [one]);
  }
  const calls = deeds.filter(({ what }) => what === "call");
  const timesOf = ({ nonce }: Deed): number => executions.get(nonce)?.length ?? 0;
  const told = ({ agent, what, at, nonce, wrong, ms }: Deed): string =>
    `${what} ${nonce} of ${agent} at ${at}, ${ms.toFixed(0)} ms: ${wrong}`;
  const failed = deeds.filter(({ wrong }) => wrong !== "");
  return [
    invariant("G-01", `calls that ran twice, of ${calls.length}`, calls.filter(call => timesOf(call) > 1).map(told)),
    invariant(
      "G-04",
      "results of calls that did not run where they were sent",
      calls.filter(call => call.wrong === "" && executions.get(call.nonce)?.[0]?.server !== call.at).map(told),
    ),
    invariant(
      "G-20",
      "answers that belong to something else",
      failed.filter(({ wrong }) => wrong.startsWith("another")).map(told),
    ),
    invariant("T-24", `requests of good agents that failed, of ${deeds.length}`, failed.map(told)),
  ];
}
