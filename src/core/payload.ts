import { decodeString } from "./json-tokens.ts";
import { keyAt } from "./known-keys.ts";
import { MemberSplice, type NewText } from "./member-splice.ts";
import { type Member, Members } from "./members.ts";
import { scanElements, scanObject } from "./scan.ts";
import { OWN_TEXT, SCANNED_TEXT, type ScanLimits } from "./scan-limits.ts";

/** New text for a member, or `undefined` to remove it. */
export type Change = NewText | undefined;

const NO_MEMBERS = new Members();
const OPEN_BRACE = 0x7b;

/**
 * A JSON object as the text it arrived in. The bytes are the truth and are what is sent on; reading a member looks at
 * its span, changing one is a splice, and `value()` parses, once, for whoever really needs objects.
 */
export class Payload {
  #whole: Buffer | undefined;
  /** Its text in pieces, as long as nobody has asked for all of it. */
  #parts: readonly Buffer[] | undefined;
  readonly #span: Member;
  #value: unknown;

  /** `text`: the text that `span` lies in; in pieces where putting it together would be a copy that may not be needed. */
  constructor(text: Buffer | readonly Buffer[], span: Member) {
    if (Buffer.isBuffer(text)) this.#whole = text;
    else this.#parts = text;
    this.#span = span;
  }

  get #text(): Buffer {
    this.#whole ??= Buffer.concat(this.#parts ?? []);
    return this.#whole;
  }

  /** Scans an object from its text. Throws `ScanError` when it is not one well-formed JSON object. */
  static parse(text: Buffer | string, limits: ScanLimits = OWN_TEXT): Payload {
    const bytes = typeof text === "string" ? Buffer.from(text) : text;
    return new Payload(bytes, scanObject(bytes, limits));
  }

  /** For objects that we build ourselves. */
  static of(value: object): Payload {
    return Payload.parse(JSON.stringify(value));
  }

  /** The object's JSON text. */
  get bytes(): Buffer {
    const text = this.#text;
    const { start, end } = this.#span;
    return start === 0 && end === text.length ? text : text.subarray(start, end);
  }

  /** The same text, to be written one piece after the other. */
  get parts(): readonly Buffer[] {
    return this.#whole === undefined && this.#parts ? this.#parts : [this.bytes];
  }

  /** A copy of its own, for whoever keeps it: a payload keeps alive the whole message that it is part of. */
  detached(): Payload {
    return Payload.parse(Buffer.from(this.bytes), SCANNED_TEXT);
  }

  get size(): number {
    return this.#span.end - this.#span.start;
  }

  /** Whether it may refer to resources: a word to do so stands in it, as a key or a value. */
  get refers(): boolean {
    return this.#span.refers;
  }

  get isEmpty(): boolean {
    return this.#members.size === 0;
  }

  keys(): Iterable<string> {
    return this.#members.keys();
  }

  has(key: string): boolean {
    return this.#members.has(key);
  }

  /** Whether there is such a member, and it is not `null`: what many serialisers write for what is not there. */
  given(key: string): boolean {
    const member = this.#members.get(key);
    return member !== undefined && this.#text[member.start] !== 0x6e;
  }

  /** The JSON text of a member's value. */
  raw(key: string): Buffer | undefined {
    const member = this.#members.get(key);
    return member && this.#text.subarray(member.start, member.end);
  }

  /** Whether a member's value is spelled exactly so. */
  spells(key: string, value: Buffer): boolean {
    const member = this.#members.get(key);
    if (!member || member.end - member.start !== value.length) return false;
    return isSame(this.#text, member.start, value);
  }

  /** A number that is the same for values that are spelled the same, and seldom for others; 0 where there is none. */
  sampleOf(key: string): number {
    const member = this.#members.get(key);
    if (!member) return 0;
    const text = this.#text;
    const step = ((member.end - member.start) >> 4) + 1;
    let sample = member.end - member.start;
    for (let at = member.start; at < member.end; at += step) sample = (Math.imul(sample, 31) + text[at]!) | 0;
    return sample >>> 0;
  }

  /** The member's value if it is a string. */
  string(key: string): string | undefined {
    const member = this.#members.get(key);
    if (!member || this.#text[member.start] !== 0x22) return undefined;
    return decodeString(this.#text, member.start, member.end);
  }

  /** The member's value if it is an object. */
  object(key: string): Payload | undefined {
    const member = this.#members.get(key);
    if (!member || this.#text[member.start] !== OPEN_BRACE) return undefined;
    if (member.members) return new Payload(this.#text, member);
    return Payload.parse(this.#text.subarray(member.start, member.end), SCANNED_TEXT);
  }

  /** The keys of a member that is an object. */
  keysOf(key: string): readonly string[] {
    const places = this.#members.get(key)?.keys;
    if (!places) return [...(this.object(key)?.keys() ?? [])];
    const keys: string[] = [];
    for (let at = 0; at < places.length; at += 2) keys.push(keyAt(this.#text, places[at]!, places[at + 1]!));
    return keys;
  }

  /** The elements that are objects, at most so many of them, if the member's value is an array. */
  list(key: string, most = Number.POSITIVE_INFINITY): Payload[] | undefined {
    const member = this.#members.get(key);
    if (!member || this.#text[member.start] !== 0x5b) return undefined;
    return scanElements(this.#text.subarray(member.start, member.end), SCANNED_TEXT, most).map(
      element => new Payload(element.text, element.span),
    );
  }

  /** The whole object, parsed once. Treat it as frozen: changes belong in `with`. */
  value<T = Record<string, unknown>>(): T {
    this.#value ??= JSON.parse(this.bytes.toString("utf8"));
    return this.#value as T;
  }

  /** The same object with members set, added at the end, or removed; the text of every other member stays as it is. */
  with(changes: Readonly<Record<string, Change>>): Payload {
    const splice = new MemberSplice(this.#text);
    const members = this.#members;
    for (let member = members.first; member; member = member.next) {
      if (!Object.hasOwn(changes, member.key)) splice.keep(member);
      else {
        const change = changes[member.key];
        if (change !== undefined) splice.replace(member, change);
      }
    }
    for (const key of Object.keys(changes)) {
      const change = changes[key];
      if (change !== undefined && !members.has(key)) splice.append(key, change);
    }
    const { text, span } = splice.done();
    return new Payload(text, span);
  }

  get #members(): Members {
    return this.#span.members ?? NO_MEMBERS;
  }
}

/** So many bytes are compared one by one before a native comparison is worth its call. */
const FEW_BYTES = 48;

function isSame(text: Buffer, start: number, bytes: Buffer): boolean {
  const { length } = bytes;
  if (length > FEW_BYTES) return text.compare(bytes, 0, length, start, start + length) === 0;
  let at = 0;
  while (at < length && text[start + at] === bytes[at]) at++;
  return at === length;
}
