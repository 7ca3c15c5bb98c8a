import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import type { Config } from "../config/schema.ts";
import type { Front } from "../core/front.ts";
import type { Clock } from "../core/ports.ts";
import type { KnownSecrets } from "../core/secrets/known-secrets.ts";
import type { PendingChange, Status, UpstreamStatus } from "../core/status.ts";
import type { OwnEnvironment } from "../lib/own-environment.ts";

/** What a gateway needs from the place where it runs. */
export interface GatewayOptions {
  readonly config: Config;
  /** Path of the configuration file, `null` for the demo. */
  readonly configPath: string | null;
  /** Children's working directory, and what relative paths are relative to. */
  readonly baseDir: string;
  readonly keep: Keep;
  readonly version: string;
  readonly warnings: readonly string[];
  /** Looks for more to warn of, each time that somebody asks for the status. */
  readonly observe?: () => readonly string[];
  /** The process's own, as it is where left out. */
  readonly environment?: OwnEnvironment;
  /** What must not be told to anybody; the gateway adds what it is given. Its own where it is left out. */
  readonly secrets?: KnownSecrets;
  /** The machine's own where there is none. */
  readonly clock?: Clock;
  /** Takes one line for the supervisor of the process. */
  readonly tell: (line: string) => void;
}

/** Where things are kept that outlive the process; `null` keeps nothing. */
export interface Keep {
  /** The log of calls. Several processes may write to one. */
  readonly log: string | null;
  /** Folder of the last known catalogs. */
  readonly catalogs: string | null;
  /** Folder in which each process writes down its children, for the process that comes after a crash. */
  readonly children: string | null;
  /** The key of what is sealed for agents, so that it opens after a restart and in every process. */
  readonly sealKey: string | null;
}

export const KEEP_NOTHING: Keep = { log: null, catalogs: null, children: null, sealKey: null };

/** What is kept in the run folder of an instance. */
export const keepIn = (runDir: string): Keep => ({
  log: join(runDir, "calls.log"),
  catalogs: join(runDir, "catalogs"),
  children: join(runDir, "children"),
  sealKey: join(runDir, "seal.key"),
});

export interface Listening {
  readonly port: number;
  /** The URL to give to an agent. */
  readonly url: string;
  /** All URLs worth showing, the one above first. */
  readonly urls: readonly string[];
}

export interface Gateway {
  readonly front: Front;
  status(): Status;
  /** Opens the port. Rejects with the error of `net.Server` (code `EADDRINUSE`, `EACCES`, …). */
  listen(address: { host: string; port: number }): Promise<Listening>;
  /** Serves one agent on a pair of streams until the input ends. */
  serveStdio(streams: { input: Readable; output: Writable }): Promise<void>;
  /** Swaps the configuration; keeps every unchanged upstream as it is. Resolves with one sentence per change. */
  reload(config: Config): Promise<readonly string[]>;
  /** Removes what is secret by the rules of the configuration from a text that people are shown. */
  withoutSecrets(text: string): string;
  /** The configuration on disk was not taken, in words; `undefined` when it is taken again. Shown in `status`. */
  rejected(problem: string | undefined): void;
  /** What the configuration on disk says and waits for a person. Shown in `status`. */
  waiting(changes: readonly PendingChange[]): void;
  /** Tells every change of an upstream's state. Returns the function that ends it. */
  onUpstream(receive: (status: UpstreamStatus) => void): () => void;
  /** Resolves when the catalog knows every upstream, from now or from before, or has tried it; or after `waitMs`. */
  settled(waitMs: number): Promise<void>;
  /** Calls that wait, open at their upstream, for an answer of their agent. */
  readonly parked: number;
  /** Takes no new work, lets running calls finish for at most `graceMs`, releases everything. `cut`: calls that did not finish. */
  stop(options: { graceMs: number }): Promise<{ cut: number }>;
  /** While it stops: ends what still runs. Resolves when the agents have been told. */
  cut(): Promise<void>;
}
