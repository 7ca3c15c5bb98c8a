import { isUtf8 } from "node:buffer";
import { type Doubt, Doubts, type KeyPlace } from "./doubts.ts";
import { scalarEnd } from "./json-scalars.ts";
import { NEAR_BYTES, StringEnds } from "./json-strings.ts";
import {
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  COLON,
  COMMA,
  decodeString,
  isReference,
  OPEN_ARRAY,
  OPEN_OBJECT,
  PLAIN,
  QUOTE,
} from "./json-tokens.ts";
import { CLOSELY_FOLDED } from "./key-twins.ts";
import { knownKey } from "./known-keys.ts";
import { type Member, Members } from "./members.ts";
import { CONTAINER_COUNTS, ScanError, type ScanLimits } from "./scan-limits.ts";
import type { Section } from "./sections.ts";
import { SeenKeys } from "./seen-keys.ts";

/**
 * One strict pass over JSON text. It proves that the text is well-formed, not too deep and without keys of which two
 * readers could make different things, and notes where the members of the envelope, of `params` / `result` / `error` and
 * of `_meta` lie, so that everything else can stay raw bytes.
 */

/** The text is well-formed, and readers could differ in what it says. */
export class AmbiguousText extends ScanError {
  readonly span: Member;
  /** At least one. */
  readonly doubts: readonly Doubt[];
  constructor(span: Member, doubts: readonly Doubt[]) {
    super("ambiguous", doubts[0]?.message ?? "");
    this.span = span;
    this.doubts = doubts;
  }
}

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

/** White space is a blank or less; whatever else is, is refused where it stands. */
const BLANK = 0x20;

class Scanner {
  readonly #text: Buffer;
  readonly #limits: ScanLimits;
  /** Made for the first string that is long or has an escape. */
  #strings: StringEnds | undefined;
  /** Whether the last string was neither. */
  #wasPlain = true;
  /** Where a key that stands twice in any object is refused. */
  readonly #seen: SeenKeys | undefined;
  #doubts: Doubts | undefined;
  /** The keys of the object that was read last, where they are noted. */
  #lastKeys: readonly number[] | undefined;
  /** The innermost object around `#at` that is one. */
  #section: Section;
  #at = 0;
  #depth = 0;
  #keys = 0;
  /** Keys of sections that are none of those that nearly every message has. */
  #unknown = 0;
  #references = 0;
  #elements = 0;

  constructor(text: Buffer, limits: ScanLimits) {
    this.#text = text;
    this.#limits = limits;
    this.#seen = limits.duplicates === "refused" ? new SeenKeys(text) : undefined;
    this.#section = limits.section;
  }

  document(): Member {
    this.#space();
    if (this.#text[this.#at] !== OPEN_OBJECT) this.#fail("expected an object");
    const start = this.#at;
    const members = this.#object(this.#limits.section);
    const end = this.#at;
    this.#space();
    if (this.#at !== this.#text.length) this.#fail("unexpected text after the object");
    const refers = this.#references > 0;
    const span = { key: "", keyStart: start, start, end, members, keys: undefined, refers, next: undefined };
    const doubts = this.#doubts?.lasting();
    if (doubts && doubts.length > 0) throw new AmbiguousText(span, doubts);
    return span;
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

  #failAt(at: number, what: string): never {
    this.#at = at;
    this.#fail(what);
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
    if (this.#text[this.#at]! <= BLANK) this.#space();
  }

  #value(section: Section | undefined): Members | undefined {
    const byte = this.#text[this.#at];
    if (byte === QUOTE) this.#string();
    else if (byte === OPEN_OBJECT) return this.#object(section);
    else if (byte === OPEN_ARRAY) this.#array();
    else {
      const end = scalarEnd(this.#text, this.#at);
      if (end < 0) this.#failAt(~end, "unexpected character");
      this.#at = end;
    }
    return undefined;
  }

  #object(section: Section | undefined): Members | undefined {
    const text = this.#text;
    const outer = this.#section;
    const members = section?.noted === "members" ? new Members() : undefined;
    const seen = members ? undefined : this.#seen;
    if (section) this.#section = section;
    seen?.open();
    this.#enter();
    if (text[this.#at] !== CLOSE_OBJECT) {
      for (;;) {
        const keyStart = this.#at;
        if (text[keyStart] !== QUOTE) this.#fail("expected a key");
        this.#string();
        const keyEnd = this.#at;
        if (seen?.isSecond(keyStart, keyEnd, this.#wasPlain)) {
          this.#doubt("duplicate", undefined, { start: keyStart, end: keyEnd, among: undefined });
        }
        if (++this.#keys > this.#limits.maxKeys) this.#fail(`more than ${this.#limits.maxKeys} keys`, "too_many");
        if (text[keyEnd]! <= BLANK) this.#space();
        if (text[this.#at] !== COLON) this.#fail("expected ':'");
        this.#at++;
        if (text[this.#at]! <= BLANK) this.#space();
        if (members) this.#member(members, keyStart, keyEnd);
        else this.#value(undefined);
        if (text[this.#at]! <= BLANK) this.#space();
        const byte = text[this.#at];
        if (byte === CLOSE_OBJECT) break;
        if (byte !== COMMA) this.#fail("expected ',' or '}'");
        this.#at++;
        if (text[this.#at]! <= BLANK) this.#space();
      }
    }
    if (section?.noted === "keys") this.#lastKeys = seen?.places;
    seen?.close();
    this.#section = outer;
    this.#at++;
    this.#depth--;
    return members;
  }

  #member(members: Members, keyStart: number, keyEnd: number): void {
    const section = this.#section;
    const known = knownKey(this.#text, keyStart, keyEnd);
    const key = known ?? decodeString(this.#text, keyStart, keyEnd);
    const { twins } = section;
    const meant = known === undefined ? twins?.of(key, ++this.#unknown > CLOSELY_FOLDED) : undefined;
    if (meant !== undefined) this.#doubt("twin", meant, { start: keyStart, end: keyEnd, among: members });
    const isSecond = members.has(key);
    if (isSecond && this.#limits.duplicates !== "last_counts") {
      const member = twins?.has(key) ? key : undefined;
      this.#doubt("duplicate", member, { start: keyStart, end: keyEnd, among: members });
    }
    if (members.size === this.#limits.maxNoted)
      this.#fail(`an object has more than ${members.size} members`, "too_many");
    const start = this.#at;
    const before = this.#references;
    this.#lastKeys = undefined;
    const inner = this.#value(section.section(key));
    const keys = this.#lastKeys;
    this.#lastKeys = undefined;
    const refers = this.#references > before;
    const member = { key, keyStart, start, end: this.#at, members: inner, keys, refers, next: undefined };
    if (isSecond) members.replace(member);
    else members.add(member);
  }

  #doubt(kind: Doubt["kind"], member: string | undefined, place: Omit<KeyPlace, "section">): void {
    if (this.#doubts?.has(kind, member, this.#section)) return;
    this.#doubts ??= new Doubts(this.#text);
    this.#doubts.add(kind, member, { section: this.#section, ...place });
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
        this.#value(undefined);
        element?.(start);
        if (text[this.#at]! <= BLANK) this.#space();
        const byte = text[this.#at];
        if (byte === CLOSE_ARRAY) break;
        if (byte !== COMMA) this.#fail("expected ',' or ']'");
        this.#at++;
        if (text[this.#at]! <= BLANK) this.#space();
      }
    }
    this.#at++;
    this.#depth--;
  }

  #string(): void {
    const text = this.#text;
    const open = this.#at;
    const near = Math.min(open + NEAR_BYTES, text.length);
    let at = open + 1;
    while (at < near && PLAIN[text[at]!] === 1) at++;
    this.#wasPlain = text[at] === QUOTE;
    if (!this.#wasPlain) {
      this.#strings ??= new StringEnds(text);
      at = this.#strings.from(at);
      if (at < 0) this.#failAt(~at, "a string is not well-formed");
    }
    if (isReference(text, open, at)) this.#references++;
    this.#at = at + 1;
  }
}
