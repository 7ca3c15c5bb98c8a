import type { Config } from "../config/schema.ts";
import type { Front } from "../core/front.ts";
import type { Status, UpstreamStatus } from "../core/status.ts";

/** What a gateway needs from the place where it runs. */
export interface GatewayOptions {
  readonly config: Config;
  /** Path of the configuration file, `null` for the demo. */
  readonly configPath: string | null;
  /** Children's working directory, and what relative paths are relative to. */
  readonly baseDir: string;
  /** Folder for logs and last known catalogs (0700), or `null` to keep nothing. */
  readonly runDir: string | null;
  readonly version: string;
  readonly warnings: readonly string[];
}

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
  serveStdio(streams: { input: NodeJS.ReadableStream; output: NodeJS.WritableStream }): Promise<void>;
  /** Swaps the configuration; keeps every unchanged upstream as it is. Resolves with one sentence per change. */
  reload(config: Config): Promise<readonly string[]>;
  /** Tells every change of an upstream's state. Returns the function that ends it. */
  onUpstream(receive: (status: UpstreamStatus) => void): () => void;
  /** Resolves when the catalog knows every upstream, from now or from before, or has tried it; or after `waitMs`. */
  settled(waitMs: number): Promise<void>;
  /** Takes no new work, lets running calls finish for at most `graceMs`, releases everything. `cut`: calls that did not finish. */
  stop(options: { graceMs: number }): Promise<{ cut: number }>;
}
