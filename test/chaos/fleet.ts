import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startToxicProxy, type ToxicProxy } from "../faults/toxic-proxy.ts";
import { upstreamCommand } from "../fixtures/build.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import type { Json } from "../fixtures/upstream/contract.ts";

/** A server in a process of its own, that can be killed, frozen and started again at the same address. */
export interface Server {
  readonly name: string;
  readonly port: number;
  start(): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** SIGKILL. Resolves when it is gone. */
  kill(): Promise<void>;
}

/** One execution as the upstream wrote it down. */
export interface Ran {
  readonly at: number;
  readonly server: string;
  readonly nonce: string;
}

export interface Fleet {
  readonly gateway: GatewayRun;
  /** `a` and `b` are replicas, reached through a proxy each; `c` keeps sessions; `e` speaks HTTP+SSE. */
  readonly servers: Readonly<Record<"a" | "b" | "c" | "e", Server>>;
  readonly proxies: Readonly<Record<"a" | "b", ToxicProxy>>;
  /** Writes the configuration with this number of seconds as a timeout of an upstream that nobody uses. */
  configure(spareTimeout: number): void;
  /** Writes something else in its place. */
  misconfigure(toml: string): void;
  executions(): Ran[];
  close(): Promise<void>;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

export async function serverAt(name: string, port: number, args: readonly string[]): Promise<Server> {
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    const { command, args: program } = upstreamCommand("--name", name, "--port", String(port), ...args);
    const started = spawn(command, program, { stdio: ["ignore", "ignore", "pipe"] });
    child = started;
    await Promise.race([once(started.stderr, "data"), once(started, "exit")]);
    started.stderr.resume();
  };
  const kill = async (): Promise<void> => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  };
  await start();
  return { name, port, start, kill, signal: signal => void child?.kill(signal) };
}

/** Which tools each has: no name twice, so that none needs a prefix. */
const TOOLS = { a: "echo,count,slow,converse", c: "progress", d: "add", e: "log" } as const;
export const SAFE_TOOLS = ["echo", "slow"];
const CHECK_SECONDS = 5;
/** As many as there may be at the end, when one of the replicas may have to do for both. */
const AT_ONCE = 200;

/** The upstreams, the proxies and a gateway in front of them. */
export async function startFleet(): Promise<Fleet> {
  const dir = mkdtempSync(join(tmpdir(), "radium-chaos-"));
  const journal = (name: string): string => join(dir, `${name}.jsonl`);
  for (const name of ["a", "b", "c", "d", "e"]) writeFileSync(journal(name), "");
  const start = async (name: string, tools: string, ...more: string[]): Promise<Server> =>
    serverAt(name, await freePort(), ["--tools", tools, "--scheme", name, "--journal", journal(name), ...more]);
  const [a, b, c, e] = await Promise.all([
    start("a", TOOLS.a, "--scheme", "pair"),
    start("b", TOOLS.a, "--scheme", "pair"),
    start("c", TOOLS.c, "--era", "legacy"),
    start("e", TOOLS.e, "--era", "legacy", "--transport", "sse"),
  ]);
  const proxies = { a: await startToxicProxy({ port: a.port }), b: await startToxicProxy({ port: b.port }) };
  const common = { health_check_interval: CHECK_SECONDS, timeout: 10 };
  const pair = {
    ...{ transport: "http", group: "pair", safe_to_retry: SAFE_TOOLS, max_concurrency: AT_ONCE },
    ...common,
  };
  const toml = (spareTimeout: number): string => {
    const child = upstreamCommand("--name", "d", "--tools", TOOLS.d, "--scheme", "d", "--journal", journal("d"));
    const upstreams: Json[] = [
      { name: "a", url: proxies.a.url("/mcp"), ...pair },
      { name: "b", url: proxies.b.url("/mcp"), ...pair },
      { name: "c", transport: "http", url: `http://127.0.0.1:${c.port}/mcp`, ...common },
      { name: "d", transport: "stdio", ...child, ...common },
      { name: "e", transport: "sse", url: `http://127.0.0.1:${e.port}/sse`, ...common },
      { name: "spare", transport: "stdio", ...upstreamCommand("--tools", "none"), timeout: spareTimeout },
    ];
    return configToml(upstreams, { security: { rate_limit_per_minute: 0 } });
  };
  const gateway = await startGateway({ toml: toml(60) });
  await gateway.until(({ upstreams }) => upstreams.every(({ state }) => state === "ready"));
  const misconfigure = (text: string): void => writeFileSync(gateway.configPath, text, { mode: 0o600 });
  return {
    gateway,
    servers: { a, b, c, e },
    proxies,
    configure: spareTimeout => misconfigure(toml(spareTimeout)),
    misconfigure,
    executions: () => ["a", "b", "c", "d", "e"].flatMap(name => readJournal(name, journal(name))),
    async close() {
      await gateway.close();
      await Promise.all([a, b, c, e].map(server => server.kill()));
      await Promise.all([proxies.a.close(), proxies.b.close()]);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** The last line may be torn: its writer was killed. */
export const readJournal = (server: string, path: string): Ran[] =>
  readFileSync(path, "utf8")
    .split("\n")
    .flatMap(line => {
      try {
        const { at, execution } = JSON.parse(line);
        return execution ? [{ at, server, nonce: String(execution.nonce) }] : [];
      } catch {
        return [];
      }
    });
