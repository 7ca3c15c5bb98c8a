// Bundles a program of the tests, which are TypeScript, and runs it. Usage: node scripts/lab.mjs chaos|soak|npm-fleet [options]
import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { buildSync } from "esbuild";

const [name, ...args] = process.argv.slice(2);
const PROGRAMS = { chaos: "test/chaos/main.ts", soak: "test/soak/main.ts", "npm-fleet": "test/npm-fleet/main.ts" };
const entry = PROGRAMS[name];
if (!entry) {
  console.error(`usage: node scripts/lab.mjs ${Object.keys(PROGRAMS).join("|")} [options]`);
  process.exit(2);
}
const outfile = resolve("dist", `${name}-${process.pid}.mjs`);
buildSync({
  entryPoints: [entry],
  outfile,
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20.19",
  packages: "external",
  // Modules find the repository from where they stand: two folders below it, all of them.
  define: { "import.meta.url": JSON.stringify(pathToFileURL(join(resolve(entry))).href) },
  logLevel: "warning",
});
const program = spawn(process.execPath, [outfile, ...args], { stdio: "inherit" });
// Whoever ends this ends the program, which ends what it started.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => program.kill(signal));
const [status] = await once(program, "exit");
rmSync(outfile, { force: true });
process.exitCode = status ?? 1;
