/**
 * Counts instructions of scan, splice and log line: figures that do not depend on what else the machine does. Each case runs
 * so many and twice as many times, and the difference is divided; compared with `bench/instructions.json`.
 * `npm run bench:instructions -- --write` writes that file; `-- TEXT` runs the cases with that text in their names.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const TABLE = fileURLToPath(new URL("instructions.json", import.meta.url));
const WORK = fileURLToPath(new URL("instructions-work.ts", import.meta.url));
/** Enough for all of it to be compiled, with what is repeated counted once more. */
const TIMES = 5_000;
/** One thread, and no decision of the engine that depends on time. */
const FLAGS = ["--single-threaded"].filter(flag => spawnSync(process.execPath, [flag, "-e", "0"]).status === 0);

/** Each counts the instructions of a command, or says that it cannot. */
const COUNTERS = [
  {
    name: "perf stat",
    count: command => numberIn(run("perf", ["stat", "-x,", "-e", "instructions:u", ...command]).stderr, /^(\d+),/m),
  },
  {
    name: "valgrind --tool=callgrind",
    count: command =>
      numberIn(
        run("valgrind", ["--tool=callgrind", "--callgrind-out-file=/dev/null", "--smc-check=all-non-file", ...command])
          .stderr,
        /Collected : (\d+)/,
      ),
  },
];

const run = (program, args) => spawnSync(program, args, { encoding: "utf8" });
const numberIn = (text, pattern) => {
  const found = pattern.exec(text ?? "");
  return found ? Number(found[1]) : undefined;
};

async function main() {
  const counter = COUNTERS.find(({ count }) => count([process.execPath, "--version"]) > 0);
  if (!counter) return console.log("skipped: neither perf counts instructions here, nor is valgrind there");
  const folder = mkdtempSync(join(tmpdir(), "radium-instructions-"));
  try {
    const work = join(folder, "work.mjs");
    const banner = 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);';
    const how = { bundle: true, platform: "node", format: "esm", logLevel: "error", banner: { js: banner } };
    await build({ ...how, entryPoints: [WORK], outfile: work });
    compare(counter, measure(counter, work));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function measure(counter, work) {
  const wanted = process.argv.slice(2).find(arg => !arg.startsWith("--")) ?? "";
  const names = JSON.parse(run(process.execPath, [work, "list"]).stdout).filter(name => name.includes(wanted));
  const counts = {};
  for (const name of names) {
    const of = times => counter.count([process.execPath, ...FLAGS, work, name, String(times)]);
    counts[name] = Math.round((of(2 * TIMES) - of(TIMES)) / TIMES);
    console.log(`${String(counts[name]).padStart(9)}  ${name}`);
  }
  return counts;
}

/** With another engine or another way of counting, figures are no better and no worse but others. */
function compare(counter, counts) {
  const here = { node: process.versions.node.split(".")[0], arch: process.arch, counter: counter.name };
  const table = JSON.parse(readFileSync(TABLE, "utf8"));
  if (process.argv.includes("--write")) {
    const all = { ...here, tolerance: table.tolerance, counts: { ...table.counts, ...counts } };
    return writeFileSync(TABLE, `${JSON.stringify(all, null, 2)}\n`);
  }
  const differs = Object.keys(here).filter(key => here[key] !== table[key]);
  if (differs.length > 0) {
    return console.log(`not compared: ${differs.map(key => `${key} is ${here[key]}, not ${table[key]}`).join("; ")}`);
  }
  for (const [name, count] of Object.entries(counts)) {
    const before = table.counts[name];
    if (before === undefined || Math.abs(count / before - 1) <= table.tolerance) continue;
    const isWorse = count > before;
    console.log(`${name}: ${count} instructions, ${(count / before).toFixed(2)} of ${before}`);
    if (isWorse) process.exitCode = 1;
    else console.log("  fewer than in bench/instructions.json: write them down with --write");
  }
}

await main();
