// Installs and builds the whole fleet of test/peers and runs every test there. `npm run peers`; with --write, keeps what was
// measured and writes the page that is made of it.
import { spawnSync } from "node:child_process";

const write = process.argv.includes("--write");
const FOLDER = "test/peers/fleet";

const run = (command, args, env = {}) =>
  spawnSync(command, args, { stdio: "inherit", env: { ...process.env, ...env } }).status ?? 1;

for (const script of ["install.sh", "build-go-rust.sh"]) run("sh", [`${FOLDER}/${script}`]);
const vitest = ["node_modules/vitest/vitest.mjs", "run", "test/peers"];
const tested = run(process.execPath, vitest, { FLEET: "all", ...(write && { FLEET_WRITE: "1" }) });
const written = write ? run(process.execPath, ["scripts/generate.mjs"]) : 0;
process.exitCode = tested || written;
