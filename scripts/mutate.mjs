// Changes each file that decides about trust, mutant by mutant, and sees whether the tests beside it go red.
// Usage: npm run mutate [-- file…]. The files stand in CONTRIBUTING.md, the tool is installed in test/mutation.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";

/** Of 100 mutants, so many have to be noticed in every file. */
const GOAL = 90;
const STRYKER = "test/mutation/node_modules/@stryker-mutator/core/bin/stryker.js";

/** Rows such as: | `src/lib/seal.ts` | what it decides | `src/lib/seal.test.ts` |. Without tests: the one beside the file. */
function trusted() {
  const [, section = ""] = readFileSync("CONTRIBUTING.md", "utf8").split("## Files that decide about trust\n");
  const rows = section.split("\n## ")[0].matchAll(/^\| `(src\/[^`]+)` \|[^|]*\|([^|]*)\|$/gm);
  return [...rows].map(([, file, tests]) => {
    const named = [...tests.matchAll(/`([^`]+)`/g)].map(match => match[1]);
    return { file, tests: named.length > 0 ? named : [file.replace(/\.ts$/, ".test.ts")] };
  });
}

function mutate({ file, tests }) {
  const { status } = spawnSync(
    process.execPath,
    [STRYKER, "run", "test/mutation/stryker.config.mjs", "--mutate", file],
    {
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, MUTATION_TESTS: tests.join(",") },
    },
  );
  if (status !== 0) return { killed: 0, of: 0, alive: [`the run ended with ${status}`] };
  const { mutants, source } = JSON.parse(readFileSync("dist/mutation.json", "utf8")).files[file];
  const lines = source.split("\n");
  const counted = mutants.filter(mutant => !["Ignored", "CompileError", "RuntimeError"].includes(mutant.status));
  const alive = counted.filter(mutant => !["Killed", "Timeout"].includes(mutant.status));
  return {
    killed: counted.length - alive.length,
    of: counted.length,
    alive: alive.map(({ location: { start }, mutatorName, replacement, status }) =>
      [
        `${file}:${start.line}:${start.column}`,
        status,
        mutatorName,
        lines[start.line - 1].trim(),
        "→",
        (replacement ?? "").replace(/\s+/g, " ").slice(0, 80),
      ].join(" "),
    ),
  };
}

if (!existsSync(STRYKER)) {
  const { status } = spawnSync("npm", ["ci", "--prefix", "test/mutation", "--ignore-scripts"], { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}
const wanted = process.argv.slice(2);
const unknown = wanted.filter(file => !trusted().some(entry => entry.file === file));
if (unknown.length > 0) {
  console.error(`not among the files that decide about trust (CONTRIBUTING.md): ${unknown.join(", ")}`);
  process.exit(2);
}
let below = 0;
for (const entry of trusted()) {
  if (wanted.length > 0 && !wanted.includes(entry.file)) continue;
  const { killed, of, alive } = mutate(entry);
  const share = of === 0 ? 0 : (100 * killed) / of;
  if (share < GOAL) below += 1;
  console.log(`${share < GOAL ? "BELOW" : "ok   "} ${entry.file}: ${killed} of ${of} noticed (${share.toFixed(0)} %)`);
  for (const line of alive) console.log(`        ${line}`);
}
console.log(below === 0 ? `every file reaches ${GOAL} %` : `${below} files stay below ${GOAL} %`);
process.exitCode = below === 0 ? 0 : 1;
