// One round of load on one variant, and the request that it is made of.
import { spawnSync } from "node:child_process";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { cpuUs, programPath, start } from "./machine.mjs";
import { readResponse } from "./response.mjs";

export const SIZES = [300, 10_240];
export const CONNECTIONS = 32;
const PATH = "/mcp";
const REVISION = "2026-07-28";
const READY_WITHIN_MS = 15_000;
const K = "io.modelcontextprotocol/";

const wrk = programPath("wrk");
export const loadName = wrk ? "wrk" : "bench/load.mjs";

const HEADERS = {
  "Content-Type": "application/json",
  Accept: "application/json, text/event-stream",
  "MCP-Protocol-Version": REVISION,
  "Mcp-Method": "tools/call",
  "Mcp-Name": "echo",
};
const headerLines = Object.entries(HEADERS)
  .map(([name, value]) => `${name}: ${value}`)
  .join("\n");

const body = size => {
  const clientInfo = { name: "bench", version: "1.0.0" };
  const _meta = { [`${K}protocolVersion`]: REVISION, [`${K}clientInfo`]: clientInfo, [`${K}clientCapabilities`]: {} };
  return JSON.stringify({
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: { name: "echo", arguments: { size }, _meta },
  });
};

/** The mock upstream: compiled when there is a compiler, the slower one of node otherwise. */
export function buildMock(folder, port) {
  const compiler = programPath("cc");
  const binary = join(folder, "mock-upstream");
  const built = compiler && spawnSync(compiler, ["-O2", "-o", binary, "bench/mock-upstream.c"]).status === 0;
  return built
    ? { name: "C", command: binary, args: [String(port)] }
    : { name: "node", command: process.execPath, args: ["bench/mock-upstream.mjs", String(port)] };
}

/**
 * Makes the call once and proves that the answer is the right one. Resolves with the bytes of the whole response, by
 * which the rounds know wrong answers; rejects otherwise.
 */
export async function probe(port, size) {
  const text = body(size);
  const head = `POST ${PATH} HTTP/1.1\nHost: 127.0.0.1:${port}\n${headerLines}\nContent-Length: ${text.length}\n\n`;
  const bytes = await exchange(port, head.replaceAll("\n", "\r\n") + text);
  const answer = bytes.toString("latin1");
  if (!answer.startsWith("HTTP/1.1 200 ") || !/"text":"x+"/.test(answer)) {
    throw new Error(`a wrong answer: ${answer.slice(0, 1000)}`);
  }
  return bytes.length;
}

/** Resolves with the bytes of one response. */
function exchange(port, request) {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1" });
    let held = Buffer.alloc(0);
    socket.setTimeout(5000, () => socket.destroy(new Error("no answer within 5 s")));
    socket.on("data", chunk => {
      held = Buffer.concat([held, chunk]);
      const response = readResponse(held);
      if (response) resolve(held.subarray(0, response.end));
      if (response) socket.destroy();
    });
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("the connection was closed without an answer")));
    socket.write(request);
  });
}

/** Resolves when the call works through that port. */
export async function waitFor({ name, port, process: child, signal }) {
  const until = performance.now() + READY_WITHIN_MS;
  for (;;) {
    signal.throwIfAborted();
    const problem = await probe(port, 300).then(
      () => undefined,
      error => error,
    );
    if (!problem) return;
    if (!child.running() || performance.now() > until) {
      throw new Error(`${name} did not come up: ${problem.message}\n${child.output()}`);
    }
    await sleep(50);
  }
}

const loadCommand = (port, seconds) =>
  wrk
    ? [
        wrk,
        [
          "-t1",
          `-c${CONNECTIONS}`,
          `-d${seconds}s`,
          "--latency",
          "-s",
          "bench/wrk.lua",
          `http://127.0.0.1:${port}${PATH}`,
        ],
      ]
    : [process.execPath, ["bench/load.mjs", String(port), PATH, String(CONNECTIONS), String(seconds)]];

/** Compiled code is fast only after it has run for a while: a busy machine needs longer for the same number of requests. */
export const WARM_UP = { requests: 150_000, rounds: 15 };

export async function warmUp(variant, { size, signal }) {
  for (let turn = 0, requests = 0; turn < WARM_UP.rounds && requests < WARM_UP.requests; turn++) {
    requests += (await round(variant, { size, seconds: 1, signal })).requests;
  }
}

/** Load on one variant. `wrong`: answers that were not the expected ones, as far as their sizes tell; `broken`: no answers. */
export async function round({ port, pid, expected }, { size, seconds, signal }) {
  signal.throwIfAborted();
  const env = { BENCH_BODY: body(size), BENCH_HEADERS: headerLines };
  const before = pid && cpuUs(pid);
  const load = start(...loadCommand(port, seconds), { core: 0, env });
  const abort = () => void load.stop();
  signal.addEventListener("abort", abort);
  await load.gone;
  signal.removeEventListener("abort", abort);
  signal.throwIfAborted();
  const used = pid && cpuUs(pid) - before;
  const line = load
    .output()
    .split("\n")
    .find(text => text.startsWith("{"));
  if (!line) throw new Error(`the load generator failed: ${load.output()}`);
  const { requests, durationUs, bytes, broken, p50Us, p99Us } = JSON.parse(line);
  const perAnswer = bytes / requests;
  return {
    requests,
    perSecond: (requests / durationUs) * 1e6,
    cpuUs: pid ? used / requests : undefined,
    p50Us,
    p99Us,
    broken,
    wrong: Math.abs(perAnswer - expected) > expected * 0.005,
  };
}
