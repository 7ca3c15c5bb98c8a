// What comes from others: licences, programs that run at installation, addresses in lockfiles, known vulnerabilities.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";

/** Anybody may use, change and sell what stands under these. */
const PERMISSIVE = ["0BSD", "Apache-2.0", "BlueOak-1.0.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "Zlib"];
/** For what builds and tests, and is never shipped. The last one is how the servers of the MCP project say MIT. */
const FOR_DEVELOPMENT = [...PERMISSIVE, "MPL-2.0", "SEE LICENSE IN LICENSE"];
/** Packages that want to run a program when they are installed; `npm ci --ignore-scripts` does without. */
const WITH_SCRIPTS = ["node_modules/esbuild"];
/** Everything that is shipped is read by somebody before it is taken; more than this nobody reads. */
const MAX_SHIPPED = 30;

const faults = [];
const { packages } = JSON.parse(readFileSync("package-lock.json", "utf8"));
const theirs = Object.entries(packages).filter(([path]) => path !== "");

/** `MIT OR GPL-3.0` is as free as the freest part; `MIT AND Zlib` as the least free one. */
function isFree(expression, allowed) {
  const text = expression.replace(/^\((.*)\)$/, "$1");
  return text.split(" OR ").some(choice => choice.split(" AND ").every(part => allowed.includes(part)));
}

for (const [path, { license = "no licence", dev = false, hasInstallScript = false }] of theirs) {
  if (!isFree(license, dev ? FOR_DEVELOPMENT : PERMISSIVE))
    faults.push(`${path}: ${license} is not among the licences that we take`);
  if (hasInstallScript && !WITH_SCRIPTS.includes(path)) faults.push(`${path}: runs a program when it is installed`);
}
const shipped = theirs.filter(([, { dev, optional }]) => !dev && !optional).length;
if (shipped > MAX_SHIPPED) faults.push(`${shipped} packages are shipped, more than ${MAX_SHIPPED}`);

const folders = [
  ".",
  ...readdirSync("test", { withFileTypes: true })
    .filter(entry => entry.isDirectory())
    .map(({ name }) => `test/${name}`),
];
const lockfiles = folders.map(folder => `${folder}/package-lock.json`).filter(path => existsSync(path));
for (const path of lockfiles) {
  if (/"resolved": *"https?:/.test(readFileSync(path, "utf8")))
    faults.push(`${path}: names a registry; .npmrc says omit-lockfile-registry-resolved`);
}

/** npm's list of known vulnerabilities. Without a network, or with a registry that keeps none, it is skipped and said. */
function audit() {
  const { stdout } = spawnSync("npm", ["audit", "--omit=dev", "--json", "--fetch-retries=0", "--fetch-timeout=20000"], {
    encoding: "utf8",
    timeout: 60_000,
    env: { ...process.env, npm_config_audit: "true" },
  });
  let report;
  try {
    report = JSON.parse(stdout);
  } catch {
    report = { message: "npm audit gave no report" };
  }
  const counts = report?.metadata?.vulnerabilities;
  if (!counts) {
    const reason = String(report?.message ?? report?.error?.summary ?? "no answer").split(/ - |\n/)[0];
    return console.log(`skipped npm audit: ${reason}`);
  }
  if (counts.high + counts.critical > 0)
    faults.push(`npm audit: ${Object.keys(report.vulnerabilities).join(", ")}; npm audit --omit=dev says more`);
}
audit();

for (const fault of faults) console.log(fault);
process.exitCode = faults.length > 0 ? 1 : 0;
