import type { Hints } from "./hints.ts";

/** A string of JSON, as far as it was looked at. */
export interface Token {
  readonly start: number;
  readonly end: number;
  readonly closed: boolean;
  readonly escaped: boolean;
  /** Whether something in it may have to be replaced. */
  readonly hinted: boolean;
}

/** Longest run of letters, digits and their like that no word is. */
export const LONG_RUN = 20;
const SIMPLE_ESCAPES: ReadonlySet<number> = new Set(Buffer.from('"\\/bfnrt'));
/** 1 for what keys consist of. */
export const IN_RUN = Uint8Array.from({ length: 256 }, (_, byte) =>
  /[\w+/=.~-]/.test(String.fromCharCode(byte)) ? 1 : 0,
);

/** Reads JSON text, one token after the other. Every reader returns false where the text is not what it must be. */
export class JsonReader {
  readonly json: Buffer;
  readonly #hints: Hints;
  at = 0;
  /** Whether there was a line break between tokens. */
  lineBreak = false;

  constructor(json: Buffer, hints: Hints) {
    this.json = json;
    this.#hints = hints;
  }

  get byte(): number | undefined {
    return this.json[this.at];
  }

  get isOver(): boolean {
    return this.at >= this.json.length;
  }

  /** Always true, for chains of conditions. */
  space(): true {
    for (;;) {
      const byte = this.json[this.at];
      if (byte === 0x0a || byte === 0x0d) this.lineBreak = true;
      else if (byte !== 0x20 && byte !== 0x09) return true;
      this.at++;
    }
  }

  take(byte: number): boolean {
    if (this.json[this.at] !== byte) return false;
    this.at++;
    return true;
  }

  string(): Token {
    const { json } = this;
    const { next, found } = this.#hints;
    const start = this.at;
    let state = 0;
    let escaped = false;
    let run = 0;
    let longest = 0;
    let at = start + 1;
    for (; at < json.length; at++) {
      const byte = json[at] as number;
      if (byte === 0x22) break;
      run = (run + 1) * (IN_RUN[byte] as number);
      if (run > longest) longest = run;
      if (byte === 0x5c) {
        escaped = true;
        at++;
        if (state !== found) state = SIMPLE_ESCAPES.has(json[at] ?? 0) ? 0 : found;
      } else state = next[state | byte] as number;
    }
    const closed = at < json.length;
    this.at = Math.min(at + 1, json.length);
    return { start, end: this.at, closed, escaped, hinted: state === found || longest >= LONG_RUN };
  }

  decode({ start, end, closed, escaped }: Token): string {
    const raw = this.json.toString("utf8", start + 1, closed ? end - 1 : end);
    if (!escaped) return raw;
    try {
      return JSON.parse(`"${raw}"`) as string;
    } catch {
      // A bare control character or a bad escape: the text as it is spelled is the best reading there is.
      return raw;
    }
  }

  number(): boolean {
    this.take(0x2d);
    return (this.take(0x30) || this.#digits()) && this.#fraction() && this.#exponent();
  }

  literal(): boolean {
    const byte = this.byte;
    for (const expected of byte === 0x74 ? "true" : byte === 0x66 ? "false" : "null") {
      if (!this.take(expected.charCodeAt(0))) return false;
    }
    return true;
  }

  #fraction(): boolean {
    return !this.take(0x2e) || this.#digits();
  }

  #exponent(): boolean {
    if (!this.take(0x65) && !this.take(0x45)) return true;
    if (!this.take(0x2b)) this.take(0x2d);
    return this.#digits();
  }

  #digits(): boolean {
    const start = this.at;
    while (isDigit(this.json[this.at])) this.at++;
    return this.at > start;
  }
}

export const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x30 && byte <= 0x39;

/** A JSON string as a member of a line: nothing in it ends the line for any reader. */
export const quote = (text: string): string =>
  JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    char => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
