// Where the time of a call goes, by stage: the built gateway under load and under node's own sampling profiler.
// Usage: npm run profile -- [--seconds N] [--write PAGE]
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { openLab } from "../bench/lab.mjs";
import { machine } from "../bench/machine.mjs";
import { prepare, round, warmUp } from "../bench/measure.mjs";
import { byStage } from "../bench/stages.mjs";
import { aligned, between, markdown } from "../bench/table.mjs";
import { sourceAt } from "./sources.mjs";

const { values } = parseArgs({
  options: { seconds: { type: "string", default: "10" }, write: { type: "string" } },
});
const seconds = Number(values.seconds);
const CONNECTIONS = 32;
const WARM = { requests: 120_000, seconds: 20 };

function fileOf({ url, lineNumber, columnNumber }) {
  if (!url.startsWith("file:") || !url.includes("/dist/")) return undefined;
  return sourceAt(url, { line: lineNumber, column: columnNumber });
}

/** CPU µs of a call, and of it in the kernel, from a round without the profiler; the shares from one with it. */
async function measure(lab) {
  const { signal } = lab;
  const gateway = await lab.gateway("profile", { upstreams: [{ path: "/mcp" }] }, { inside: true });
  const place = { port: gateway.port, path: "/mcp" };
  const request = { agent: "modern", tool: "echo", size: 300 };
  const wanted = { name: "gateway", id: "profile", place, request, process: gateway.process, pid: gateway.process.pid };
  const line = await prepare(wanted, { folder: lab.folder, connections: CONNECTIONS, signal });
  await warmUp(line, { ...WARM, signal });
  const plain = await round(line, { seconds, signal });
  await gateway.process.ask("profile:start");
  await round(line, { seconds, signal });
  const stages = byStage(await gateway.process.ask("profile:stop"), fileOf);
  return { stages, cpuUs: plain.cpuUs, kernelUs: plain.kernelUs };
}

function rowsOf({ stages, cpuUs }) {
  const whole = stages.reduce((sum, [, time]) => sum + time, 0);
  return [
    ["stage", "share", "µs a call"],
    ...stages.map(([stage, time]) => [
      stage,
      `${((time / whole) * 100).toFixed(1)} %`,
      ((time / whole) * cpuUs).toFixed(1),
    ]),
    ["together", "100 %", cpuUs.toFixed(1)],
  ];
}

const interrupted = new AbortController();
process.once("SIGINT", () => interrupted.abort(new Error("interrupted")));
const lab = await openLab(interrupted.signal);
try {
  const measured = await measure(lab);
  const rows = rowsOf(measured);
  const { cpu, cores, node } = machine();
  const about = `tools/call, 300 B, c = ${CONNECTIONS}; ${new Date().toISOString().slice(0, 10)}, ${cpu}, ${cores} cores, node ${node}; of ${measured.cpuUs.toFixed(1)} µs a call ${measured.kernelUs.toFixed(1)} are in the kernel.`;
  console.log(`${about}\n\n${aligned(rows, 1)}`);
  if (values.write) {
    const page = readFileSync(values.write, "utf8");
    writeFileSync(values.write, between(page, "profile", ["", about, "", markdown(rows), ""].join("\n")));
  }
} finally {
  await lab.close();
}
