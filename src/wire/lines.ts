import { ByteBuffer } from "./byte-buffer.ts";
import type { Passing } from "./oversized.ts";

export interface LineSplitter {
  push(chunk: Buffer): void;
}

export interface LineSplitterOptions {
  /** Longest line, without its line feed. */
  readonly maxBytes: number;
  /** One line that is not empty, without its line ending. It may be a view of a pushed chunk. */
  onLine(line: Buffer): void;
  /** Said once for each line that is too long. The line is skipped up to its end; what is returned sees it pass. */
  onTooLong(): Passing | undefined;
  /** How much is held of a line that is not complete, after each piece and 0 at its end; nothing is said of short ones. */
  onHeld?(bytes: number): void;
}

/** A line of which no more is held is short. */
const SMALL_BYTES = 64 * 1024;

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/**
 * Cuts a byte stream into lines, in linear time and with memory in proportion to the longest line, whatever the size of
 * the chunks. A line within one chunk is not copied.
 */
export function lineSplitter({ maxBytes, onLine, onTooLong, onHeld }: LineSplitterOptions): LineSplitter {
  const pending = new ByteBuffer(maxBytes);
  let skipping = false;
  let large = false;
  let passing: Passing | undefined;

  const emit = (line: Buffer): void => {
    const end = line[line.length - 1] === CARRIAGE_RETURN ? line.length - 1 : line.length;
    if (end > 0) onLine(end === line.length ? line : line.subarray(0, end));
  };

  const skip = (piece: Buffer): void => {
    skipping = true;
    passing = onTooLong();
    const held = pending.take();
    passing?.take(held);
    passing?.take(piece);
  };

  const endSkipping = (): void => {
    skipping = false;
    passing?.end();
    passing = undefined;
  };

  const finishLine = (piece: Buffer): void => {
    if (skipping) {
      passing?.take(piece);
      endSkipping();
    } else if (pending.length + piece.length > maxBytes) {
      skip(piece);
      endSkipping();
    } else if (pending.length === 0) emit(piece);
    else {
      pending.append(piece);
      emit(pending.take());
    }
  };

  const beginLine = (piece: Buffer): void => {
    if (piece.length === 0) return;
    if (skipping) passing?.take(piece);
    else if (pending.length + piece.length <= maxBytes) pending.append(piece);
    else skip(piece);
  };

  return {
    push(chunk) {
      let from = 0;
      for (;;) {
        const end = chunk.indexOf(LINE_FEED, from);
        if (end < 0) break;
        finishLine(chunk.subarray(from, end));
        from = end + 1;
      }
      beginLine(chunk.subarray(from));
      const held = pending.length;
      if (held <= SMALL_BYTES && !large) return;
      large = held > SMALL_BYTES;
      onHeld?.(large ? held : 0);
    },
  };
}
