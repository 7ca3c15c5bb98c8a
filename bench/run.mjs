// The benchmark: `npm run bench -- --help` says what it takes, docs/performance.md how it measures.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { CASES } from "./cases.mjs";
import { floorsOf, underFloor } from "./floors.mjs";
import { INSIDE_CASES } from "./inside-cases.mjs";
import { measureCase, openLab } from "./lab.mjs";
import { machine, pinning } from "./machine.mjs";
import { loadName } from "./measure.mjs";
import { settings, USAGE } from "./options.mjs";
import { peerCases, peerNotes } from "./peers.mjs";
import { aligned, between, lineRows, markdown, targetRows } from "./table.mjs";
import { missing } from "./variants.mjs";

const FLOORS = "bench/floors.json";
const LIMIT_MS = 45 * 60_000;
/** What checks a change may not wait for a machine that is busy with other things. */
const CHECK_LIMIT_MS = 120_000;
const ALL = [...CASES, ...INSIDE_CASES];

function chosen({ cases, brief, peers }) {
  if (peers) return peerCases();
  if (cases) return ALL.filter(({ key }) => cases.includes(key));
  return brief ? ALL.filter(({ floor }) => floor) : ALL;
}

/** A case that fails is said and leaves the others be; only an interruption ends the run. */
async function measure(lab, cases, how) {
  const results = [];
  for (const one of cases) {
    try {
      const result = await (one.inside ? one.measure(lab, how) : measureCase(lab, one, how));
      results.push(result);
      if (result.cold?.length > 0) console.log(`\nnot warm, as the machine is busy: ${result.cold.join(", ")}`);
      if (result.lines) console.log(`\n${aligned(lineRows([result]))}`);
      if (result.figures.length > 0) console.log(`\n${aligned(targetRows([result]), 1)}`);
    } catch (error) {
      lab.signal.throwIfAborted();
      process.exitCode = 1;
      console.error(`bench: ${one.title}: ${error.message}`);
    }
  }
  return results;
}

/** Measures again what is under its floor: a busy machine is no reason to be red, the same twice is one. */
async function checkFloors(lab, results, how) {
  const floors = JSON.parse(readFileSync(FLOORS, "utf8")).ratios;
  const first = underFloor(floorsOf(results), floors);
  const again = await measure(
    lab,
    CASES.filter(({ key }) => first.has(key)),
    how,
  );
  const still = underFloor(floorsOf(again), floors);
  for (const complaint of still.values()) console.error(`bench: ${complaint}`);
  if (still.size > 0) process.exitCode = 1;
  const all = Object.keys(floors);
  const compared = all.filter(key => floorsOf(first.has(key) ? again : results)[key] !== undefined);
  const left = all.filter(key => !compared.includes(key));
  console.log(`\n${compared.length - still.size} of ${all.length} ratios are not under their floors`);
  if (left.length > 0) console.log(`skipped bench of ${left.join(", ")}: the machine was too busy to warm up`);
}

async function writeFloors(lab) {
  const how = settings(["--quick"], []);
  console.log("\nfloors, by the short form");
  const cases = chosen(how);
  const ratios = floorsOf(await measure(lab, cases, how));
  const left = cases.filter(({ key }) => ratios[key] === undefined).map(({ key }) => key);
  if (left.length > 0) throw new Error(`${FLOORS} is left as it was: ${left.join(", ")} could not be warmed up`);
  const floors = { about: "npm run bench -- --write-floors", at: today(), machine: machine(), ratios };
  writeFileSync(FLOORS, `${JSON.stringify(floors, null, 2)}\n`);
  console.log(`written to ${FLOORS}`);
}

const today = () => new Date().toISOString().slice(0, 10);

function conditions({ rounds, seconds }, upstream) {
  const { cpu, cores, node } = machine();
  return `${today()}, ${cpu}, ${cores} cores, node ${node}; ${rounds} rounds of ${seconds} s in turns; load: ${loadName}; upstream: ${upstream}; pinning: ${pinning}.`;
}

function writePage(page, results, how, upstream) {
  const name = how.peers ? "peers" : "results";
  const tables = how.peers ? [lineRows(results)] : [targetRows(results), lineRows(results)];
  const content = ["", conditions(how, upstream), "", ...tables.flatMap(rows => [markdown(rows), ""])].join("\n");
  writeFileSync(page, between(readFileSync(page, "utf8"), name, content));
  console.log(`written to ${page}`);
}

function writeReport(file, results, how, upstream) {
  const { rounds, seconds } = how;
  const report = {
    at: new Date().toISOString(),
    machine: machine(),
    load: loadName,
    upstream,
    pinning,
    rounds,
    seconds,
    results,
  };
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
  console.log(`\nwritten to ${file}`);
}

class TooLong extends Error {}

async function main(how) {
  const interrupted = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"]) {
    process.once(name, () => interrupted.abort(new Error("interrupted")));
  }
  const limitMs = how["check-floors"] ? CHECK_LIMIT_MS : LIMIT_MS;
  const limit = setTimeout(() => interrupted.abort(new TooLong(`took longer than ${limitMs / 1000} s`)), limitMs);
  for (const said of [...Object.values(missing), ...(how.peers ? peerNotes() : [])]) console.log(said);
  const lab = await openLab(interrupted.signal);
  try {
    console.log(conditions(how, lab.mock.name));
    const results = await measure(lab, chosen(how), how);
    if (results.length > 1 && !how.peers) console.log(`\n${aligned(targetRows(results), 1)}`);
    writeReport(how.json, results, how, lab.mock.name);
    if (how.write) writePage(how.write, results, how, lab.mock.name);
    if (how["check-floors"]) await checkFloors(lab, results, how);
    if (how["write-floors"]) await writeFloors(lab);
  } finally {
    clearTimeout(limit);
    await lab.close();
  }
}

/** What the arguments ask for, or `undefined` after having said what is wrong with them. */
function asked() {
  try {
    return settings(
      process.argv.slice(2),
      ALL.map(({ key }) => key),
    );
  } catch (error) {
    console.error(`bench: ${error.message}\n${USAGE}`);
    process.exitCode = 2;
    return undefined;
  }
}

const how = asked();
if (how?.help) console.log(USAGE);
else if (how?.["list-cases"]) for (const { key, title } of ALL) console.log(`${key.padEnd(12)} ${title}`);
else if (how?.["check-floors"] && (missing.nginx || loadName !== "wrk")) {
  console.log(`skipped bench: ${missing.nginx ?? "wrk is not installed"}`);
} else if (how) {
  try {
    await main(how);
  } catch (error) {
    const skipped = how["check-floors"] && error instanceof TooLong;
    if (skipped) console.log("skipped bench: the machine is too busy with other things");
    else console.error(`bench: ${error.message}`);
    process.exitCode = skipped ? 0 : 1;
  }
}
