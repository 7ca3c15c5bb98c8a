// Runs the official conformance suite: the scenarios for servers against a URL, those for clients with a command.
//   node test/peers/conformance.mjs URL [--runs a,b] [--out DIR] [--baseline summary.json]
// Prints one line per run; exit code 1 when a scored scenario fails, or when a check is worse than in the baseline.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const here = fileURLToPath(new URL(".", import.meta.url));
const program = name => join(here, "node_modules", name, "dist/index.js");
const CURRENT = program("@modelcontextprotocol/conformance");
const NEXT = program("conformance-next");

export const RUNS = {
  "req-2025-11-25": { suite: NEXT, args: ["--requirements", "2025-11-25"] },
  "req-2026-07-28": { suite: NEXT, args: ["--requirements", "2026-07-28"] },
  "all-2025-06-18": { suite: NEXT, args: ["--suite", "all", "--spec-version", "2025-06-18"] },
  "all-2025-03-26": { suite: NEXT, args: ["--suite", "all", "--spec-version", "2025-03-26"] },
  "all-2026-07-28": { suite: NEXT, args: ["--suite", "all", "--spec-version", "2026-07-28"] },
  "v0.1.16-all": { suite: CURRENT, args: ["--suite", "all"] },
};

/** Why the suite cannot run here, or `undefined`. */
export const missing = () =>
  existsSync(NEXT) && existsSync(CURRENT) ? undefined : "test/peers is not installed (npm ci --prefix test/peers)";

/** Runs one of `RUNS`: `{ code, scenarios: { scenario: { check: { status: count, messages } } } }`. */
export async function runSuite(url, run, out = mkdtempSync(join(tmpdir(), "conformance-"))) {
  const { suite, args } = RUNS[run];
  return runIn(join(out, run), [suite, "server", "--url", url, ...args]);
}

/** Runs one client scenario with a command, which gets the URL of the suite's server as its last argument. */
export async function runClientScenario(command, scenario, revision) {
  const dir = mkdtempSync(join(tmpdir(), "conformance-"));
  const args = ["--command", command, "--scenario", scenario, ...(revision ? ["--spec-version", revision] : [])];
  const { code, scenarios, log } = await runIn(dir, [NEXT, "client", ...args]);
  return { code, log, checks: Object.values(scenarios)[0] ?? {} };
}

async function runIn(dir, args) {
  mkdirSync(dir, { recursive: true });
  const shim = pathToFileURL(join(here, "globsync.mjs")).href;
  const child = spawn(process.execPath, ["--import", shim, ...args, "-o", dir], { stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", text => (log += text));
  const code = await new Promise(resolve => child.on("close", resolve));
  writeFileSync(`${dir}.log`, log);
  return { code, scenarios: readChecks(dir), log };
}

function readChecks(dir) {
  const scenarios = {};
  for (const entry of readdirSync(dir, { recursive: true })) {
    const name = /^(?:server-)?(.+)-\d{4}-\d\d-\d\dT[\d-]+Z$/.exec(entry)?.[1];
    const file = join(dir, entry, "checks.json");
    if (!name || !existsSync(file)) continue;
    scenarios[name] ??= {};
    for (const { id, status, description, errorMessage } of JSON.parse(readFileSync(file, "utf8"))) {
      scenarios[name][id] ??= { messages: [] };
      const check = scenarios[name][id];
      check[status] = (check[status] ?? 0) + 1;
      if (status === "FAILURE" || errorMessage) check.messages.push(errorMessage ?? description);
    }
  }
  return scenarios;
}

/** That a response was one of several good ones is information, and as good as success. */
const RANK = { SUCCESS: 0, INFO: 0, SKIPPED: 1, WARNING: 2, FAILURE: 3 };
const worst = check => Math.max(...Object.keys(check ?? { FAILURE: 1 }).map(key => RANK[key] ?? 0));
const nameOf = rank => Object.keys(RANK).find(name => RANK[name] === rank);

/** Checks that are worse in `scenarios` than in `baseline`: `{ check: "scenario:id", says }`. */
export function regressions(baseline, scenarios) {
  const worse = [];
  for (const [scenario, checks] of Object.entries(baseline)) {
    for (const [id, check] of Object.entries(checks)) {
      const now = scenarios[scenario]?.[id];
      if (worst(now) <= worst(check)) continue;
      const says = `${now ? nameOf(worst(now)) : "absent"}: ${now?.messages[0] ?? ""}`;
      worse.push({ check: `${scenario}:${id}`, says });
    }
  }
  return worse;
}

const total = (scenarios, status) =>
  Object.values(scenarios)
    .flatMap(checks => Object.values(checks))
    .reduce((sum, check) => sum + (check[status] ?? 0), 0);

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { runs: { type: "string" }, out: { type: "string" }, baseline: { type: "string" } },
  });
  const [url] = positionals;
  const reason = missing();
  if (!url || reason) {
    console.error(reason ?? "usage: conformance.mjs URL [--runs a,b] [--out DIR] [--baseline summary.json]");
    process.exit(2);
  }
  const out = values.out ?? mkdtempSync(join(tmpdir(), "conformance-"));
  const baseline = values.baseline ? JSON.parse(readFileSync(values.baseline, "utf8")) : {};
  const summary = {};
  let bad = false;
  for (const run of values.runs?.split(",") ?? Object.keys(RUNS)) {
    const { code, scenarios, log } = await runSuite(url, run, out);
    summary[run] = scenarios;
    const worse = regressions(baseline[run] ?? {}, scenarios);
    const count = Object.keys(scenarios).length;
    const checks = ["SUCCESS", "FAILURE", "WARNING"].map(status => `${status} ${total(scenarios, status)}`).join(", ");
    console.log(`${run}: exit ${code}, ${count} scenarios, ${checks}`);
    for (const line of log.split("\n").filter(text => /^(?:Total|Scored)/i.test(text.trim())))
      console.log(`  ${line.trim()}`);
    for (const [scenario, all] of Object.entries(scenarios)) {
      for (const [id, check] of Object.entries(all)) {
        if (check.FAILURE) console.log(`  ✗ ${scenario}:${id} ${check.messages[0] ?? ""}`);
      }
    }
    for (const { check, says } of worse) console.log(`  worse: ${check} is ${says}`);
    bad ||= worse.length > 0 || (run.startsWith("req-") && code !== 0);
  }
  writeFileSync(join(out, "summary.json"), JSON.stringify(summary, null, 1));
  console.log(`results: ${out}`);
  process.exit(bad ? 1 : 0);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
