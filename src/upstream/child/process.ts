import { type ChildProcess, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import type { Clock } from "../../core/ports.ts";
import { type Environment, type Platform, platformOf } from "../../lib/platform.ts";
import type { ProcessRegistry } from "../channel/process-registry.ts";
import { signalHolders } from "./left-processes.ts";
import { type Command, describeEnd, describeSpawnError } from "./process-end.ts";
import { optionsOf, type RunAs } from "./run-as.ts";
import { createStderrRing } from "./stderr-ring.ts";
import { createThrottle } from "./throttle.ts";

export interface ProcessSpec extends Command {
  readonly args: readonly string[];
  /** Somebody else than us. */
  readonly runAs?: RunAs | undefined;
}

export interface StopTimes {
  /** From closing stdin to SIGTERM. */
  readonly endOfInputMs: number;
  /** From SIGTERM to SIGKILL. */
  readonly terminateMs: number;
  /** From SIGKILL until nobody waits any longer: what hangs in a dead disk cannot be killed. */
  readonly killMs: number;
}

/** The order is that of https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle#stdio. */
export const STOP_TIMES: StopTimes = { endOfInputMs: 2_000, terminateMs: 2_000, killMs: 750 };

/** What a process needs from the place where it runs. */
export interface ProcessHost {
  readonly clock: Clock;
  readonly registry: ProcessRegistry;
  readonly platform?: Platform;
  readonly stopTimes?: StopTimes;
  /** The gateway's environment, only to name a variable that a child seems to miss. */
  readonly environment?: Environment;
  /** Takes secrets out of what a child prints. */
  readonly hide?: (text: string) => string;
}

export interface ProcessEvents {
  stdout(chunk: Buffer): void;
  /** The first byte came, on stdout or stderr. */
  alive?(): void;
  /** Said once, after the last chunk of stdout. */
  closed(end: { readonly how: ProcessEndKind; readonly detail: string }): void;
}

/** It ran and ended; or could not be started now; or cannot be run as it is configured. */
export type ProcessEndKind = "ended" | "not_started" | "cannot_run";

/** A child that leads a process group of its own. */
export interface RunningProcess {
  readonly pid: number | undefined;
  /** `undefined` where the command could not be run. */
  readonly stdin: Writable | undefined;
  readonly stdout: Readable | undefined;
  /** The last lines on stderr, newest last. */
  stderr(): readonly string[];
  /** SIGKILL to the whole group. `reason` becomes the detail of `closed`. */
  kill(reason: string): void;
  /** Ends the input, then SIGTERM, then SIGKILL to the group. Resolves when the group is gone. */
  stop(): Promise<void>;
}

/** How long output that was written before the end may take to arrive when somebody else holds the pipe. */
const DRAIN_MS = 500;
const POLL_MS = 20;
/** Every process of the machine is looked at. */
const HOLDERS_POLL_MS = 200;
/** What a flood on stderr may cost. */
const STDERR_BUDGET = { budget: 4 * 1024 * 1024, windowMs: 50 };

/** Runs a command without a shell. Never throws: what cannot be run is told by `closed`. */
export function startProcess(spec: ProcessSpec, host: ProcessHost, events: ProcessEvents): RunningProcess {
  const { platform = platformOf() } = host;
  const spawned = trySpawn(spec, platform);
  if (!(spawned instanceof Error) && spawned.pid !== undefined) {
    return watchProcess({ spec, child: spawned, pid: spawned.pid, platform }, host, events);
  }
  const closed = newSignal();
  const fail = (error: Error): void => {
    if (closed.done) return;
    closed.resolve();
    events.closed(describeSpawnError(spec, error));
  };
  if (spawned instanceof Error) queueMicrotask(() => fail(spawned));
  else spawned.on("error", fail);
  return {
    pid: undefined,
    stdin: undefined,
    stdout: undefined,
    stderr: () => [],
    kill() {},
    stop: () => closed.promise,
  };
}

interface Started {
  readonly spec: ProcessSpec;
  readonly child: ChildProcess;
  readonly pid: number;
  readonly platform: Platform;
}

function watchProcess(started: Started, host: ProcessHost, events: ProcessEvents): RunningProcess {
  const { spec, child, pid, platform } = started;
  const { clock, registry, stopTimes = STOP_TIMES, environment = {} } = host;
  const group = registry.add(pid);
  const ring = createStderrRing(host.hide);
  const exited = newSignal();
  const closed = newSignal();
  let reason: string | undefined;
  let gone = false;
  let held = false;
  let stopping: Promise<void> | undefined;

  const close = (): void => {
    if (closed.done) return;
    closed.resolve();
    for (const stream of child.stdio) stream?.destroy();
    const end = { code: child.exitCode, signal: child.signalCode, lines: ring.lines(), environment };
    events.closed({ how: "ended", detail: reason ?? describeEnd(spec, end) });
  };

  /** Once gone, always gone: from then on the pid may belong to somebody else. */
  const isGone = (): boolean => {
    gone ||= exited.done && !platform.isGroupAlive(pid);
    return gone;
  };

  const waitUntilGone = async (withinMs: number): Promise<boolean> => {
    const deadline = clock.now() + withinMs;
    await exited.within(clock, withinMs);
    while (!isGone()) {
      if (clock.now() >= deadline) return false;
      await delay(clock, POLL_MS);
    }
    return true;
  };

  /** Output that is still open is held by what has left the group. */
  const closeLate = (): void => {
    if (closed.done) return;
    held = true;
    close();
    if (!stopping) void signalHolders(group, { mark: registry.mark(), signal: "SIGKILL", platform });
  };

  const endHolders = async (): Promise<void> => {
    const holders = { mark: registry.mark(), platform };
    const deadline = clock.now() + stopTimes.terminateMs;
    let left = await signalHolders(group, { ...holders, signal: "SIGTERM" });
    while (left > 0 && clock.now() < deadline) {
      await delay(clock, HOLDERS_POLL_MS);
      left = await signalHolders(group, { ...holders, signal: 0 });
    }
    if (left > 0) await signalHolders(group, { ...holders, signal: "SIGKILL" });
  };

  const release = async (): Promise<void> => {
    if (await waitUntilGone(stopTimes.killMs)) registry.remove(pid);
  };

  const stop = async (): Promise<void> => {
    if (!exited.done) reason ??= "stopped";
    // The clock's timers alone would let the gateway exit before its last group is gone.
    const stayAlive = setInterval(() => {}, 1_000);
    child.stdin?.end();
    await exited.within(clock, stopTimes.endOfInputMs);
    if (!isGone()) {
      platform.killGroup(pid, "SIGTERM");
      if (!(await waitUntilGone(stopTimes.terminateMs))) platform.killGroup(pid, "SIGKILL");
    }
    await release();
    await closed.within(clock, DRAIN_MS);
    closeLate();
    if (held) await endHolders();
    clearInterval(stayAlive);
  };

  const kill = (why: string): void => {
    if (isGone()) return;
    if (!exited.done) reason ??= why;
    platform.killGroup(pid, "SIGKILL");
    clock.after(stopTimes.killMs, close);
  };

  for (const emitter of [child, ...child.stdio]) emitter?.on("error", () => {});
  for (const stream of [child.stdout, child.stderr]) stream?.once("data", () => events.alive?.());
  child.stdout?.on("data", (chunk: Buffer) => events.stdout(chunk));
  // Whoever closed its stdout cannot answer any more, however long it lives.
  const killMute = (): void => {
    if (!exited.done && !stopping) kill(`"${spec.command}" closed its stdout`);
  };
  child.stdout?.once("end", () => clock.after(DRAIN_MS, killMute));
  if (child.stderr) {
    const throttle = createThrottle({ clock, stream: child.stderr, ...STDERR_BUDGET });
    child.stderr.on("data", (chunk: Buffer) => {
      ring.push(chunk);
      throttle.spend(chunk.length);
    });
  }
  child.once("exit", () => {
    exited.resolve();
    clock.after(DRAIN_MS, closeLate);
    if (stopping) return;
    platform.killGroup(pid, "SIGKILL");
    void release();
  });
  child.once("close", close);

  return {
    pid,
    stdin: child.stdin ?? undefined,
    stdout: child.stdout ?? undefined,
    stderr: ring.lines,
    kill,
    stop() {
      stopping ??= stop();
      return stopping;
    },
  };
}

function trySpawn(spec: ProcessSpec, platform: Platform): ChildProcess | Error {
  const { command, args, cwd, env, runAs } = spec;
  try {
    const as = runAs ? optionsOf(runAs, cwd) : {};
    const fixed = { shell: false, stdio: "pipe", windowsHide: true } as const;
    return spawn(command, args, { cwd, env, ...fixed, ...as, detached: platform.hasGroups });
  } catch (error) {
    return error as Error;
  }
}

/** Something that happens once and can be waited for, with a limit. */
interface Signal {
  readonly promise: Promise<void>;
  readonly done: boolean;
  resolve(): void;
  within(clock: Clock, limitMs: number): Promise<void>;
}

function newSignal(): Signal {
  let settle: () => void = () => {};
  let done = false;
  const promise = new Promise<void>(resolve => {
    settle = resolve;
  });
  return {
    promise,
    get done() {
      return done;
    },
    resolve() {
      done = true;
      settle();
    },
    within: (clock, limitMs) =>
      new Promise(resolve => {
        const cancel = clock.after(limitMs, resolve);
        void promise.then(cancel).then(resolve);
      }),
  };
}

const delay = (clock: Clock, delayMs: number): Promise<void> =>
  new Promise(resolve => {
    clock.after(delayMs, resolve);
  });
