import { BACKSLASH, ESCAPED, isHex, PLAIN, QUOTE } from "./json-tokens.ts";

/** So many bytes are looked at one by one before a native search is worth its call. */
export const NEAR_BYTES = 48;

/**
 * Finds where strings end that are long or have escapes, and sees every byte of them on the way. In a long stretch the next quote and the next
 * backslash are searched for natively, and what lies before them is looked at for control characters word by word.
 */
export class StringEnds {
  readonly #text: Buffer;
  /** The buffer in words of four bytes, made for the first long string. */
  #words: Int32Array | undefined;
  /** The first quote and backslash at or after a place that was asked for: each is searched for once. */
  #nextQuote = -1;
  #nextBackslash = -1;

  constructor(text: Buffer) {
    this.#text = text;
  }

  /**
   * The place of the quote that closes a string, everything of which before `from` is known to be plain. Where the string
   * is not well-formed, the answer is the complement (`~`) of the place where it goes wrong.
   */
  from(from: number): number {
    const text = this.#text;
    const length = text.length;
    let at = from;
    let near = at;
    for (;;) {
      const unrolled = near - 3;
      while (
        at < unrolled &&
        (PLAIN[text[at]!]! & PLAIN[text[at + 1]!]! & PLAIN[text[at + 2]!]! & PLAIN[text[at + 3]!]!) === 1
      )
        at += 4;
      while (at < near && PLAIN[text[at]!] === 1) at++;
      if (at === near && at < length) {
        const stop = Math.min(this.#quoteFrom(at), this.#backslashFrom(at));
        const control = this.#controlIn(at, stop);
        if (control < stop) return ~control;
        at = stop;
      }
      const byte = text[at];
      if (byte === QUOTE) return at;
      if (byte !== BACKSLASH) return ~at;
      if (ESCAPED[text[at + 1]!] === 1) at += 2;
      else if (isUnicodeEscape(text, at)) at += 6;
      else return ~at;
      near = Math.min(at + NEAR_BYTES, length);
    }
  }

  #quoteFrom(at: number): number {
    if (this.#nextQuote < at) this.#nextQuote = find(this.#text, QUOTE, at);
    return this.#nextQuote;
  }

  #backslashFrom(at: number): number {
    if (this.#nextBackslash < at) this.#nextBackslash = find(this.#text, BACKSLASH, at);
    return this.#nextBackslash;
  }

  /** The first byte below 0x20 from `at` on and before `end`; `end` where there is none. */
  #controlIn(from: number, end: number): number {
    const text = this.#text;
    const base = text.byteOffset;
    let at = from;
    while (at < end && ((at + base) & 3) !== 0) {
      if (text[at]! < 0x20) return at;
      at++;
    }
    this.#words ??= new Int32Array(text.buffer, 0, text.buffer.byteLength >> 2);
    const words = this.#words;
    let word = (at + base) >> 2;
    const stop = ((end + base) >> 2) - 7;
    while (word < stop) {
      const a = words[word]!;
      const b = words[word + 1]!;
      const c = words[word + 2]!;
      const d = words[word + 3]!;
      const e = words[word + 4]!;
      const f = words[word + 5]!;
      const g = words[word + 6]!;
      const h = words[word + 7]!;
      // The topmost bit of a byte is set here where it was not before only if the byte was below 0x20.
      const low =
        ((a - 0x20202020) & ~a) |
        ((b - 0x20202020) & ~b) |
        ((c - 0x20202020) & ~c) |
        ((d - 0x20202020) & ~d) |
        (((e - 0x20202020) & ~e) | ((f - 0x20202020) & ~f) | ((g - 0x20202020) & ~g) | ((h - 0x20202020) & ~h));
      if ((low & 0x80808080) !== 0) break;
      word += 8;
    }
    at = Math.max(at, word * 4 - base);
    while (at < end && text[at]! >= 0x20) at++;
    return at;
  }
}

function find(text: Buffer, byte: number, from: number): number {
  const at = text.indexOf(byte, from);
  return at < 0 ? text.length : at;
}

function isUnicodeEscape(text: Buffer, at: number): boolean {
  if (text[at + 1] !== 0x75) return false;
  return isHex(text[at + 2]) && isHex(text[at + 3]) && isHex(text[at + 4]) && isHex(text[at + 5]);
}
