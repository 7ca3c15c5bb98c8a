// One round of load on one line of a case, and the proof that its answer is the right one.
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { cpuUs, programPath, start } from "./machine.mjs";
import { headerText, openSession, post, requestOf, toolNames, withSession } from "./request.mjs";

const READY_WITHIN_MS = 30_000;

const wrk = programPath("wrk");
export const loadName = wrk ? "wrk" : "bench/load.mjs";

/** The mock upstream: compiled when there is a compiler, the slower one of node otherwise. */
export function buildMock(folder) {
  const compiler = programPath("cc");
  const binary = join(folder, "mock-upstream");
  const built = compiler && spawnSync(compiler, ["-O2", "-o", binary, "bench/mock-upstream.c"]).status === 0;
  return built
    ? { name: "C", command: binary, args: [] }
    : { name: "node", command: process.execPath, args: [join(process.cwd(), "bench/mock-upstream.mjs")] };
}

/** Resolves with the first result of `attempt` that does not reject; rejects when the process has ended, or in vain. */
export async function untilReady(attempt, { name, process: child, signal }) {
  const until = performance.now() + READY_WITHIN_MS;
  for (;;) {
    signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      if (!child.running() || performance.now() > until) {
        throw new Error(`${name} did not come up: ${error.message}\n${child.output()}`);
      }
    }
    await sleep(50);
  }
}

/** What of an answer must be the same through everything: the length of the text, or the number of tools. */
function essence({ message, status, text }) {
  const result = message?.result;
  const found = result?.tools?.length ?? result?.content?.[0]?.text?.length;
  if (status !== 200 || found === undefined) throw new Error(`a wrong answer, ${status}: ${text.slice(0, 500)}`);
  return found;
}

/**
 * Makes a line ready to be measured: its sessions, its tool's public name, the file that holds its body, the size of
 * its response. Rejects when the answer is not the expected one.
 */
export async function prepare(line, { folder, connections, signal }) {
  const { place, request, process: child } = line;
  return await untilReady(
    async () => {
      const tool = request.pick
        ? (await toolNames(place, request.agent)).find(name => request.pick.test(name))
        : request.tool;
      if (request.pick && !tool) throw new Error("the tool is not listed yet");
      const { headers, body } = requestOf({ ...request, tool });
      const sessions = [];
      for (let at = 0; request.agent === "legacy" && at < connections; at++) sessions.push(await openSession(place));
      const answer = await post(place, { headers: withSession(headers, sessions[0]), body });
      const found = essence(answer);
      const wanted = request.expect ?? found;
      if (found !== wanted) throw new Error(`the answer holds ${found}, not ${wanted}`);
      const file = join(folder, `request-${line.id}.json`);
      writeFileSync(file, body);
      return { ...line, connections, found, answer, sessions, file, headers, expected: answer.bytes.length };
    },
    { name: line.name, process: child, signal },
  );
}

const loadCommand = ({ place: { port, path }, connections }, seconds) =>
  wrk
    ? [
        wrk,
        [
          "-t1",
          `-c${connections}`,
          `-d${seconds}s`,
          "--latency",
          "-s",
          "bench/wrk.lua",
          `http://127.0.0.1:${port}${path}`,
        ],
      ]
    : [process.execPath, ["bench/load.mjs", String(port), path, String(connections), String(seconds)]];

/**
 * Compiled code is fast only after it has run for a while: a busy machine needs longer for the same number of requests.
 * Resolves with whether it got at least half of them.
 */
export async function warmUp(line, { requests: wanted, seconds, signal }) {
  let requests = 0;
  for (let turn = 0; turn < seconds && requests < wanted; turn++) {
    requests += (await round(line, { seconds: 1, signal })).requests;
  }
  return requests >= wanted / 2;
}

/**
 * Load on one line. `broken`: no answers or wrong statuses; `refused`: answers that are errors, with `count` only;
 * `wrong`: the answers were not the expected ones, as far as their sizes tell.
 */
export async function round(line, { seconds, signal, count = false }) {
  signal.throwIfAborted();
  const env = { BENCH_BODY_FILE: line.file, BENCH_HEADERS: headerText(line.headers) };
  if (line.sessions.length > 0) env.BENCH_SESSIONS = line.sessions.join(" ");
  if (count) env.BENCH_COUNT = "1";
  const { pid } = line;
  const alone = { alone: line.alone };
  const before = pid && cpuUs(pid, alone);
  const load = start(...loadCommand(line, seconds), { core: 0, env });
  const abort = () => void load.stop();
  signal.addEventListener("abort", abort);
  await load.gone;
  signal.removeEventListener("abort", abort);
  signal.throwIfAborted();
  const after = pid && cpuUs(pid, alone);
  const text = load.output();
  const printed = text.split("\n").find(one => one.startsWith("{"));
  if (!printed) throw new Error(`the load generator failed: ${text}`);
  const { requests, durationUs, bytes, broken, refused, p50Us, p99Us } = JSON.parse(printed);
  const times = { requests, perSecond: (requests / durationUs) * 1e6, p50Us, p99Us, broken, refused };
  return {
    ...times,
    cpuUs: pid ? (after.all - before.all) / requests : undefined,
    kernelUs: pid ? (after.kernel - before.kernel) / requests : undefined,
    wrong: Math.abs(bytes / requests - line.expected) > line.expected * 0.01,
  };
}
