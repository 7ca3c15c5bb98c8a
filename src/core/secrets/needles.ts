/** Where something lies in bytes. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * Many byte strings that are looked for at once, in one pass that takes a word of four bytes at a time: whatever is at least
 * six bytes long covers the first three bytes of one word, and a table of bytes tells whether those can belong to any (Wu and
 * Manber, 1994).
 */
export interface Needles {
  /** Takes one more, of at least {@link SHORTEST} bytes. */
  add(needle: Buffer): void;
  has(text: Buffer): boolean;
  /** Where they are, in no order; of several that begin at one place, none within one of {@link COVERING} bytes or more. */
  spans(text: Buffer): Span[];
}

export const SHORTEST = 6;
export const COVERING = 8;
const WORD = 4;
/** Needles that are shorter need not cover all of a word. */
const COVERS_WORD = 2 * WORD - 1;

export function createNeedles(): Needles {
  const known = new Set<string>();
  const grams = createGrams();

  /** Ends where `take` says that it is enough, and tells so. */
  const search = (text: Buffer, take: Take): boolean => {
    const first = -text.byteOffset & (WORD - 1);
    const count = Math.max(0, (text.length - first) >> 2);
    const words = new Int32Array(text.buffer, text.byteOffset + (count > 0 ? first : -text.byteOffset), count);
    for (let at = grams.next(words, 0); at < count; at = grams.next(words, at + 1)) {
      if (grams.offer(text, words[at]! & THREE_BYTES, first + at * WORD, take)) return true;
    }
    const end = first + count * WORD;
    return text.length - end === 3 && grams.offer(text, gramAt(text, end), end, take);
  };

  return {
    add(needle) {
      const key = needle.toString("latin1");
      if (needle.length < SHORTEST || known.has(key)) return;
      known.add(key);
      for (let offset = 0; offset < WORD; offset++) grams.add({ needle, offset });
    },
    has: text => search(text, () => true),
    spans(text) {
      const found: Span[] = [];
      search(text, (start, end) => {
        found.push({ start, end });
        return false;
      });
      return found;
    },
  };
}

interface Place {
  readonly needle: Buffer;
  readonly offset: number;
}
/** Needles in which a gram stands at the same offset. Whoever chooses them can make many alike: no text is compared with each. */
interface Group {
  readonly offset: number;
  readonly entries: Entry[];
  isSorted: boolean;
}
interface Entry {
  readonly needle: Buffer;
  /** The longest other one that it begins with. */
  beginning: Entry | undefined;
}
type Take = (start: number, end: number) => boolean;

/** Three bytes that stand in needles, and filters that most others do not pass. */
interface Grams {
  add(place: Place): void;
  /** The first word from `from` on that may belong to a needle; their number where there is none. */
  next(words: Int32Array, from: number): number;
  /** Offers what is there of which this gram is part; says whether `take` says that it is enough. */
  offer(text: Buffer, gram: number, at: number, take: Take): boolean;
}

const FIRST_BITS = 16;
const MOST_BITS = 20;
/** Places of a filter for each gram. */
const SPARE = 8;
/** What a filter has of a gram: it is all that is known of a short needle, or the word that it begins says more. */
const [FULL, PART] = [1, 2];

function createGrams(): Grams {
  const groups = new Map<number, Group[]>();
  let bits = FIRST_BITS;
  /** By the first three bytes of a word, and by all four. */
  let filter = new Uint8Array(2 ** bits);
  let second = new Uint8Array(2 ** bits);

  const mark = ({ needle, offset }: Place): void => {
    const at = Math.imul(gramAt(needle, offset), MIX) >>> (32 - bits);
    filter[at] = filter[at]! | (needle.length < COVERS_WORD ? PART : FULL);
    if (needle.length >= COVERS_WORD) second[Math.imul(wordAt(needle, offset), MIX) >>> (32 - bits)] = 1;
  };

  return {
    add(place) {
      const { needle, offset } = place;
      const gram = gramAt(needle, offset);
      const here = groups.get(gram) ?? [];
      groups.set(gram, here);
      const entry: Entry = { needle, beginning: undefined };
      const group = here.find(one => one.offset === offset);
      if (!group) here.push({ offset, entries: [entry], isSorted: true });
      else {
        group.entries.push(entry);
        group.isSorted = false;
      }
      mark(place);
      if (groups.size * SPARE <= filter.length || bits >= MOST_BITS) return;
      bits += 2;
      filter = new Uint8Array(2 ** bits);
      second = new Uint8Array(2 ** bits);
      for (const all of groups.values())
        for (const { offset, entries } of all) for (const { needle } of entries) mark({ needle, offset });
    },
    next(words, from) {
      const shift = 32 - bits;
      const table = filter;
      const { length } = words;
      let at = from;
      for (; at < length; at++) {
        while (
          at + 3 < length &&
          (table[Math.imul(words[at]! & THREE_BYTES, MIX) >>> shift]! |
            table[Math.imul(words[at + 1]! & THREE_BYTES, MIX) >>> shift]! |
            table[Math.imul(words[at + 2]! & THREE_BYTES, MIX) >>> shift]! |
            table[Math.imul(words[at + 3]! & THREE_BYTES, MIX) >>> shift]!) ===
            0
        )
          at += 4;
        if (at >= length) break;
        const found = table[Math.imul(words[at]! & THREE_BYTES, MIX) >>> shift]!;
        if (found >= PART || (found === FULL && second[Math.imul(words[at]!, MIX) >>> shift] === 1)) break;
      }
      return at;
    },
    offer(text, gram, at, take) {
      for (const group of groups.get(gram) ?? NOWHERE) {
        const start = at - group.offset;
        if (start < 0) continue;
        let entry = lastUpTo(sorted(group), text, start);
        const shared = entry ? sharedLength(entry.needle, text, start) : 0;
        for (; entry; entry = entry.beginning) {
          const { length } = entry.needle;
          if (length > shared) continue;
          if (take(start, start + length)) return true;
          if (length >= COVERING) break;
        }
      }
      return false;
    },
  };
}

function sorted(group: Group): readonly Entry[] {
  const { entries } = group;
  if (group.isSorted) return entries;
  entries.sort((one, other) => one.needle.compare(other.needle));
  let before: Entry | undefined;
  for (const entry of entries) {
    while (before && sharedLength(before.needle, entry.needle, 0) < before.needle.length) before = before.beginning;
    entry.beginning = before;
    before = entry;
  }
  group.isSorted = true;
  return entries;
}

/** The last in order that does not come behind what begins at a place: whatever stands there is it, or it begins with that. */
function lastUpTo(entries: readonly Entry[], text: Buffer, start: number): Entry | undefined {
  let [low, high] = [0, entries.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const { needle } = entries[middle]!;
    if (needle.compare(text, start, Math.min(start + needle.length, text.length)) <= 0) low = middle + 1;
    else high = middle;
  }
  return entries[low - 1];
}

/** How many bytes of a needle stand at a place. */
function sharedLength(needle: Buffer, text: Buffer, start: number): number {
  let at = 0;
  while (at < needle.length && needle[at] === text[start + at]) at++;
  return at;
}

const NOWHERE: readonly Group[] = [];
/** Odd, and without a pattern in its bits: neighbouring grams come apart. */
const MIX = 0x9e3779b1;

/** Reads bytes as the machine does. */
const scratch = new Uint8Array(WORD);
const scratchWord = new Int32Array(scratch.buffer);
scratch.set([0xff, 0xff, 0xff]);
const THREE_BYTES = scratchWord[0]!;

function wordAt(text: Buffer, at: number): number {
  for (let index = 0; index < WORD; index++) scratch[index] = text[at + index]!;
  return scratchWord[0]!;
}
const gramAt = (text: Buffer, at: number): number => wordAt(text, at) & THREE_BYTES;

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
