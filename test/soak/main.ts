import { parseArgs } from "node:util";
import { endWithChildren } from "../chaos/ending.ts";
import { told } from "../chaos/phases.ts";
import { table, type Verdict } from "../chaos/verdict.ts";
import { HOSTILE_UPSTREAMS } from "../fixtures/hostile-upstreams.ts";
import { crowd } from "./crowd.ts";
import { hostile } from "./hostile.ts";
import { idleAgents, stalledReaders } from "./readers.ts";
import { wear } from "./wear.ts";

endWithChildren();
const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    /** Only hostile clients, a thousand of all kinds. */
    crowd: { type: "boolean", default: false },
    /** One upstream and one client of each kind of malice, beside good ones. */
    hostile: { type: "boolean", default: false },
    /** Of these upstreams only those whose kind has this in its name. */
    only: { type: "string", default: "" },
    /** A module that the gateway loads first, such as a profiler. */
    preload: { type: "string" },
  },
});
const minutes = Number(values.minutes);
if (!(minutes > 0)) {
  console.error("soak: --minutes takes a number above 0");
  process.exit(2);
}
/** Each part about readers takes about so long. */
const readersMs = Math.min(60_000, minutes * 10_000);
/** As long as the goal says, where there is time for it. */
const idleMs = minutes >= 30 ? 600_000 : readersMs / 2;
const wearMinutes = Math.max(minutes / 2, minutes - 2 - (minutes >= 30 ? 10 : 0));
const log = (text: string): void => console.log(text);
const lastsMs = minutes * 60_000;
const stall = { readers: 100, bytes: 9_000_000, ms: Math.max(10_000, Math.min(40_000, readersMs)) };
const usual = async (): Promise<Verdict[]> => [
  ...(await told("wear", wear({ minutes: wearMinutes, samples: 24, log }), lastsMs)),
  ...(await told("idle agents", idleAgents({ agents: 5_000, ms: idleMs }), lastsMs)),
  ...(await told("readers that stall", stalledReaders(stall), lastsMs)),
];
const kinds = Object.keys(HOSTILE_UPSTREAMS).filter(kind => kind.includes(values.only));
const verdicts = values.crowd
  ? await told("a crowd", crowd({ clients: 1_000, ms: lastsMs, log }), lastsMs)
  : values.hostile
    ? await told("the hostile fleet", hostile({ ms: lastsMs, upstreams: kinds, preload: values.preload, log }), lastsMs)
    : await usual();
console.log(`\n${table(verdicts)}\n`);
const of = (result: string): number => verdicts.filter(verdict => verdict.result === result).length;
console.log(
  `${of("ok")} passed, ${of("broken") + of("missed")} failed (${of("broken")} broken, ${of("missed")} above the goal)`,
);
// Whatever a part may have left is ended, and not waited for.
process.exit(of("broken") > 0 ? 1 : 0);
