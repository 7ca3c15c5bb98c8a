import type { AttemptFailure } from "../../core/failure.ts";
import type { Clock, Random } from "../../core/ports.ts";
import type { Signal } from "../../core/signal.ts";
import type { Identity } from "../../wire/modern.ts";
import type { Channel, ChannelEvents } from "./channel.ts";
import type { FloodGates } from "./flood-gate.ts";
import type { ReplyRooms } from "./inbound-memory.ts";
import type { ProcessRegistry } from "./process-registry.ts";
import type { Secrets } from "./secrets.ts";

/** What opening a channel needs from the place where the gateway runs. */
export interface TransportWorld {
  readonly clock: Clock;
  readonly random: Random;
  readonly registry: ProcessRegistry;
  /** The gateway's own environment, of which children get only what the configuration lets through. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Working directory of children. */
  readonly baseDir: string;
  readonly replies: ReplyRooms;
  readonly floods: FloodGates;
  /** What we call ourselves towards upstreams. */
  readonly identity: Identity;
  /** What must not be told to anybody, and grows by what upstreams give us. */
  readonly secrets: Secrets;
}

/** Opens channels to one upstream. */
export interface Opener {
  open(events: ChannelEvents): Channel;
  /** After nothing could be opened: takes another way from now on, where the way in which that failed suggests one. */
  turn?(): boolean;
  /** The other way led nowhere either. */
  turnBack?(): void;
  /** What a failure to open one comes from, where more can be found out than it says. */
  explain?(failed: AttemptFailure, signal: Signal): Promise<AttemptFailure>;
  /** The proxy on the way to the upstream, fit to be shown. */
  readonly proxy?: string | undefined;
  close(): Promise<void>;
}
