// What the benchmark needs from the machine: programs, free ports, cores, CPU time, memory.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { availableParallelism, cpus } from "node:os";
import { delimiter, join } from "node:path";

/** The full path of a program, or `undefined`. */
export function programPath(name) {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];
  return folders.map(folder => join(folder, name)).find(isExecutable);
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

const taskset = availableParallelism() > 1 ? programPath("taskset") : undefined;
export const pinning = taskset
  ? "load and upstream on core 0, the variant on core 1"
  : "none (needs taskset and two cores)";

export const machine = () => ({ cpu: cpus()[0]?.model ?? "unknown", cores: cpus().length, node: process.version });

/**
 * Starts a program on one core. `stop()` ends it, kindly at first, and resolves when it is gone; `output()` is what it
 * said so far. With `ipc` it can be asked by `ask(command)` what bench/inside.mjs answers.
 */
export function start(command, args, { core, env = {}, cwd, ipc = false }) {
  const [program, ...rest] =
    taskset && core !== undefined ? [taskset, "-c", String(core), command, ...args] : [command, ...args];
  const stdio = ["ignore", "pipe", "pipe", ...(ipc ? ["ipc"] : [])];
  const child = spawn(program, rest, { env: { ...process.env, ...env }, cwd, stdio });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", chunk => {
      text = (text + chunk).slice(-64 * 1024);
    });
  }
  const gone = new Promise(resolve => {
    child.on("error", error => {
      text += error.message;
      resolve();
    });
    child.on("close", resolve);
  });
  const running = () => child.exitCode === null && child.signalCode === null && child.pid !== undefined;
  const stop = async () => {
    if (running()) child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), 3000);
    await gone;
    clearTimeout(timer);
  };
  const ask = async command => {
    child.send({ inside: command });
    const answer = await Promise.race([answerTo(child, command), gone]);
    if (answer === undefined) throw new Error(`the process ended when it was asked: ${command}\n${text}`);
    if (answer.error) throw new Error(answer.error);
    return answer.result;
  };
  return { pid: child.pid, gone, stop, ask, running, output: () => text };
}

/** The program may say things of its own on the same channel. */
function answerTo(child, command) {
  return new Promise(resolve => {
    const hear = message => {
      if (message?.answers !== command) return;
      child.off("message", hear);
      resolve(message);
    };
    child.on("message", hear);
  });
}

const TICK_US = 1e6 / Number(spawnSync("getconf", ["CLK_TCK"], { encoding: "utf8" }).stdout || 100);

const hasProc = existsSync("/proc/self/stat");

/** The processes that it has started, and theirs; it among them. Empty where there is no /proc. */
function treeOf(pid) {
  if (!hasProc) return [];
  const children = readdirSync(`/proc/${pid}/task`).flatMap(task =>
    readFileSync(`/proc/${pid}/task/${task}/children`, "latin1").split(" ").filter(Boolean),
  );
  return [String(pid), ...children.flatMap(treeOf)];
}

/**
 * CPU time so far, in µs, of all threads of a process and, unless `alone`, of its children: all of it, and the kernel's
 * part. `NaN` where there is no /proc. See proc_pid_stat(5).
 */
export function cpuUs(pid, { alone = false } = {}) {
  if (!hasProc) return { all: Number.NaN, kernel: Number.NaN };
  const times = (alone ? [pid] : treeOf(pid)).map(one => {
    const stat = readFileSync(`/proc/${one}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { user: Number(fields[11]) * TICK_US, kernel: Number(fields[12]) * TICK_US };
  });
  const sum = key => times.reduce((total, time) => total + time[key], 0);
  return { all: sum("user") + sum("kernel"), kernel: sum("kernel") };
}

/** Resident memory of a process and its children, in bytes; `NaN` where there is no /proc. */
export function residentBytes(pid) {
  if (!hasProc) return Number.NaN;
  const kib = one => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${one}/status`, "latin1"))?.[1] ?? 0);
  return treeOf(pid).reduce((sum, one) => sum + kib(one) * 1024, 0);
}
