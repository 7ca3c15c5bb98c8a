import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** `up`: what the client sends. `down`: what the server answers. */
export type Direction = "up" | "down";

/** Something that goes wrong on the way. `afterBytes` (0 if omitted) counts on each connection from when it was added. */
export type Toxic =
  /** Every piece comes later; `jitterMs` more or less, in order all the same. */
  | { readonly kind: "latency"; readonly ms: number; readonly jitterMs?: number }
  | { readonly kind: "bandwidth"; readonly bytesPerSecond: number }
  /** Cuts into pieces of about that size, give or take `varyBytes`, with a pause between them. */
  | { readonly kind: "slicer"; readonly bytes: number; readonly varyBytes?: number; readonly delayMs?: number }
  /** Both sides see their connection reset; up to `varyBytes` later, drawn for each connection. */
  | { readonly kind: "reset"; readonly afterBytes?: number; readonly varyBytes?: number }
  /** This direction ends in good order, the other one goes on. */
  | { readonly kind: "half_close"; readonly afterBytes?: number }
  /** Swallows everything. */
  | { readonly kind: "blackhole"; readonly afterBytes?: number }
  /** Ends both directions in good order once so many bytes have passed. */
  | { readonly kind: "limit_data"; readonly bytes: number }
  /** Swallows everything, and ends both directions in good order that long after the first swallowed byte. */
  | { readonly kind: "timeout"; readonly ms: number };

/** A TCP proxy on 127.0.0.1 in which toxics can be switched on and off at any time, for open connections too. */
export interface ToxicProxy {
  readonly port: number;
  /** `http://127.0.0.1:PORT` and this path. */
  url(path: string): string;
  /** Returns the function that takes the toxic back. */
  add(direction: Direction, toxic: Toxic): () => void;
  clear(): void;
  /** Connections that are open now, and that ever were. */
  readonly connections: { readonly open: number; readonly total: number };
  /** Bytes that were passed on. */
  readonly passed: Readonly<Record<Direction, number>>;
  /** Resets every open connection. */
  resetAll(): void;
  /** Refuses connections from now on; those that are open break. */
  down(): Promise<void>;
  /** Listens again, on the same port. */
  up(): Promise<void>;
  close(): Promise<void>;
}

export interface ToxicProxyOptions {
  /** The server's port, on 127.0.0.1 unless `host` says otherwise. */
  readonly port: number;
  readonly host?: string;
  /** Of everything that is random. */
  readonly seed?: number;
}

/** Bytes that wait in one direction before its source is paused. */
const WAITING_BYTES = 1024 * 1024;

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  readonly over: AbortController;
}

export async function startToxicProxy({ port, host = "127.0.0.1", seed = 1 }: ToxicProxyOptions): Promise<ToxicProxy> {
  const toxics: Record<Direction, Set<Toxic>> = { up: new Set(), down: new Set() };
  const passed = { up: 0, down: 0 };
  const pairs = new Set<Pair>();
  const random = mulberry32(seed);
  let total = 0;

  const listener = createServer({ allowHalfOpen: true, noDelay: true }, client => {
    const server = connect({ host, port, allowHalfOpen: true, noDelay: true });
    const pair: Pair = { client, server, over: new AbortController() };
    pairs.add(pair);
    total++;
    for (const socket of [client, server]) {
      socket.on("error", () => {});
      socket.on("close", hadError => {
        pairs.delete(pair);
        pair.over.abort();
        const other = socket === client ? server : client;
        if (hadError) other.resetAndDestroy();
        else other.destroySoon();
      });
    }
    const share = (direction: Direction) => ({
      toxics: toxics[direction],
      random,
      count: (bytes: number) => {
        passed[direction] += bytes;
      },
    });
    pump(pair, { from: client, to: server }, share("up"));
    pump(pair, { from: server, to: client }, share("down"));
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const own = (listener.address() as AddressInfo).port;

  const resetAll = (): void => {
    for (const pair of [...pairs]) reset(pair);
  };
  const down = async (): Promise<void> => {
    if (!listener.listening) return;
    const closed = once(listener, "close");
    listener.close();
    resetAll();
    await closed;
  };
  return {
    port: own,
    url: path => `http://127.0.0.1:${own}${path}`,
    add(direction, toxic) {
      toxics[direction].add(toxic);
      return () => void toxics[direction].delete(toxic);
    },
    clear() {
      toxics.up.clear();
      toxics.down.clear();
    },
    get connections() {
      return { open: pairs.size, total };
    },
    passed,
    resetAll,
    down,
    async up() {
      listener.listen(own, "127.0.0.1");
      await once(listener, "listening");
    },
    close: down,
  };
}

interface Share {
  readonly toxics: ReadonlySet<Toxic>;
  readonly random: () => number;
  count(bytes: number): void;
}

/** Carries one direction of a connection, piece by piece, in order. */
function pump(pair: Pair, { from, to }: { readonly from: Socket; readonly to: Socket }, share: Share): void {
  const { signal } = pair.over;
  const queue: { bytes: Buffer; at: number }[] = [];
  /** How much of the connection each toxic has seen, and after how much it strikes. */
  const seen = new Map<Toxic, number>();
  const limits = new Map<Toxic, number>();
  let waiting = 0;
  let running = false;
  let ended = false;
  let swallowing = false;

  const wait = (ms: number): Promise<void> => (ms > 0 ? sleep(ms, undefined, { signal }) : Promise.resolve());
  const active = <K extends Toxic["kind"]>(kind: K): Extract<Toxic, { kind: K }>[] =>
    [...share.toxics].filter((toxic): toxic is Extract<Toxic, { kind: K }> => toxic.kind === kind);

  async function write(bytes: Buffer): Promise<void> {
    if (bytes.length === 0 || to.destroyed || to.writableEnded) return;
    share.count(bytes.length);
    await new Promise<void>(resolve => void to.write(bytes, () => resolve()));
    for (const { bytesPerSecond } of active("bandwidth")) await wait((bytes.length / bytesPerSecond) * 1000);
  }

  async function pass(bytes: Buffer): Promise<void> {
    if (swallowing) return;
    for (const toxic of share.toxics) {
      const limit = limits.get(toxic) ?? limitOf(toxic, share.random);
      if (limit === undefined) continue;
      limits.set(toxic, limit);
      const before = seen.get(toxic) ?? 0;
      seen.set(toxic, before + bytes.length);
      const left = limit - before;
      // A limit of data is reached by its last byte, everything else is met by the first byte too many.
      if (toxic.kind === "limit_data" ? bytes.length < left : bytes.length <= left) continue;
      await write(bytes.subarray(0, Math.max(left, 0)));
      return strike(toxic);
    }
    await write(bytes);
  }

  function strike(toxic: Toxic): void {
    if (toxic.kind === "reset") reset(pair);
    else if (toxic.kind === "limit_data") finish(pair);
    else if (toxic.kind === "half_close") {
      swallowing = true;
      to.end();
    } else if (toxic.kind === "timeout") {
      swallowing = true;
      wait(toxic.ms).then(
        () => finish(pair),
        () => {},
      );
    }
  }

  function slices(bytes: Buffer): Buffer[] {
    const [slicer] = active("slicer");
    if (!slicer) return [bytes];
    const pieces: Buffer[] = [];
    for (let at = 0; at < bytes.length; ) {
      const vary = Math.round((share.random() * 2 - 1) * (slicer.varyBytes ?? 0));
      const size = Math.max(1, slicer.bytes + vary);
      pieces.push(bytes.subarray(at, at + size));
      at += size;
    }
    return pieces;
  }

  async function run(): Promise<void> {
    for (let item = queue.shift(); item; item = queue.shift()) {
      const lateMs = active("latency").map(({ ms, jitterMs = 0 }) => ms + (share.random() * 2 - 1) * jitterMs);
      await wait(lateMs.reduce((sum, ms) => sum + ms, 0) - (performance.now() - item.at));
      let first = true;
      for (const piece of slices(item.bytes)) {
        if (!first) await wait(active("slicer")[0]?.delayMs ?? 0);
        first = false;
        await pass(piece);
      }
      waiting -= item.bytes.length;
      if (waiting < WAITING_BYTES) from.resume();
    }
    if (ended && !to.destroyed) to.end();
  }

  const start = (): void => {
    if (running) return;
    running = true;
    run().then(
      () => {
        running = false;
        if (queue.length > 0) start();
      },
      () => {},
    );
  };

  from.on("data", bytes => {
    queue.push({ bytes, at: performance.now() });
    waiting += bytes.length;
    if (waiting >= WAITING_BYTES) from.pause();
    start();
  });
  from.on("end", () => {
    ended = true;
    start();
  });
}

/** After how many bytes it strikes; `undefined` for what only delays. */
function limitOf(toxic: Toxic, random: () => number): number | undefined {
  switch (toxic.kind) {
    case "reset":
      return (toxic.afterBytes ?? 0) + Math.floor(random() * (toxic.varyBytes ?? 0));
    case "half_close":
    case "blackhole":
      return toxic.afterBytes ?? 0;
    case "limit_data":
      return toxic.bytes;
    case "timeout":
      return 0;
    default:
      return undefined;
  }
}

function reset({ client, server }: Pair): void {
  client.resetAndDestroy();
  server.resetAndDestroy();
}

/** What still comes is swallowed: closing over unread bytes would be a reset. */
function finish({ client, server }: Pair): void {
  client.end();
  server.end();
}

/** A small generator of numbers in [0, 1) that depends on nothing but its seed. */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
