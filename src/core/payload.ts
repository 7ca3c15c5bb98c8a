import { decodeString } from "./json-tokens.ts";
import { keyAt } from "./known-keys.ts";
import { type Member, type Members, scanElements, scanObject } from "./scan.ts";
import { OWN_TEXT, SCANNED_TEXT, type ScanLimits } from "./scan-limits.ts";

/** New text for a member, or `undefined` to remove it. */
export type Change = Buffer | string | undefined;

const NO_MEMBERS: Members = new Map();
const OPEN_BRACE = 0x7b;

/**
 * A JSON object as the text it arrived in. The bytes are the truth and are what is sent on; reading a member looks at
 * its span, changing one is a splice, and `value()` parses, once, for whoever really needs objects.
 */
export class Payload {
  readonly #text: Buffer;
  readonly #span: Member;
  #value: unknown;

  constructor(text: Buffer, span: Member) {
    this.#text = text;
    this.#span = span;
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
    return this.#text.subarray(this.#span.start, this.#span.end);
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
    const builder = new Builder();
    for (const [key, member] of this.#members) {
      if (!Object.hasOwn(changes, key)) builder.add(key, this.#text.subarray(member.keyStart, member.end), member);
      else if (changes[key] !== undefined) {
        builder.set(key, this.#text.subarray(member.keyStart, member.start), asBytes(changes[key]));
      }
    }
    for (const key of Object.keys(changes)) {
      const change = changes[key];
      if (change !== undefined && !this.#members.has(key)) {
        builder.set(key, Buffer.from(`${JSON.stringify(key)}:`), asBytes(change));
      }
    }
    return builder.payload();
  }

  get #members(): Members {
    return this.#span.members ?? NO_MEMBERS;
  }
}

/** Puts an object's text together and keeps the spans, so that the result need not be scanned again. */
class Builder {
  readonly #parts: Buffer[] = [OPEN];
  readonly #spans = new Map<string, Member>();
  #length = 1;
  #refers = false;

  #push(part: Buffer): void {
    this.#parts.push(part);
    this.#length += part.length;
  }

  /** A member as it stands: `text` runs from its key to the end of its value. */
  add(key: string, text: Buffer, member: Member): void {
    this.#separate();
    const keyStart = this.#length;
    this.#push(text);
    this.#spans.set(key, {
      keyStart,
      start: keyStart + member.start - member.keyStart,
      end: this.#length,
      members: undefined,
      keys: undefined,
      refers: member.refers,
    });
    this.#refers ||= member.refers;
  }

  /** A member with a new value: `head` is its key with the colon. */
  set(key: string, head: Buffer, value: Buffer): void {
    this.#separate();
    const keyStart = this.#length;
    this.#push(head);
    const start = this.#length;
    this.#push(value);
    const refers = value.length >= SHORTEST_REFERENCE;
    this.#spans.set(key, { keyStart, start, end: this.#length, members: undefined, keys: undefined, refers });
    this.#refers ||= refers;
  }

  payload(): Payload {
    this.#push(CLOSE);
    const text = Buffer.concat(this.#parts, this.#length);
    const refers = this.#refers;
    const whole = { keyStart: 0, start: 0, end: text.length };
    return new Payload(text, { ...whole, members: this.#spans, keys: undefined, refers });
  }

  #separate(): void {
    if (this.#spans.size > 0) this.#push(SEPARATOR);
  }
}

/** New text is not searched: whatever is shorter than this refers to nothing. */
const SHORTEST_REFERENCE = '{"type":"resource_link","uri":"a:"}'.length;
const OPEN = Buffer.from("{");
const CLOSE = Buffer.from("}");
const SEPARATOR = Buffer.from(",");

const asBytes = (text: Buffer | string | undefined): Buffer =>
  text === undefined ? Buffer.alloc(0) : typeof text === "string" ? Buffer.from(text) : text;
