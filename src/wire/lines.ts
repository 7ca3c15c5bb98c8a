export interface LineSplitter {
  push(chunk: Buffer): void;
}

export interface LineSplitterOptions {
  /** Longest line, without its line feed. */
  readonly maxBytes: number;
  /** One line that is not empty, without its line ending. It may be a view of a pushed chunk. */
  onLine(line: Buffer): void;
  /** Said once for each line that is too long; the line is skipped up to its end. */
  onTooLong(): void;
}

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const FIRST_CAPACITY = 4 * 1024;
/** A buffer that grew beyond this is given back after its line. */
const KEPT_CAPACITY = 64 * 1024;

/**
 * Cuts a byte stream into lines, in linear time and with memory in proportion to the longest line, whatever the size of
 * the chunks. A line within one chunk is not copied.
 */
export function lineSplitter({ maxBytes, onLine, onTooLong }: LineSplitterOptions): LineSplitter {
  let pending = Buffer.alloc(0);
  let length = 0;
  let skipping = false;

  const keep = (piece: Buffer): void => {
    const needed = length + piece.length;
    if (needed > pending.length) {
      const capacity = Math.min(Math.max(needed, pending.length * 2, FIRST_CAPACITY), Math.max(maxBytes, needed));
      const larger = Buffer.allocUnsafeSlow(capacity);
      pending.copy(larger, 0, 0, length);
      pending = larger;
    }
    piece.copy(pending, length);
    length = needed;
  };

  const forget = (): void => {
    length = 0;
    if (pending.length > KEPT_CAPACITY) pending = Buffer.alloc(0);
  };

  const emit = (line: Buffer): void => {
    const end = line[line.length - 1] === CARRIAGE_RETURN ? line.length - 1 : line.length;
    if (end > 0) onLine(end === line.length ? line : line.subarray(0, end));
  };

  const finishLine = (piece: Buffer): void => {
    if (skipping) skipping = false;
    else if (length + piece.length > maxBytes) {
      forget();
      onTooLong();
    } else if (length === 0) emit(piece);
    else {
      keep(piece);
      const line = Buffer.from(pending.subarray(0, length));
      forget();
      emit(line);
    }
  };

  const beginLine = (piece: Buffer): void => {
    if (skipping || piece.length === 0) return;
    if (length + piece.length <= maxBytes) keep(piece);
    else {
      forget();
      skipping = true;
      onTooLong();
    }
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
    },
  };
}
