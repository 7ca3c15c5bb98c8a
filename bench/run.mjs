// One modern tools/call through nothing, nginx and the gateway, in turns. Usage: node bench/run.mjs [--rounds N] [--seconds S]
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { freePort, pinning, start } from "./machine.mjs";
import { buildMock, CONNECTIONS, loadName, probe, round, SIZES, WARM_UP, waitFor, warmUp } from "./measure.mjs";
import { printTable, summary } from "./table.mjs";
import { VARIANTS } from "./variants.mjs";

const LIMIT_MS = 150_000;
const { values } = parseArgs({
  options: { rounds: { type: "string", default: "5" }, seconds: { type: "string", default: "2" } },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
if (![rounds, seconds].every(value => Number.isInteger(value) && value > 0)) {
  console.error("bench: --rounds and --seconds take whole numbers above 0");
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), "rad-bench-"));
const started = [];
const interrupted = new AbortController();
process.once("SIGINT", () => interrupted.abort(new Error("interrupted")));
process.once("SIGTERM", () => interrupted.abort(new Error("interrupted")));
const limit = setTimeout(() => interrupted.abort(new Error(`took longer than ${LIMIT_MS / 1000} s`)), LIMIT_MS);

async function startUpstream() {
  const port = await freePort();
  const { command, args, name } = buildMock(folder, port);
  const upstream = start(command, args, { core: 0 });
  started.push(upstream);
  await waitFor({ name: "the mock upstream", port, process: upstream, signal: interrupted.signal });
  return { port, name };
}

async function startVariant(variant, upstreamPort) {
  if (!variant.command) return { name: variant.name, port: upstreamPort, pid: undefined };
  const place = join(folder, variant.name);
  mkdirSync(place);
  const port = await freePort();
  const [command, ...args] = variant.command(place, { upstream: upstreamPort, variant: port });
  const child = start(command, args, { core: 1 });
  started.push(child);
  await waitFor({ name: variant.name, port, process: child, signal: interrupted.signal });
  return { name: variant.name, port, pid: child.pid };
}

async function measureSize(size, variants) {
  const runs = new Map(variants.map(({ name }) => [name, []]));
  for (const variant of variants) {
    variant.expected = await probe(variant.port, size);
    await warmUp(variant, { size, signal: interrupted.signal });
  }
  for (let turn = 0; turn < rounds; turn++) {
    for (const variant of variants) {
      runs.get(variant.name).push(await round(variant, { size, seconds, signal: interrupted.signal }));
    }
  }
  return { size, variants: summary(runs) };
}

async function main() {
  for (const { missing } of VARIANTS) if (missing) console.log(missing);
  const upstream = await startUpstream();
  const variants = [];
  for (const variant of VARIANTS) if (!variant.missing) variants.push(await startVariant(variant, upstream.port));
  console.log(
    `tools/call of 2026-07-28, ${CONNECTIONS} connections, ${rounds} rounds of ${seconds} s in turns after ` +
      `${WARM_UP.requests} requests or ${WARM_UP.rounds} s of warm-up; load: ${loadName}; ` +
      `upstream: ${upstream.name}; pinning: ${pinning}`,
  );
  const sizes = [];
  for (const size of SIZES) {
    const measured = await measureSize(size, variants);
    printTable(measured);
    sizes.push(measured);
  }
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version };
  const report = {
    at: new Date().toISOString(),
    machine,
    load: loadName,
    upstream: upstream.name,
    pinning,
    rounds,
    seconds,
    sizes,
  };
  mkdirSync("bench/results", { recursive: true });
  writeFileSync("bench/results/last.json", `${JSON.stringify(report, null, 2)}\n`);
  console.log("\nwritten to bench/results/last.json");
}

try {
  await main();
} catch (error) {
  console.error(`bench: ${error.message}`);
  process.exitCode = 1;
} finally {
  clearTimeout(limit);
  await Promise.all(started.map(child => child.stop()));
  rmSync(folder, { recursive: true, force: true });
}
