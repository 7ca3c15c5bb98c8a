import { closeSync, mkdtempSync, openSync, readSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { upstreamCommand } from "../fixtures/build.ts";
import { poll } from "../fixtures/poll.ts";
import type { Json } from "../fixtures/upstream/contract.ts";
import type { Cancellation, Execution } from "../fixtures/upstream/journal.ts";
import { startUpstream } from "../fixtures/upstream/upstream.ts";
import type { UpstreamKind } from "./kinds.ts";

export interface RunningUpstream {
  readonly kind: UpstreamKind;
  /** Its table in the configuration. */
  readonly table: Json;
  /** How often a tool or prompt ran with this nonce. */
  executions(nonce: string): number;
  /** Resolves once a call with this nonce has begun. */
  begun(nonce: string): Promise<void>;
  /** Resolves once a call with this nonce was cancelled. */
  cancelled(nonce: string): Promise<void>;
  /** Adds a tool of this name and announces it, and says that the watched resource has changed. */
  grow(name: string): void;
  close(): Promise<void>;
}

const TOOLS = ["echo", "slow", "progress", "log", "converse", "refuse", "test_error_handling"];

const eraOptions = ({ revision }: UpstreamKind) =>
  revision >= "2026" ? ({ era: "modern" } as const) : ({ era: "legacy", versions: [revision] } as const);

interface Seen {
  readonly executions: readonly Execution[];
  readonly cancelled: readonly Cancellation[];
}

/** `news`: what happened since the last time; a long run must not read everything again for every call. */
function watching(news: () => Seen): Pick<RunningUpstream, "executions" | "begun" | "cancelled"> {
  const runs = new Map<string, number>();
  const ends = new Set<string | undefined>();
  const look = () => {
    const { executions, cancelled } = news();
    for (const { nonce } of executions) runs.set(nonce, (runs.get(nonce) ?? 0) + 1);
    for (const { nonce } of cancelled) ends.add(nonce);
  };
  const executions = (nonce: string) => {
    look();
    return runs.get(nonce) ?? 0;
  };
  const isCancelled = (nonce: string) => {
    look();
    return ends.has(nonce);
  };
  const until = async (what: string, check: () => boolean) => {
    if (!(await poll(check, { everyMs: 20 }))) throw new Error(`${what}: never seen by the upstream`);
  };
  return {
    executions,
    begun: nonce => until(`the call ${nonce}`, () => executions(nonce) > 0),
    cancelled: nonce => until(`the end of ${nonce}`, () => isCancelled(nonce)),
  };
}

export async function startKind(upstream: UpstreamKind): Promise<RunningUpstream> {
  return upstream.transport === "stdio" ? child(upstream) : server(upstream);
}

async function server(kind: UpstreamKind): Promise<RunningUpstream> {
  const { name, transport } = kind;
  const options = { name, scheme: name, tools: TOOLS, ...eraOptions(kind) };
  const upstream = await startUpstream({ ...options, transport: transport as "http" | "sse" });
  return {
    kind,
    // Equals in one group would be replicas of each other.
    table: { name, transport, url: upstream.url, group: name },
    ...watching(() => {
      const { requests, executions, cancelled } = upstream.journal;
      requests.length = 0;
      return { executions: executions.splice(0), cancelled: cancelled.splice(0) };
    }),
    grow: upstream.grow,
    close: upstream.close,
  };
}

/** As many processes as the gateways start, which share a journal. */
function child(kind: UpstreamKind): RunningUpstream {
  const { name, shared } = kind;
  const dir = mkdtempSync(join(tmpdir(), "radium-eras-"));
  const [journal, growth] = [join(dir, "journal"), join(dir, "growth")];
  for (const file of [journal, growth]) writeFileSync(file, "");
  const { era, versions } = { versions: undefined, ...eraOptions(kind) };
  const options = { era, name, scheme: name, tools: TOOLS.join(","), journal, grow: growth };
  const args = Object.entries({ ...options, ...(versions && { versions: versions.join(",") }) });
  const command = upstreamCommand(...args.flatMap(([key, value]) => [`--${key}`, value]));
  return {
    kind,
    table: { name, transport: "stdio", ...command, group: name, isolation: shared ? "shared" : "per_agent" },
    ...watching(journalReader(journal)),
    grow: tool => writeFileSync(growth, tool),
    close: async () => rmSync(dir, { recursive: true, force: true }),
  };
}

/** Reads what was added to a journal since the last time, whole lines only. */
function journalReader(path: string): () => Seen {
  let read = 0;
  return () => {
    const size = statSync(path).size;
    const file = openSync(path, "r");
    const added = Buffer.alloc(size - read);
    readSync(file, added, 0, added.length, read);
    closeSync(file);
    const whole = added.subarray(0, added.lastIndexOf("\n") + 1);
    read += whole.length;
    const lines = whole
      .toString("utf8")
      .split("\n")
      .slice(0, -1)
      .map(line => JSON.parse(line) as { execution?: Execution; cancelled?: Cancellation });
    return {
      executions: lines.flatMap(({ execution }) => execution ?? []),
      cancelled: lines.flatMap(({ cancelled }) => cancelled ?? []),
    };
  };
}
