import type { Holding } from "../core/ledger-entries.ts";

/** The stream for what an agent is told outside its requests. */
export interface OwnStream {
  send(message: Buffer): void;
  end(): void;
}

/** Messages of our own to one agent: sent now, or kept until it opens a stream. */
export interface Outbox {
  readonly isOpen: boolean;
  /** A later stream takes the place of an earlier one, which is ended. Returns the function that takes it away. */
  attach(stream: OwnStream): () => void;
  /** Dropped when there is no stream. */
  send(message: Buffer): void;
  /** Only the latest message under a key is kept while there is no stream. */
  post(key: string, message: Buffer): void;
  /** Ends the stream. */
  close(): void;
}

/** Messages that are kept; each says only that something has changed. */
const MAX_KEPT = 256;
const MAX_KEPT_BYTES = 256 * 1024;

/** `held`: where what is kept is counted. */
export function createOutbox(held: Pick<Holding, "grow" | "shrink">): Outbox {
  const kept = new Map<string, Buffer>();
  let stream: OwnStream | undefined;
  let keptBytes = 0;

  function keep(key: string, message: Buffer): void {
    const before = kept.get(key)?.length ?? 0;
    const bytes = keptBytes - before + message.length;
    if (bytes > MAX_KEPT_BYTES || (before === 0 && kept.size >= MAX_KEPT)) return;
    if (bytes > keptBytes && !held.grow(bytes - keptBytes)) return;
    if (bytes < keptBytes) held.shrink(keptBytes - bytes);
    keptBytes = bytes;
    kept.set(key, message);
  }

  return {
    get isOpen() {
      return stream !== undefined;
    },
    attach(next) {
      stream?.end();
      stream = next;
      for (const message of kept.values()) next.send(message);
      kept.clear();
      held.shrink(keptBytes);
      keptBytes = 0;
      return () => {
        if (stream === next) stream = undefined;
      };
    },
    send: message => stream?.send(message),
    post(key, message) {
      if (stream) stream.send(message);
      else keep(key, message);
    },
    close() {
      stream?.end();
      stream = undefined;
      kept.clear();
    },
  };
}
