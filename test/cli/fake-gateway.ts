import { EventEmitter } from "node:events";
import type { Context } from "../../src/app/commands/command.ts";
import type { ExitCode } from "../../src/app/exit-codes.ts";
import type { Gateway, GatewayOptions } from "../../src/app/gateway.ts";
import { terminalOf } from "../../src/app/terminal/terminal.ts";
import type { Config } from "../../src/config/schema.ts";
import type { Call, Outcome } from "../../src/core/call.ts";
import { type Catalog, type Entry, KINDS, type Kind, type Resolution } from "../../src/core/catalog.ts";
import { nativeName, publicName, upstreamName } from "../../src/core/names.ts";
import { bringing } from "../../src/core/pass.fixture.ts";
import { Payload } from "../../src/core/payload.ts";
import { NO_PRESSURE } from "../../src/core/pressure.ts";
import type { Status, UpstreamStatus } from "../../src/core/status.ts";
import { createRedactor } from "../../src/guard/redact.ts";
import { NO_REQUEST_LIMIT } from "../../src/guard/request-limit.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { createSealer } from "../../src/lib/seal.ts";
import { roomyLedger } from "../fixtures/ledger.ts";

const NO_SHARES = {
  ...{ bytes: 0, maxBytes: 1, most: [], connections: 0 },
  shed: { events: 0, sessions: 0, streams: 0, connections: 0 },
  refused: { kept: 0, connections: 0 },
};

export const SINCE = "2026-01-01T00:00:00.000Z";

export const upstream = (facts: Partial<UpstreamStatus> & { name: string }): UpstreamStatus => ({
  transport: "http",
  address: `http://localhost/${facts.name}`,
  proxy: null,
  protocolVersion: "2025-11-25",
  state: "ready",
  since: SINCE,
  priority: 1,
  group: null,
  tools: 1,
  prompts: 0,
  resources: 0,
  inFlight: 0,
  queued: 0,
  calls: 0,
  failures: 0,
  lastError: null,
  notes: [],
  stderr: [],
  pid: null,
  ...facts,
});

function entry(kind: Kind, name: string, holder: string): Entry {
  const definition = Payload.of({ name, description: `What ${name} does\nand more` });
  const one = { upstream: upstreamName(holder), native: nativeName(name), priority: 1, definition };
  return { kind, name: publicName(name), holders: [one], definition };
}

export interface Fake {
  readonly gateway: Gateway;
  readonly calls: Call[];
  readonly configs: Config[];
  readonly stops: number[];
  /** What `listen` rejects with, per port. */
  readonly taken: Map<number, string>;
  /** Tells a new state of an upstream. */
  change(status: UpstreamStatus): void;
  /** What the next calls come to. */
  answer: (call: Call) => Promise<Outcome>;
}

/** A gateway without sockets: it offers one tool for each upstream, and writes down what is asked of it. */
export function fakeGateway(
  initial: readonly UpstreamStatus[] = [upstream({ name: "files" })],
  options?: GatewayOptions,
): Fake {
  const upstreams = new Map(initial.map(one => [one.name, one]));
  const watchers = new Set<(status: UpstreamStatus) => void>();
  let url: string | null = null;
  const entries = Object.fromEntries(KINDS.map(kind => [kind, [] as Entry[]])) as Record<Kind, Entry[]>;
  for (const { name, state } of initial) if (state === "ready") entries.tool.push(entry("tool", `${name}_tool`, name));
  const resolve = (kind: Kind, name: string): Resolution => {
    const found = entries[kind].find(one => one.name === name);
    return found ? { kind: "found", entry: found } : { kind: "unknown", nearest: entries[kind].map(one => one.name) };
  };
  const missing = initial.filter(({ state }) => state !== "ready").map(({ name }) => upstreamName(name));
  const hint = { ttlMs: 0, cacheScope: "private" } as const;
  const profile = () => ({ capabilities: Payload.of({}), instructions: undefined, serverInfo: Payload.of({}), hint });
  const digests = { tool: "", prompt: "", resource: "", template: "" };
  const catalog: Catalog = {
    entries,
    hidden: [],
    replicas: [],
    conflicts: [],
    lookAlikes: [],
    missing,
    digests,
    resolve,
  };
  const status = (): Status => ({
    schema: "rad.status/1",
    running: true,
    pid: process.pid,
    version: "0.0.0",
    startedAt: SINCE,
    uptimeMs: 1,
    url,
    urls: url === null ? [] : [url],
    config: options?.configPath ?? null,
    health: [...upstreams.values()].every(({ state }) => state === "ready") ? "ok" : "degraded",

    stopping: false,
    overloaded: false,
    upstreams: [...upstreams.values()],
    catalog: {
      tools: entries.tool.length,
      prompts: 0,
      resources: 0,
      templates: 0,
      hidden: [],
      replicas: [],
      conflicts: [],
      lookAlikes: [],
    },
    log: { path: null, onFailure: "drop", written: 0, dropped: 0, waitingBytes: 0, trouble: null },
    shares: NO_SHARES,
    pending: [],
    warnings: options?.warnings ?? [],
  });
  const fake: Fake = {
    calls: [],
    configs: [],
    stops: [],
    taken: new Map(),
    answer: async () => ({ kind: "done", result: Payload.of({ content: [{ type: "text", text: "hello" }] }) }),
    change: one => {
      upstreams.set(one.name, one);
      for (const watch of watchers) watch(one);
    },
    gateway: {
      front: {
        handle: bringing(call => {
          fake.calls.push(call);
          return fake.answer(call);
        }),
        trouble(error) {
          throw error;
        },
        view: () => ({
          catalog: () => catalog,
          settled: async () => {},
          profile,
          fresh: () => undefined,
          page: () => undefined,
          hint: () => hint,
          owner: () => ({ kind: "unknown", nearest: [] }),
        }),
        onChange: () => () => {},
        tell: () => {},
        follow: async () => ({ kind: "failed", failure: { kind: "invalid", message: "Unknown task" } }),
        subscribe: async () => ({ kind: "failed", failure: { kind: "unknown_method", method: "resources/subscribe" } }),
        attend: () => () => {},
        pressure: NO_PRESSURE,
        ledger: roomyLedger(),
        limit: NO_REQUEST_LIMIT,
        sealer: createSealer(Buffer.alloc(32, 1), { clock: systemClock }),
        release: () => {},
      },
      status,
      listen: async ({ port }) => {
        const code = fake.taken.get(port);
        if (code) throw Object.assign(new Error(code), { code });
        url = `http://localhost:${port || 40_000}/mcp`;
        return { port: port || 40_000, url, urls: [url] };
      },
      serveStdio: async () => {},
      rejected: () => {},
      waiting: () => {},
      parked: 0,
      withoutSecrets: createRedactor([]).text,
      reload: async config => {
        fake.configs.push(config);
        return ["files: unchanged"];
      },
      onUpstream: watch => {
        watchers.add(watch);
        return () => watchers.delete(watch);
      },
      settled: async () => {},
      stop: async ({ graceMs }) => {
        fake.stops.push(graceMs);
        return { cut: 0 };
      },
      cut: async () => {},
    },
  };
  return fake;
}

export interface Stage {
  readonly context: Context;
  readonly signals: EventEmitter;
  out(): string;
  err(): string;
  readonly exits: ExitCode[];
  /** Resolves when that text has been printed to standard output. */
  printed(text: string): Promise<void>;
  /** Resolves when the command has said that it listens. */
  readonly ready: Promise<void>;
}

/** A place to run commands in: what they print is kept, and `fake` is the gateway they build. */
export function stage(
  place: { cwd: string; env: Record<string, string> },
  fake: () => Fake = () => fakeGateway(),
): Stage {
  const signals = new EventEmitter();
  const heard = new EventEmitter();
  const text = { out: "", err: "" };
  const exits: ExitCode[] = [];
  const stream = (name: "out" | "err") => ({
    write: (more: string) => {
      text[name] += more;
      heard.emit(name);
    },
  });
  let isReady: () => void = () => {};
  const ready = new Promise<void>(resolve => {
    isReady = resolve;
  });
  const context: Context = {
    ...place,
    terminal: terminalOf({ out: stream("out"), err: stream("err") }, {}),
    secrets: { learn() {} },
    signals,
    assemble: async options => {
      const made = fake();
      return {
        ...made.gateway,
        reload: config => made.gateway.reload(config),
        status: () => ({ ...made.gateway.status(), config: options.configPath, warnings: options.warnings }),
      };
    },
    tellReady: () => isReady(),
    tellFailed: () => {},
    hungUp: () => false,
    exit: code => void exits.push(code),
  };
  const printed = async (wanted: string): Promise<void> => {
    while (!text.out.includes(wanted)) await new Promise(resolve => heard.once("out", resolve));
  };
  return { context, signals, out: () => text.out, err: () => text.err, exits, printed, ready };
}
