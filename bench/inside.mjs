// Loaded into the measured process by `node --import`: answers what only the process itself knows. Commands come over
// the IPC channel, one at a time; `X:start` begins, `X:stop` ends and answers.
import { Session } from "node:inspector/promises";
import { Socket } from "node:net";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { GCProfiler, getHeapStatistics } from "node:v8";

const session = new Session();
const running = {};

/** Bytes that were allocated: what the heap and external memory grew by between collections. */
function allocated({ statistics }, before, after) {
  const size = ({ usedHeapSize, externalMemory }) => usedHeapSize + externalMemory;
  const marks = [
    before,
    ...statistics.flatMap(({ beforeGC, afterGC }) => [beforeGC, afterGC].map(gc => size(gc.heapStatistics))),
    after,
  ];
  let bytes = 0;
  for (let at = 0; at < marks.length; at += 2) bytes += Math.max(0, marks[at + 1] - marks[at]);
  return bytes;
}

const heapNow = () => {
  const { used_heap_size, external_memory } = getHeapStatistics();
  return used_heap_size + external_memory;
};

/** Functions of the bundle that ran since the last look: where each begins, and how often it ran. */
async function coverage() {
  const { result } = await session.post("Profiler.takePreciseCoverage");
  return result
    .filter(({ url }) => url.startsWith("file:") && url.includes("/dist/"))
    .map(({ url, functions }) => ({
      url,
      functions: functions
        .filter(({ ranges: [{ count }], functionName }, at) => count > 0 && (at > 0 || functionName !== ""))
        .map(({ functionName, ranges: [{ startOffset, count }] }) => ({ name: functionName, startOffset, count })),
    }))
    .filter(({ functions }) => functions.length > 0);
}

/** Where what is said leaves a function for good: a socket, or a later part of the turn. */
const LEAVES = [
  [Socket.prototype, ["write", "end", "cork", "uncork"]],
  [globalThis, ["setImmediate", "queueMicrotask"]],
  [process, ["nextTick"]],
];

/** Keeps the stack of each thing that leaves: places in the bundle, innermost first, separated by spaces. */
function watchStacks() {
  const stacks = [];
  Error.stackTraceLimit = 200;
  for (const [owner, names] of LEAVES) {
    for (const name of names) {
      const original = owner[name];
      owner[name] = function watched(...args) {
        const places = (new Error().stack ?? "").match(/file:[^\s()]+\/dist\/[^\s()]+/g);
        if (places) stacks.push(places.join(" "));
        return original.apply(this, args);
      };
    }
  }
  return stacks;
}

const COMMANDS = {
  "stacks:start": () => {
    running.stacks = watchStacks();
  },
  "stacks:look": () => running.stacks.splice(0),
  "allocation:start": () => {
    running.gc = new GCProfiler();
    running.gc.start();
    running.heap = heapNow();
  },
  "allocation:stop": () => allocated(running.gc.stop(), running.heap, heapNow()),
  "stall:start": () => {
    running.delay = monitorEventLoopDelay({ resolution: 1 });
    running.delay.enable();
  },
  "stall:stop": () => {
    running.delay.disable();
    return { maxMs: running.delay.max / 1e6, p99Ms: running.delay.percentile(99) / 1e6 };
  },
  "coverage:start": async () => {
    await session.post("Profiler.enable");
    await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });
  },
  "coverage:look": coverage,
  "profile:start": async () => {
    await session.post("Profiler.enable");
    await session.post("Profiler.setSamplingInterval", { interval: 200 });
    await session.post("Profiler.start");
  },
  "profile:stop": async () => (await session.post("Profiler.stop")).profile,
};

if (process.send) {
  const send = process.send.bind(process);
  session.connect();
  process.on("message", async ({ inside: command }) => {
    try {
      send({ answers: command, result: await COMMANDS[command]() });
    } catch (error) {
      send({ answers: command, error: String(error) });
    }
  });
  process.channel.unref();
}
