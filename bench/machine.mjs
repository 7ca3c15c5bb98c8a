// What the benchmark needs from the machine: programs, free ports, cores, CPU time.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { availableParallelism } from "node:os";
import { delimiter, join } from "node:path";

/** The full path of a program, or `undefined`. */
export function programPath(name) {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];
  return folders.map(folder => join(folder, name)).find(path => spawnSync("test", ["-x", path]).status === 0);
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

/**
 * Starts a program on one core. `stop()` ends it, kindly at first, and resolves when it is gone; `output()` is what it
 * said so far.
 */
export function start(command, args, { core, env = {} }) {
  const [program, ...rest] = taskset ? [taskset, "-c", String(core), command, ...args] : [command, ...args];
  const child = spawn(program, rest, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
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
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), 3000);
    await gone;
    clearTimeout(timer);
  };
  return {
    pid: child.pid,
    gone,
    stop,
    output: () => text,
    running: () => child.exitCode === null && child.signalCode === null,
  };
}

const TICK_US = 1e6 / Number(spawnSync("getconf", ["CLK_TCK"], { encoding: "utf8" }).stdout || 100);

const hasProc = existsSync("/proc/self/stat");

/** CPU time that a process, its threads and its children have used so far, in µs; `NaN` where there is no /proc. See proc_pid_stat(5). */
export function cpuUs(pid) {
  if (!hasProc) return Number.NaN;
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const own = (Number(fields[11]) + Number(fields[12])) * TICK_US;
  const children = readdirSync(`/proc/${pid}/task`).flatMap(task =>
    readFileSync(`/proc/${pid}/task/${task}/children`, "latin1").split(" ").filter(Boolean),
  );
  return children.reduce((sum, child) => sum + cpuUs(child), own);
}
