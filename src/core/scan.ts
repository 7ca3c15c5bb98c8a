import { isUtf8 } from "node:buffer";
import {
  BACKSLASH,
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  COLON,
  COMMA,
  decodeString,
  FALSE,
  isDigit,
  isHex,
  isReference,
  NULL,
  OPEN_ARRAY,
  OPEN_OBJECT,
  PLAIN,
  QUOTE,
  SIMPLE_ESCAPES,
  TRUE,
} from "./json-tokens.ts";
import { knownKey } from "./known-keys.ts";
import { CONTAINER_COUNTS, ScanError, type ScanLimits } from "./scan-limits.ts";

/**
 * One strict pass over JSON text. It proves that the text is well-formed, not too deep and free of duplicate keys where
 * we route, and notes where the members of the envelope, of `params` / `result` / `error` and of `_meta` lie, so that
 * everything else can stay raw bytes.
 */

/** Where a member's value lies in the text, and its own members when it was worth descending. */
export interface Member {
  readonly keyStart: number;
  readonly start: number;
  readonly end: number;
  readonly members: Members | undefined;
  /** Whether a word stands in it with which something refers to a resource. */
  readonly refers: boolean;
}
export type Members = ReadonlyMap<string, Member>;

/** Members that are descended into: what routing and the protocol's own fields need. */
const DESCEND = new Set(["params", "result", "error", "_meta"]);
/** From here on a string is long enough that a native search beats a loop. */
const LONG_STRING = 48;

/** Scans one JSON object (surrounded by nothing but white space). Throws {@link ScanError}. */
export function scanObject(text: Buffer, limits: ScanLimits): Member {
  if (!isUtf8(text)) throw new ScanError("syntax", "text is not valid UTF-8");
  const scanner = new Scanner(text, limits);
  return scanner.document();
}

/** The first objects in a JSON array, each with its own text. Elements that are no objects are passed over. */
export function scanElements(text: Buffer, limits: ScanLimits, most: number): { text: Buffer; span: Member }[] {
  return new Scanner(text, limits).elements(most);
}

/**
 * The elements of a JSON array, surrounded by nothing but white space: the text of each object, `undefined` for anything
 * else. Reads no further than the element after `most`.
 */
export function scanArray(text: Buffer, limits: ScanLimits, most: number): (Buffer | undefined)[] {
  return new Scanner(text, limits).array(most);
}

class Scanner {
  readonly #text: Buffer;
  readonly #limits: ScanLimits;
  #at = 0;
  #depth = 0;
  #keys = 0;
  #references = 0;
  #elements = 0;

  constructor(text: Buffer, limits: ScanLimits) {
    this.#text = text;
    this.#limits = limits;
  }

  document(): Member {
    this.#space();
    if (this.#text[this.#at] !== OPEN_OBJECT) this.#fail("expected an object");
    const start = this.#at;
    const members = this.#object(this.#limits.levels);
    const end = this.#at;
    this.#space();
    if (this.#at !== this.#text.length) this.#fail("unexpected text after the object");
    return { keyStart: start, start, end, members, refers: this.#references > 0 };
  }

  elements(most: number): { text: Buffer; span: Member }[] {
    const elements: { text: Buffer; span: Member }[] = [];
    this.#array(start => {
      if (elements.length === most) return;
      const text = this.#text.subarray(start, this.#at);
      if (text[0] === OPEN_OBJECT) elements.push({ text, span: scanObject(text, this.#limits) });
    });
    return elements;
  }

  array(most: number): (Buffer | undefined)[] {
    const elements: (Buffer | undefined)[] = [];
    this.#space();
    if (this.#text[this.#at] !== OPEN_ARRAY) this.#fail("expected an array");
    this.#array(start => {
      if (elements.length === most) this.#fail(`more than ${most} elements`, "too_many");
      elements.push(this.#text[start] === OPEN_OBJECT ? this.#text.subarray(start, this.#at) : undefined);
    });
    this.#space();
    if (this.#at !== this.#text.length) this.#fail("unexpected text after the array");
    return elements;
  }

  #fail(what: string, reason: ScanError["reason"] = "syntax"): never {
    throw new ScanError(reason, `${what} at byte ${this.#at}`);
  }

  #space(): void {
    const text = this.#text;
    let at = this.#at;
    for (;;) {
      const byte = text[at];
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) break;
      at++;
    }
    this.#at = at;
  }

  #enter(): void {
    if (++this.#depth > this.#limits.maxDepth) this.#fail(`nested deeper than ${this.#limits.maxDepth}`, "too_deep");
    this.#at++;
    this.#space();
  }

  #value(levels: number): Members | undefined {
    const byte = this.#text[this.#at];
    if (byte === QUOTE) this.#string(this.#limits.strings);
    else if (byte === OPEN_OBJECT) return this.#object(levels);
    else if (byte === OPEN_ARRAY) this.#array();
    else this.#scalar(byte);
    return undefined;
  }

  #object(levels: number): Members | undefined {
    const text = this.#text;
    const members = levels > 0 ? new Map<string, Member>() : undefined;
    this.#enter();
    if (text[this.#at] !== CLOSE_OBJECT) {
      for (;;) {
        const keyStart = this.#at;
        if (text[keyStart] !== QUOTE) this.#fail("expected a key");
        this.#string("checked");
        const keyEnd = this.#at;
        if (++this.#keys > this.#limits.maxKeys) this.#fail(`more than ${this.#limits.maxKeys} keys`, "too_many");
        this.#space();
        if (text[this.#at] !== COLON) this.#fail("expected ':'");
        this.#at++;
        this.#space();
        if (members) this.#member(members, { keyStart, keyEnd, levels });
        else this.#value(0);
        this.#space();
        const byte = text[this.#at];
        if (byte === CLOSE_OBJECT) break;
        if (byte !== COMMA) this.#fail("expected ',' or '}'");
        this.#at++;
        this.#space();
      }
    }
    this.#at++;
    this.#depth--;
    return members;
  }

  #member(members: Map<string, Member>, at: { keyStart: number; keyEnd: number; levels: number }): void {
    const key = knownKey(this.#text, at.keyStart, at.keyEnd) ?? decodeString(this.#text, at.keyStart, at.keyEnd);
    if (this.#limits.duplicates === "refused" && members.has(key))
      throw new ScanError("duplicate_key", `duplicate key at byte ${at.keyStart}`);
    if (members.size === this.#limits.maxNoted)
      this.#fail(`an object has more than ${members.size} members`, "too_many");
    const start = this.#at;
    const before = this.#references;
    const inner = this.#value(DESCEND.has(key) ? at.levels - 1 : 0);
    const refers = this.#references > before;
    members.set(key, { keyStart: at.keyStart, start, end: this.#at, members: inner, refers });
  }

  #array(element?: (start: number) => void): void {
    const text = this.#text;
    this.#enter();
    if (text[this.#at] !== CLOSE_ARRAY) {
      for (;;) {
        const start = this.#at;
        const first = text[start];
        this.#elements += first === OPEN_OBJECT || first === OPEN_ARRAY ? CONTAINER_COUNTS : 1;
        if (this.#elements > this.#limits.maxElements) this.#fail("too many elements of arrays", "too_many");
        this.#value(0);
        element?.(start);
        this.#space();
        const byte = text[this.#at];
        if (byte === CLOSE_ARRAY) break;
        if (byte !== COMMA) this.#fail("expected ',' or ']'");
        this.#at++;
        this.#space();
      }
    }
    this.#at++;
    this.#depth--;
  }

  #string(strings: ScanLimits["strings"]): void {
    const text = this.#text;
    const end = text.length;
    const checkedEnd = strings === "skipped" ? Math.min(end, this.#at + LONG_STRING) : end;
    const unrolledEnd = checkedEnd - 3;
    let at = this.#at + 1;
    for (;;) {
      while (
        at < unrolledEnd &&
        (PLAIN[text[at]!]! & PLAIN[text[at + 1]!]! & PLAIN[text[at + 2]!]! & PLAIN[text[at + 3]!]!) === 1
      )
        at += 4;
      while (at < checkedEnd && PLAIN[text[at]!] === 1) at++;
      if (at >= checkedEnd && checkedEnd < end) {
        at = this.#closingQuote(at);
        break;
      }
      const byte = text[at];
      if (byte === QUOTE) break;
      this.#at = at;
      if (byte !== BACKSLASH) this.#fail("unexpected end or control character in a string");
      at = this.#escape(at);
    }
    if (isReference(text, this.#at, at)) this.#references++;
    this.#at = at + 1;
  }

  /** A quote ends the string unless an odd number of backslashes stands before it. */
  #closingQuote(from: number): number {
    const text = this.#text;
    let at = from;
    for (;;) {
      at = text.indexOf(QUOTE, at);
      if (at < 0) this.#fail("unterminated string");
      let slashes = 0;
      while (at - 1 - slashes >= from && text[at - 1 - slashes] === BACKSLASH) slashes++;
      if (slashes % 2 === 0) return at;
      at++;
    }
  }

  #escape(at: number): number {
    const byte = this.#text[at + 1];
    if (byte === 0x75) {
      for (let digit = at + 2; digit < at + 6; digit++) if (!isHex(this.#text[digit])) this.#fail("bad \\u escape");
      return at + 6;
    }
    if (byte === undefined || !SIMPLE_ESCAPES.has(byte)) this.#fail("bad escape in a string");
    return at + 2;
  }

  #scalar(byte: number | undefined): void {
    if (byte === 0x74) this.#literal(TRUE);
    else if (byte === 0x66) this.#literal(FALSE);
    else if (byte === 0x6e) this.#literal(NULL);
    else this.#number();
  }

  #literal(word: Buffer): void {
    const at = this.#at;
    for (let index = 1; index < word.length; index++) {
      if (this.#text[at + index] !== word[index]) this.#fail("unexpected character");
    }
    this.#at = at + word.length;
  }

  #digits(): void {
    const from = this.#at;
    while (isDigit(this.#text[this.#at])) this.#at++;
    if (this.#at === from) this.#fail("unexpected character");
  }

  #number(): void {
    const text = this.#text;
    if (text[this.#at] === 0x2d) this.#at++;
    if (text[this.#at] === 0x30) this.#at++;
    else this.#digits();
    if (text[this.#at] === 0x2e) {
      this.#at++;
      this.#digits();
    }
    const exponent = text[this.#at];
    if (exponent === 0x65 || exponent === 0x45) {
      this.#at++;
      const sign = text[this.#at];
      if (sign === 0x2b || sign === 0x2d) this.#at++;
      this.#digits();
    }
  }
}
