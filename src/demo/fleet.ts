import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Config } from "../config/schema.ts";
import { platformOf } from "../lib/platform.ts";

/** The servers that `start --demo` shows, and how the gateway reaches them. */
export interface DemoFleet {
  readonly config: Config;
  /** Resolves when every replica is gone. */
  stop(): Promise<void>;
}

type Upstream = Config["upstreams"][number];

const COMMON = {
  priority: 1,
  health_check_interval: 5,
  trust_annotations: true,
  safe_to_retry: [],
  tool_timeouts: {},
  start_timeout: 120,
  attempt_timeout: 30,
  max_result_bytes: 64 * 1024 * 1024,
};

/** Starts two replicas over HTTP; the third server is a child of the gateway. Rejects when a replica does not start. */
export async function startDemoFleet(): Promise<DemoFleet> {
  const program = demoServer();
  const started = await Promise.allSettled(["weather-a", "weather-b"].map(name => startReplica(program, name)));
  const replicas = started.flatMap(one => (one.status === "fulfilled" ? [one.value] : []));
  const stop = async () => {
    await Promise.all(replicas.map(({ child }) => end(child)));
  };
  const failure = started.find(one => one.status === "rejected");
  if (failure) {
    await stop();
    throw failure.reason;
  }
  const upstreams: Upstream[] = [
    ...replicas.map(
      ({ name, port }): Upstream => ({
        ...COMMON,
        name,
        group: "weather",
        transport: "http",
        protocol: "auto",
        url: `http://127.0.0.1:${port}/mcp`,
        max_concurrency: 256,
        headers: {},
        allow_plain_http: false,
        insecure_skip_verify: false,
      }),
    ),
    {
      ...COMMON,
      name: "notes",
      transport: "stdio",
      protocol: "auto",
      command: process.execPath,
      args: [program, "--flavour", "notes"],
      env: {},
      inherit_env: [],
      max_concurrency: 32,
      isolation: "shared",
    },
  ];
  return { config: configure(upstreams), stop };
}

const configure = (upstreams: Upstream[]): Config => ({
  enable: true,
  watch: "safe",
  port: 3000,
  host: "127.0.0.1",
  transport: "auto",
  max_connections: 10_000,
  allowed_hosts: [],
  allowed_origins: [],
  conflict_strategy: "auto_prefix",
  naming: "auto",
  load_balancing: "round_robin",
  max_name_length: 46,
  security: {
    log_requests: true,
    log_responses: true,
    log_max_bytes: 2048,
    log_on_failure: "drop",
    redact_patterns: ["api[_-]?key", "password", "token"],
    rate_limit_per_minute: 60,
  },
  upstreams,
});

/** The built server lies beside the running bundle, whose chunks are one folder deeper. */
function demoServer(): string {
  const places = ["./demo-server.js", "../demo-server.js", "../../dist/demo-server.js"];
  const found = places.map(place => fileURLToPath(new URL(place, import.meta.url))).find(existsSync);
  if (found === undefined) throw new Error("demo-server.js is missing beside the program: run `npm run build`");
  return found;
}

interface Replica {
  readonly name: string;
  readonly port: number;
  readonly child: ChildProcess;
}

/** A child in a process group of its own; it prints its port, and ends when we are gone and its stdin with us. */
async function startReplica(program: string, name: string): Promise<Replica> {
  const args = [program, "--flavour", "weather", "--name", name, "--http", "0"];
  const detached = platformOf().hasGroups;
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "ignore"], detached });
  child.stdin.on("error", () => {});
  const failed = once(child, "exit").then(([code]) => {
    throw new Error(`the demo server ${name} ended with code ${String(code)} before it listened`);
  });
  const listening = once(createInterface({ input: child.stdout }), "line");
  const [line] = (await Promise.race([listening, failed])) as [string];
  failed.catch(() => {});
  return { name, port: Number(line), child };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  platformOf().killGroup(child.pid, "SIGKILL");
  await gone;
}
