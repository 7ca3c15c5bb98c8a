/** Where something lies in bytes. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * Many byte strings that are looked for at once, in one pass that touches a few bytes of the text only: whatever is at
 * least `n` bytes long covers one of the places that lie `n - 3` apart, so four bytes at each of those places tell whether
 * it can be there (Wu and Manber, 1994).
 */
export interface Needles {
  /** Takes one more, of at least {@link SHORTEST} bytes. */
  add(needle: Buffer): void;
  has(text: Buffer): boolean;
  /** Where they are, in no order. */
  spans(text: Buffer): Span[];
}

export const SHORTEST = 6;
/** Needles of one class are at least so long; longer ones make longer strides. */
const CLASSES = [14, 8, SHORTEST] as const;
const GRAM = 4;
const FIRST_BITS = 16;
/** Bits of the filter for each gram: so few of the grams of other texts pass it. */
const SPARE = 16;

export function createNeedles(): Needles {
  const classes = new Map<number, Grams>();
  const known = new Set<string>();
  return {
    add(needle) {
      const key = needle.toString("latin1");
      const length = CLASSES.find(least => needle.length >= least);
      if (length === undefined || known.has(key)) return;
      known.add(key);
      const grams = classes.get(length) ?? createGrams(length);
      classes.set(length, grams);
      grams.add(needle);
    },
    has(text) {
      for (const grams of classes.values()) if (grams.search(text, () => true)) return true;
      return false;
    },
    spans(text) {
      const found: Span[] = [];
      const take = (start: number, end: number): false => {
        found.push({ start, end });
        return false;
      };
      for (const grams of classes.values()) grams.search(text, take);
      return found;
    },
  };
}

interface Place {
  readonly needle: Buffer;
  readonly offset: number;
}

interface Grams {
  add(needle: Buffer): void;
  /** Ends where `take` says that it is enough, and tells so. */
  search(text: Buffer, take: (start: number, end: number) => boolean): boolean;
}

function createGrams(least: number): Grams {
  const stride = least - GRAM + 1;
  const places = new Map<number, Place[]>();
  let bits = FIRST_BITS;
  let filter = new Uint32Array(2 ** (bits - 5));

  const mark = (gram: number): void => {
    const hash = Math.imul(gram, MIX) >>> (32 - bits);
    filter[hash >>> 5] = (filter[hash >>> 5] as number) | (1 << (hash & 31));
  };

  return {
    add(needle) {
      for (let offset = 0; offset < stride; offset++) {
        const gram = needle.readInt32LE(offset);
        const before = places.get(gram);
        if (before) before.push({ needle, offset });
        else places.set(gram, [{ needle, offset }]);
        mark(gram);
      }
      if (places.size * SPARE <= 2 ** bits || bits >= 24) return;
      bits += 2;
      filter = new Uint32Array(2 ** (bits - 5));
      for (const gram of places.keys()) mark(gram);
    },
    search(text, take) {
      const shift = 32 - bits;
      const view = new DataView(text.buffer, text.byteOffset, text.length);
      const last = text.length - GRAM;
      for (let at = 0; at <= last; at += stride) {
        const gram = view.getInt32(at, true);
        const hash = Math.imul(gram, MIX) >>> shift;
        if (((filter[hash >>> 5] as number) & (1 << (hash & 31))) === 0) continue;
        for (const { needle, offset } of places.get(gram) ?? NOWHERE) {
          const start = at - offset;
          const end = start + needle.length;
          if (start < 0 || end > text.length || needle.compare(text, start, end) !== 0) continue;
          if (take(start, end)) return true;
        }
      }
      return false;
    },
  };
}

const NOWHERE: readonly Place[] = [];
/** Odd, and without a pattern in its bits: neighbouring grams come apart. */
const MIX = 0x9e3779b1;

/** In order, and what overlaps is one. */
export function merged(spans: readonly Span[]): Span[] {
  const out: Span[] = [];
  for (const span of [...spans].sort((a, b) => a.start - b.start || b.end - a.end)) {
    const last = out.at(-1);
    if (last && span.start < last.end) out[out.length - 1] = { start: last.start, end: Math.max(last.end, span.end) };
    else out.push(span);
  }
  return out;
}
