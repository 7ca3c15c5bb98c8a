import type { Writable } from "node:stream";
import type { Clock } from "../../core/ports.ts";

/**
 * How far a message got. `dropped` means that its last byte never left us, so that the peer cannot have read a whole
 * message, even if it saw the beginning of one.
 */
export interface Outgoing {
  readonly state: "waiting" | "writing" | "written" | "dropped";
}

/** Writes messages as lines, within a byte budget. */
export interface LineWriter {
  /** `undefined`: the queue is full, nothing was taken. `settled` is called once, when the state is final. */
  send(parts: readonly Buffer[], settled?: () => void): Outgoing | undefined;
  /** Takes a message back of which nothing has been written yet. */
  withdraw(message: Outgoing): boolean;
  /** Drops what has not been written and takes nothing more. */
  close(): void;
}

export interface LineWriterOptions {
  readonly stream: Writable;
  readonly clock: Clock;
  /** Bytes that may wait. One larger message is taken when nothing else waits. */
  readonly maxQueuedBytes: number;
  /** How long the peer may take to read one batch. */
  readonly stallMs: number;
  /** The peer does not read. */
  onStall(): void;
  /** The peer can no longer read. */
  onError(error: Error): void;
}

interface Item {
  state: Outgoing["state"];
  readonly parts: readonly Buffer[];
  /** How far it has been taken: the next part, and how much of that. */
  part: number;
  offset: number;
  readonly bytes: number;
  settled: (() => void) | undefined;
}

/** One step of progress: a peer that reads slowly is told from one that does not read by this much. */
const BATCH_BYTES = 64 * 1024;
const LINE_FEED = Buffer.from("\n");

/** Copies of that message what fits behind the first `from` bytes; returns where it ends. */
function fill(text: Buffer, from: number, item: Item): number {
  let at = from;
  while (item.part < item.parts.length && at < text.length) {
    const part = item.parts[item.part]!;
    const bytes = Math.min(part.length - item.offset, text.length - at);
    part.copy(text, at, item.offset, item.offset + bytes);
    at += bytes;
    item.offset += bytes;
    if (item.offset < part.length) break;
    item.part++;
    item.offset = 0;
  }
  return at;
}

export function createLineWriter(options: LineWriterOptions): LineWriter {
  const { stream, clock, maxQueuedBytes, stallMs, onStall, onError } = options;
  const queue: Item[] = [];
  let waitingBytes = 0;
  let batch: { readonly startedAt: number; readonly completed: readonly Item[]; readonly bytes: number } | undefined;
  let closed = false;
  let scheduled: NodeJS.Immediate | undefined;
  let cancelWatch: (() => void) | undefined;

  const settle = (item: Item, state: "written" | "dropped"): void => {
    item.state = state;
    item.settled?.();
  };

  /** Takes up to one batch off the queue; a large message is cut, so that it takes several. */
  const nextBatch = (): { text: Buffer; completed: Item[] } => {
    const text = Buffer.allocUnsafe(Math.min(waitingBytes, BATCH_BYTES));
    const completed: Item[] = [];
    let bytes = 0;
    for (const item of queue) {
      item.state = "writing";
      bytes = fill(text, bytes, item);
      if (item.part < item.parts.length) break;
      completed.push(item);
      if (bytes === text.length) break;
    }
    queue.splice(0, completed.length);
    waitingBytes -= bytes;
    return { text, completed };
  };

  const flush = (): void => {
    scheduled = undefined;
    if (closed || batch || queue.length === 0) return;
    const { text, completed } = nextBatch();
    batch = { startedAt: clock.now(), completed, bytes: text.length };
    watch();
    // In one piece, since each piece would cost a message as much as its bytes.
    stream.write(text, onWritten);
  };

  const onWritten = (error?: Error | null): void => {
    const completed = batch?.completed ?? [];
    batch = undefined;
    completed.forEach((item, index) => {
      // The batch broke off somewhere: of its last message at least the line feed is missing.
      settle(item, error && index === completed.length - 1 ? "dropped" : "written");
    });
    if (!error) {
      flush();
      return;
    }
    const wasClosed = closed;
    close();
    if (!wasClosed) onError(error);
  };

  /** One timer for many batches: it looks how old the current one is. */
  const watch = (): void => {
    if (cancelWatch || !batch || closed) return;
    cancelWatch = clock.after(batch.startedAt + stallMs - clock.now(), () => {
      cancelWatch = undefined;
      if (batch && clock.now() - batch.startedAt >= stallMs) onStall();
      else watch();
    });
  };

  const close = (): void => {
    if (closed) return;
    closed = true;
    clearImmediate(scheduled);
    cancelWatch?.();
    waitingBytes = 0;
    for (const item of queue.splice(0)) settle(item, "dropped");
  };

  return {
    send(parts, settled) {
      let bytes = LINE_FEED.length;
      for (const part of parts) bytes += part.length;
      const held = waitingBytes + (batch?.bytes ?? 0);
      if (closed || (held > 0 && held + bytes > maxQueuedBytes)) return undefined;
      const item: Item = { state: "waiting", parts: [...parts, LINE_FEED], part: 0, offset: 0, bytes, settled };
      queue.push(item);
      waitingBytes += bytes;
      if (!batch) scheduled ??= setImmediate(flush);
      return item;
    },
    withdraw(message) {
      if (message.state !== "waiting") return false;
      const at = queue.indexOf(message as Item);
      if (at < 0) return false;
      for (const item of queue.splice(at, 1)) {
        waitingBytes -= item.bytes;
        settle(item, "dropped");
      }
      return true;
    },
    close,
  };
}
