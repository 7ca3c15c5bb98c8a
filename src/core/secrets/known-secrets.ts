import { hideInJson, type MarkOf } from "./hide-json.ts";
import { COVERING, createNeedles, merged, type Needles, type Span } from "./needles.ts";
import { rareSpellingsOf, spellingsOf } from "./spellings.ts";
import { DIGITS, type Unescaped, unescaped } from "./unescaped.ts";

/** What stands in the place of a secret that is known. */
export const SECRET_MARK = "[secret]";

/** Removes texts that are known to be secret, however they are spelled. Learns more of them while it works. */
export interface KnownSecrets {
  /** Whether there is anything to hide. */
  readonly isEmpty: boolean;
  /** Changes whenever something is learned: what was found clean before need not be any more. */
  readonly learned: number;
  /** Hides these from now on; values of less than six characters are not taken. They stay until many newer ones came. */
  learn(values: Iterable<string>): void;
  /** The same for what comes and goes, such as the name of a session: it may be forgotten after hundreds of others. */
  learnName(value: string): void;
  /** JSON text without them, still well-formed where it was; the same object where there are none. */
  hideInJson(json: Buffer): Buffer;
  /** Any text without them. */
  hide(text: string): string;
}

const MOST_VALUES = 2_000;
const MOST_NAMES = 500;
const SHORTEST = 6;
const PIECE = 16;
/** Half of a word is in many texts, half of its Base64 in none. */
const LEAST_OF_TEXT = 8;
const LEAST_OF_CODE = 6;

export function createKnownSecrets(): KnownSecrets {
  const values = createGenerations(MOST_VALUES, value => [...spellingsOf(value), ...rareSpellingsOf(value)]);
  // They come and go with every conversation.
  const names = createGenerations(MOST_NAMES, spellingsOf);
  let isEmpty = true;
  let learned = 0;

  const mayHold = (text: Buffer, isJson: boolean): boolean => {
    // In JSON a backslash that says something in another language is escaped itself.
    const hasEscapes = text.includes(BACKSLASH) && (!isJson || text.includes(BACKSLASHES));
    if (hasEscapes && ESCAPES.some(spelled => text.includes(spelled))) return true;
    for (const finders of values.all) if (finders.mayHold(text)) return true;
    for (const finders of names.all) if (finders.mayHold(text)) return true;
    return false;
  };

  const hide = (text: string, markOf: MarkOf = () => SECRET_MARK): string => {
    if (isEmpty || text.length < SHORTEST) return text;
    const bytes = Buffer.from(text);
    if (!mayHold(bytes, false)) return text;
    const clear = unescaped(bytes);
    const spans = merged([...values.all, ...names.all].flatMap(finders => finders.spans(clear)));
    if (spans.length === 0) return text;
    let out = "";
    let from = 0;
    for (const { start, end } of spans) {
      out += bytes.toString("utf8", from, start) + markOf(start, end);
      from = end;
    }
    return out + bytes.toString("utf8", from);
  };

  const add = (value: string, to: Generations): void => {
    if (value.length < SHORTEST || value.length > MAX_LENGTH) return;
    isEmpty = false;
    if (to.add(value)) learned++;
  };

  return {
    get isEmpty() {
      return isEmpty;
    },
    get learned() {
      return learned;
    },
    learn(all) {
      for (const value of all) add(value, values);
    },
    learnName: value => add(value, names),
    hideInJson: json => (!isEmpty && mayHold(json, true) ? hideInJson(json, hide) : json),
    hide: text => hide(text),
  };
}

/** The newest of many, and those before them: forgetting takes no time. */
interface Generations {
  readonly all: readonly Finders[];
  /** Tells whether it was not among the newest. */
  add(value: string): boolean;
}

/** `most` of each of two generations. What is learned again is as new. */
function createGenerations(most: number, spell: (value: string) => readonly string[]): Generations {
  let young = new Set<string>();
  let all: readonly Finders[] = [];
  return {
    get all() {
      return all;
    },
    add(value) {
      if (young.has(value)) return false;
      if (all.length === 0 || young.size >= most) {
        young = new Set();
        all = [createFinders(spell), ...all.slice(0, 1)];
      }
      young.add(value);
      all[0]?.add(value);
      return true;
    },
  };
}

/** Longer than any credential. */
const MAX_LENGTH = 16 * 1024;

interface Finders {
  add(value: string): void;
  /** Whether a text must be looked at closely: fast, and wrong at times, in one direction. */
  mayHold(text: Buffer): boolean;
  /** Where they are in the original. */
  spans(clear: Unescaped): Span[];
}

function createFinders(spell: (value: string) => readonly string[]): Finders {
  /** What betrays a secret in text as it comes: each in pieces, so that a line break in the middle hides one half only. */
  const pieces: Needles = createNeedles();
  /** What is taken away in text without escapes. */
  const whole: Needles = createNeedles();
  /** Bytes of which some secret consists: an escape of another one hides nothing. */
  const alphabet = new Uint8Array(256);

  return {
    add(value) {
      for (const spelling of spell(value)) {
        const bytes = unescaped(Buffer.from(spelling)).bytes;
        for (const byte of bytes) alphabet[byte] = 1;
        whole.add(bytes);
        const least = spelling.toLowerCase() === value.toLowerCase() ? LEAST_OF_TEXT : LEAST_OF_CODE;
        for (const text of asEscaped(spelling))
          for (const piece of piecesOf(Buffer.from(text), least)) pieces.add(piece);
      }
    },
    mayHold: text => pieces.has(text) || hidesInEscapes(text, alphabet),
    spans(clear) {
      const { starts, ends } = clear;
      return whole
        .spans(clear.bytes)
        .filter(span => span.end - span.start >= COVERING || standsAlone(clear, span))
        .map(({ start, end }) => ({ start: starts[start] as number, end: ends[end - 1] as number }));
    },
  };
}

/**
 * What is shorter than {@link COVERING} counts only between characters that are no letters or digits: it may be part of a
 * word. What was taken away between two characters, such as a line break, parts them.
 */
function standsAlone({ bytes, starts, ends }: Unescaped, { start, end }: Span): boolean {
  const isApart = (at: number): boolean => ends[at - 1] !== starts[at];
  return (!isWord(bytes[start - 1]) || isApart(start)) && (!isWord(bytes[end]) || isApart(end));
}

const isWord = (byte: number | undefined): boolean =>
  byte !== undefined && /[0-9A-Za-z]/.test(String.fromCharCode(byte));

/** As it stands in text, in a string of JSON by the usual serialisers, and in JSON in a string of JSON. */
function asEscaped(text: string): Iterable<string> {
  if (UNESCAPED.test(text)) return [text];
  if (/^[\w.~=+-]*$/.test(text)) return [text];
  const once = JSON.stringify(text).slice(1, -1);
  const slashed = once.replaceAll("/", "\\/");
  const ascii = once.replace(/[^\0-\x7e]/g, char => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
  // However deep it is nested, what has no escapes stays together.
  const [run = ""] = text
    .split(/[^\x20\x21\x23-\x25\x28-\x2e\x30-\x3b\x3d\x3f-\x5b\x5d-\x7e]/)
    .sort((a, b) => b.length - a.length);
  const twice = [once, slashed, ascii].map(each => JSON.stringify(each).slice(1, -1));
  return new Set([text, once, slashed, ascii, ...twice, run]);
}

/** What no serialiser escapes. */
const UNESCAPED = /^[\w+=: .-]*$/;

/** Pieces of which a line break leaves one whole; of what is long, several do. */
function piecesOf(text: Buffer, least: number): Buffer[] {
  if (text.length < 2 * PIECE) {
    const half = Math.ceil((text.length + 1) / 2);
    return half < least ? [text] : [text.subarray(0, half), text.subarray(text.length - half)];
  }
  const count = Math.floor(text.length / PIECE);
  const size = Math.ceil(text.length / count);
  return Array.from({ length: count }, (_, at) => text.subarray(at * size, (at + 1) * size)).filter(
    piece => piece.length >= PIECE / 2,
  );
}

/** Whether a character is escaped that serialisers leave alone, and that a secret holds: only then can it hide there. */
function hidesInEscapes(text: Buffer, alphabet: Uint8Array): boolean {
  for (let at = text.includes(BACKSLASH) ? text.indexOf(UNIT) : -1; at >= 0; at = text.indexOf(UNIT, at + 6)) {
    if (alphabet[hexAt(text, at + 4)]) return true;
  }
  for (let at = text.indexOf(0x25); at >= 0; at = text.indexOf(0x25, at + 1)) {
    const byte = hexAt(text, at + 1);
    if (byte === 0x25 || (byte > 0x20 && alphabet[byte])) return true;
  }
  return text.includes(AMPERSAND) && text.includes(REFERENCE);
}

const [BACKSLASH, AMPERSAND] = [0x5c, 0x26];
const UNIT = Buffer.from("\\u00");
const REFERENCE = Buffer.from("&#");
const BACKSLASHES = Buffer.from("\\\\");
/** Bytes and code points of programming languages, bytes in octal. */
const ESCAPES = ["\\x", "\\u{", "\\0", "\\1", "\\3"].map(text => Buffer.from(text));

/** The byte of two hexadecimal digits; 0 where they are none. */
function hexAt(text: Buffer, at: number): number {
  const [high, low] = [DIGITS[text[at] ?? 0] as number, DIGITS[text[at + 1] ?? 0] as number];
  return high < 0 || low < 0 ? 0 : (high << 4) | low;
}
