// Everything that can be said about the code without running the product. `npm run check`.
import { spawnSync } from "node:child_process";

const BIOME = "node_modules/@biomejs/biome/bin/biome";
const TSC = "node_modules/typescript/bin/tsc";
const VITEST = "node_modules/vitest/vitest.mjs";

const steps = [
  { name: "format", run: [BIOME, "format", "."], mend: "npm run format" },
  { name: "types", run: [TSC, "--noEmit", "-p", "."], mend: "npx tsc --noEmit -p . and correct what it names" },
  { name: "lint", run: [BIOME, "lint", "."], mend: "npx biome lint --write . and correct by hand what is left" },
  {
    name: "architecture",
    run: [VITEST, "run", "test/architecture.test.ts"],
    mend: "npx vitest run test/architecture.test.ts; the rooms are explained in CONTRIBUTING.md",
  },
  { name: "supply", run: ["scripts/supply.mjs"], mend: "node scripts/supply.mjs, which says what each limit is for" },
];

/** Every step runs, so that one go shows everything. Of a step that is well only what it skipped is shown. */
function run({ name, run: args, mend }) {
  const { status, stdout, stderr, error } = spawnSync(process.execPath, args, { encoding: "utf8" });
  const ok = status === 0;
  for (const line of ok ? (stdout.match(/^skipped .*$/gm) ?? []) : []) console.log(line);
  if (!ok) process.stdout.write(`${stdout ?? ""}${stderr ?? ""}${error ? `${error.message}\n` : ""}`);
  console.log(`${ok ? "ok    " : "FAILED"} ${name}${ok ? "" : ` → ${mend}`}`);
  return ok;
}

const failed = steps.filter(step => !run(step));
if (failed.length > 0) {
  console.log(`\n${failed.length} of ${steps.length} checks failed: ${failed.map(step => step.name).join(", ")}.`);
  process.exitCode = 1;
}
