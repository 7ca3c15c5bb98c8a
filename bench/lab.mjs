// The processes of a run: one mock, one nginx and one Caddy for all cases, gateways of their own for each.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { freePort, start } from "./machine.mjs";
import { buildMock, prepare, round, untilReady, warmUp } from "./measure.mjs";
import { post, requestOf } from "./request.mjs";
import { figureOf, lineFigures, median } from "./table.mjs";
import { missing, VARIANTS } from "./variants.mjs";

/** What needs no time to become fast. */
const COMPILED = new Set(["direct", "nginx", "caddy"]);
const INSIDE = resolve("bench/inside.mjs");

/** Starts the mock, on the port BENCH_MOCK_PORT if that is set. `signal` ends what is going on; `close()` ends every process. */
export async function openLab(signal) {
  const folder = mkdtempSync(join(tmpdir(), "rad-bench-"));
  const mock = buildMock(folder);
  const upstream = Number(process.env.BENCH_MOCK_PORT) || (await freePort());
  const started = new Set();
  const shared = new Map();
  const keep = child => {
    started.add(child);
    return child;
  };
  const child = keep(start(mock.command, [...mock.args, String(upstream)], { core: 0 }));
  const place = { port: upstream, path: "/mcp" };
  const attempt = () => post(place, requestOf({ agent: "modern" }));
  await untilReady(attempt, { name: "the mock upstream", process: child, signal });

  /** Starts a variant in a folder of its own; resolves with its process, port and folder once it was spawned. */
  async function launch(name, make) {
    const home = mkdtempSync(join(folder, `${name.replaceAll(/\W/g, "-")}-`));
    const port = await freePort();
    const { command, args, env, ipc } = make(home, { upstream, variant: port });
    return { process: keep(start(command, args, { core: 1, env, ipc, cwd: home })), port, home };
  }
  const direct = { process: child, port: upstream, home: folder };
  return {
    folder,
    mock,
    signal,
    direct,
    launch,
    gateway: (key, config, { inside = false } = {}) =>
      launch(`gateway-${key}`, (home, ports) => {
        const made = VARIANTS.gateway(home, ports, { ...config, mock });
        return inside ? { ...made, ipc: true, args: ["--import", INSIDE, ...made.args] } : made;
      }),
    /** nginx or Caddy: started once. */
    async common(name) {
      if (!shared.has(name)) shared.set(name, await launch(name, VARIANTS[name]));
      return shared.get(name);
    },
    async end({ process: one }) {
      started.delete(one);
      await one.stop();
    },
    async close() {
      await Promise.all([...started].map(one => one.stop()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Starts what the lines of a case need. Resolves with the lines, ready to be measured, and the way to end its gateways. */
async function ready(lab, one) {
  const processes = new Map();
  for (const [key, config] of Object.entries(one.processes)) {
    processes.set(key, await (config.launch ? config.launch(lab) : lab.gateway(key, config)));
  }
  const placeOf = async key =>
    key === "direct" ? lab.direct : (processes.get(key) ?? (missing[key] ? undefined : await lab.common(key)));
  const lines = [];
  for (const [id, line] of one.lines.entries()) {
    const at = await placeOf(line.process);
    if (!at) continue;
    const place = { port: at.port, path: line.path };
    const measured = line.process === "direct" ? undefined : at.process.pid;
    const seen = { ...line, id: `${one.key}-${id}`, place, process: at.process, pid: measured, alone: one.alone };
    if (line.copies)
      copyAnswer(
        lines.find(({ name }) => name === line.copies),
        at.home,
        line.path,
      );
    const prepared = prepare(seen, { folder: lab.folder, connections: one.connections, signal: lab.signal });
    lines.push(await (line.optional ? prepared.catch(leftOut(line, lab.signal)) : prepared));
  }
  const end = async () => {
    for (const child of processes.values()) await lab.end(child);
  };
  return { lines: lines.filter(Boolean), end };
}

/** What is only compared with may fail: its line is left out. */
const leftOut = (line, signal) => error => {
  signal.throwIfAborted();
  console.log(`${line.name} is left out: ${error.message.split("\n")[0]}`);
};

/** What a line answers, as a file that nginx serves. */
function copyAnswer(line, home, path) {
  const file = join(home, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, line.answer.text);
}

/** Lines with the same upstream must give the same answer: the length of the text, or the number of tools. */
function agree(lines) {
  const first = new Map();
  for (const { name, found, answers } of lines) {
    const other = first.get(answers) ?? { name, found };
    first.set(answers, other);
    if (other.found !== found) throw new Error(`${name} answers with ${found}, ${other.name} with ${other.found}`);
  }
}

/**
 * Measures one case: its lines in turns, the first of a turn being another each time. `brief`: only what its first
 * figure needs. A result is `cold` where the machine was too busy to warm a line up.
 */
export async function measureCase(lab, whole, { rounds, seconds, warmUp: warm, brief = false }) {
  const one = brief && whole.floor ? shortened(whole) : whole;
  const { lines, end } = await ready(lab, one);
  const { signal } = lab;
  const how = { seconds, signal };
  try {
    agree(lines);
    const wanted = { seconds: warm.seconds, requests: one.warmRequests ?? warm.requests };
    const cold = [];
    for (const line of lines) {
      const limits = COMPILED.has(line.name) ? { requests: 1, seconds: 1 } : wanted;
      if (!(await warmUp(line, { ...limits, signal }))) cold.push(line.name);
    }
    const refused = {};
    for (const { kind, of } of one.figures) {
      const line = lines.find(({ name }) => kind === "refusals" && name === of);
      if (line) refused[of] = (await round(line, { ...how, count: true })).refused;
    }
    const runs = new Map(lines.map(({ name }) => [name, []]));
    for (let turn = 0; turn < rounds; turn++) {
      const order = [...lines.slice(turn % lines.length), ...lines.slice(0, turn % lines.length)];
      for (const line of order) runs.get(line.name).push(await round(line, how));
    }
    return { ...summary(one, runs, refused), cold };
  } finally {
    await end();
  }
}

function shortened(one) {
  const [figure] = one.figures;
  const lines = one.lines.filter(({ name }) => name === "nginx" || name === figure.of);
  const needed = new Set(lines.map(line => line.process));
  const processes = Object.fromEntries(Object.entries(one.processes).filter(([key]) => needed.has(key)));
  return { ...one, lines, processes, figures: [figure] };
}

/** From the rounds of each line to what is shown. `refused`: line → refused calls of the counting round. */
export function summary({ key, title, figures, floor = false, lines }, runs, refused) {
  const nginx = runs.get("nginx");
  const ratios = rounds => nginx && rounds.map(({ cpuUs }, turn) => nginx[turn].cpuUs / cpuUs).filter(Number.isFinite);
  const measured = lines
    .filter(({ name }) => runs.has(name))
    .map(({ name }) => {
      const rounds = runs.get(name);
      const of = ratios(rounds) ?? [];
      return { ...lineFigures(name, rounds), ratio: of.length > 0 ? Number(median(of).toFixed(3)) : null };
    });
  return { key, title, floor, lines: measured, figures: figures.map(figure => figureOf(figure, { runs, refused })) };
}
