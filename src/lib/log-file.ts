import type { Clock } from "../core/ports.ts";
import { type AppendFile, openAppendFile } from "./append-file.ts";
import { pendingLines } from "./pending-lines.ts";

export interface LogOptions {
  /** `null` for a log that keeps nothing. */
  readonly path: string | null;
  /** Size at which the file is put aside, and how many such files are kept as `path.1` … `path.keep`. */
  readonly maxBytes: number;
  readonly keep: number;
  readonly clock: Clock;
  /** Hears that lines cannot be written or were dropped, at most once a minute, and then that they are written again. */
  onTrouble(message: string): void;
}

export interface LogStats {
  /** Lines that could wait. */
  readonly written: number;
  readonly dropped: number;
  readonly waitingBytes: number;
  /** What keeps lines from being written at the moment. */
  readonly trouble: string | undefined;
}

export interface LogSink {
  /** Takes one line, without its line break. Never waits, never throws. */
  write(line: string): void;
  /**
   * Takes one line that must be in the file before something else happens, and resolves at the end of this turn of the event
   * loop where nothing is wrong. Says whether it is there; otherwise it is not kept.
   */
  commit(line: string): Promise<boolean>;
  /** Resolves when every line so far has been written, or cannot be for now. */
  flush(): Promise<void>;
  /** Whether lines are being written and there is ample room for more. */
  readonly ready: boolean;
  /** Writes what is left and closes the file. Lines after it are dropped. */
  close(): Promise<void>;
  stats(): LogStats;
}

const BATCH_BYTES = 256 * 1024;
const BATCH_MS = 50;
const MAX_WAITING_BYTES = 8 * 1024 * 1024;
const RETRY_MS = 5_000;
const CHECK_MS = 1_000;
const TROUBLE_EVERY_MS = 60_000;

const DISCARD: LogSink = {
  write() {},
  commit: async () => true,
  flush: async () => {},
  close: async () => {},
  ready: true,
  stats: () => ({ written: 0, dropped: 0, waitingBytes: 0, trouble: undefined }),
};

/** A batch on its way: `done` bytes of it are in the file. */
interface Batch {
  readonly bytes: Buffer;
  readonly lines: number;
  done: number;
}

/** Lines of text in a file, appended in batches; survives a full disk and a file that is moved away. */
export function openLog({ path, maxBytes, keep, clock, onTrouble }: LogOptions): LogSink {
  if (path === null) return DISCARD;
  const pending = pendingLines();
  let batch: Batch | undefined;
  let file: AppendFile | undefined;
  let checkedAt = 0;
  /** Room for what is to be written at once, in bytes. */
  let wanted = 0;
  let written = 0;
  let dropped = 0;
  let trouble: string | undefined;
  let told = false;
  let toldAt = Number.NEGATIVE_INFINITY;
  let isClosed = false;
  let pumping: Promise<void> | undefined;
  let cancelTimer: (() => void) | undefined;

  const tell = (message: string): void => {
    if (clock.now() - toldAt < TROUBLE_EVERY_MS) return;
    toldAt = clock.now();
    told = true;
    onTrouble(dropped > 0 ? `${message}; ${dropped} lines dropped so far` : message);
  };

  const waitingBytes = (): number => pending.bytes + (batch?.bytes.length ?? 0);

  const pumpAfter = (delayMs: number): void => {
    cancelTimer ??= clock.after(delayMs, () => {
      cancelTimer = undefined;
      void pump();
    });
  };

  /** One pump at a time; the same promise for everybody who waits for it. Never rejects. */
  const pump = (): Promise<void> => {
    pumping ??= writeAll()
      .then(() => {
        trouble = undefined;
        if (told) onTrouble(`the log ${path} is written again; ${dropped} lines dropped so far`);
        told = false;
      })
      .catch(async (error: Error) => {
        trouble = error.message;
        tell(`cannot write the log ${path}: ${error.message}`);
        await closeFile();
        if (!isClosed) pumpAfter(RETRY_MS);
      })
      .finally(() => {
        pumping = undefined;
      });
    return pumping;
  };

  const closeFile = async (): Promise<void> => {
    const old = file;
    file = undefined;
    await old?.close().catch(() => {});
  };

  const openFile = async (): Promise<AppendFile> => {
    file = await openAppendFile(path);
    checkedAt = clock.now();
    return file;
  };

  /** The file to append to: opened again where it was moved away, put aside where it is full. */
  const readyFile = async (next: number): Promise<AppendFile> => {
    if (file && clock.now() - checkedAt >= CHECK_MS) {
      checkedAt = clock.now();
      if (!(await file.isInPlace())) await closeFile();
    }
    const current = file ?? (await openFile());
    if (current.size === 0 || current.size + next <= maxBytes || !current.endsLine) return current;
    if (await current.isInPlace()) await current.rotate(keep);
    await closeFile();
    return openFile();
  };

  const writeAll = async (): Promise<void> => {
    if (!file) await openFile();
    while (batch || pending.count > 0) {
      const first = batch ? batch.bytes.length - batch.done : pending.first;
      const current = await readyFile(first);
      batch ??= { ...pending.take(Math.min(BATCH_BYTES, maxBytes - current.size)), done: 0 };
      // The rest of a torn line belongs to the file that holds its beginning; anywhere else the line starts anew.
      if (current.endsLine) batch.done = startOfLine(batch);
      else if (batch.done === startOfLine(batch)) current.append(LINE_BREAK);
      while (batch.done < batch.bytes.length) batch.done += current.append(batch.bytes.subarray(batch.done));
      written += batch.lines;
      batch = undefined;
    }
    if (wanted > 0) await readyFile(wanted);
    wanted = 0;
  };

  const write = (line: string): boolean => {
    if (isClosed || waitingBytes() + line.length >= MAX_WAITING_BYTES) {
      dropped++;
      if (!isClosed) tell(`the log ${path} cannot be written fast enough`);
      return false;
    }
    pending.add(line);
    pumpAfter(trouble === undefined ? BATCH_MS : RETRY_MS);
    return true;
  };

  /** Together with those that wait, in their order. Does nothing where anything is out of the ordinary. */
  const writeNow = (lines: readonly string[]): "written" | "begun" | "not" => {
    const isUsual = trouble === undefined && batch === undefined && !isClosed;
    if (!isUsual || !file?.endsLine || clock.now() - checkedAt >= CHECK_MS) return "not";
    const waited = pending.count;
    for (const line of lines) pending.add(line);
    const bytes = pending.all();
    const fits = file.size === 0 || file.size + bytes.length <= maxBytes;
    const done = fits ? appended(file, bytes) : undefined;
    if (done === undefined) {
      pending.keep(waited);
      return "not";
    }
    if (done === bytes.length) written += waited;
    else batch = { bytes: Buffer.from(bytes), lines: waited, done };
    pending.keep(0);
    return batch ? "begun" : "written";
  };

  /** What could not be written before it was too late is not kept: what it announces tells of itself when it has ended. */
  const writeTurn = async (all: readonly string[]): Promise<boolean> => {
    const now = writeNow(all);
    if (now === "written") return true;
    if (trouble !== undefined || isClosed) return false;
    wanted = all.reduce((bytes, line) => bytes + Buffer.byteLength(line) + 1, 0);
    await pumping;
    await pump();
    return now === "begun" ? trouble === undefined : writeNow(all) === "written";
  };

  /** Those of one turn of the event loop: a write for each costs more than all the rest of a line. */
  let committing: { readonly lines: string[]; readonly done: Promise<boolean> } | undefined;
  const commit = (line: string): Promise<boolean> => {
    if (!committing) {
      const lines: string[] = [];
      const done = new Promise<boolean>(resolve => {
        setImmediate(() => {
          committing = undefined;
          resolve(writeTurn(lines));
        });
      });
      committing = { lines, done };
    }
    committing.lines.push(line);
    return committing.done;
  };

  // A log that cannot be opened should be known at the start and not at the first line.
  void pump();
  return {
    write(line) {
      if (write(line) && trouble === undefined && pending.bytes >= BATCH_BYTES) void pump();
    },
    commit,
    get ready() {
      return trouble === undefined && waitingBytes() < MAX_WAITING_BYTES / 2;
    },
    async flush() {
      await pumping;
      await pump();
    },
    async close() {
      if (isClosed) return;
      isClosed = true;
      cancelTimer?.();
      cancelTimer = undefined;
      await pumping;
      await pump();
      await closeFile();
      dropped += pending.count + (batch?.lines ?? 0);
      pending.keep(0);
      batch = undefined;
    },
    stats: () => ({ written, dropped, waitingBytes: waitingBytes(), trouble }),
  };
}

const LINE_BREAK = Buffer.from("\n");

/** How many bytes the file has taken; `undefined` where it takes none. */
function appended(file: AppendFile, bytes: Buffer): number | undefined {
  try {
    return file.append(bytes);
  } catch {
    return undefined;
  }
}

/** Where the line begins that is being written. */
const startOfLine = ({ bytes, done }: Batch): number => (done === 0 ? 0 : bytes.lastIndexOf(0x0a, done - 1) + 1);
