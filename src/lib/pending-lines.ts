/** Lines that wait to be written, already as the bytes that they will be in the file. */
export interface PendingLines {
  readonly count: number;
  readonly bytes: number;
  /** Bytes of the first line, with its line break; 0 where there is none. */
  readonly first: number;
  /** Takes a line without its line break; returns its bytes, the line break included. */
  add(line: string): number;
  /** All of them, as they lie here: good until the next change. */
  all(): Buffer;
  /** Takes as many of the first ones out as have room in so many bytes, but at least one. */
  take(most: number): { readonly bytes: Buffer; readonly lines: number };
  /** Forgets all but the first `count` lines. */
  keep(count: number): void;
}

const ROOM_BYTES = 256 * 1024;
/** UTF-8 takes at most so many bytes for each of a string's units. */
const MOST_PER_UNIT = 3;
const LINE_BREAK = 0x0a;

export function pendingLines(): PendingLines {
  let room = Buffer.allocUnsafe(ROOM_BYTES);
  let used = 0;
  let sizes: number[] = [];

  function makeRoom(more: number): void {
    if (used + more <= room.length) return;
    const larger = Buffer.allocUnsafe(Math.max(2 * room.length, used + more));
    room.copy(larger, 0, 0, used);
    room = larger;
  }

  function emptied(): void {
    used = 0;
    sizes = [];
    // What a slow disk made it take is given back.
    if (room.length > ROOM_BYTES) room = Buffer.allocUnsafe(ROOM_BYTES);
  }

  return {
    get count() {
      return sizes.length;
    },
    get bytes() {
      return used;
    },
    get first() {
      return sizes[0] ?? 0;
    },
    add(line) {
      makeRoom(line.length * MOST_PER_UNIT + 1);
      const size = room.write(line, used) + 1;
      room[used + size - 1] = LINE_BREAK;
      used += size;
      sizes.push(size);
      return size;
    },
    all: () => room.subarray(0, used),
    take(most) {
      let [lines, end] = [0, 0];
      while (lines < sizes.length && (lines === 0 || end + sizes[lines]! <= most)) end += sizes[lines++]!;
      const bytes = Buffer.from(room.subarray(0, end));
      if (lines === sizes.length) emptied();
      else {
        sizes.splice(0, lines);
        room.copy(room, 0, end, used);
        used -= end;
      }
      return { bytes, lines };
    },
    keep(count) {
      if (count === 0) return emptied();
      for (const size of sizes.splice(count)) used -= size;
    },
  };
}
