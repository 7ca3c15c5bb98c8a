import { type Member, Members } from "./members.ts";

/** The JSON text of a member's new value. */
export type NewText = Buffer | string;

/** What a splice is made of: a stretch of the text that it began with, or something new; after a comma or not. */
interface Piece {
  readonly isNext: boolean;
  readonly from: number;
  to: number;
  readonly text: NewText | undefined;
}

/** What is shorter is put together at once: one small buffer costs less than several views of another one. */
const SMALL_BYTES = 16 * 1024;
/** So many bytes are copied one by one before a native copy is worth its call. */
const FEW_BYTES = 32;
/** New text is not searched: whatever is shorter than this refers to nothing. */
const SHORTEST_REFERENCE = '{"type":"resource_link","uri":"a:"}'.length;
const [OPEN, CLOSE, COMMA] = [0x7b, 0x7d, 0x2c];

/**
 * Puts an object's text together out of stretches of another one and new values, and keeps the places of the members, so that
 * the result need not be scanned again. Every stretch is copied at most once, those that lie side by side as one.
 */
export class MemberSplice {
  readonly #text: Buffer;
  readonly #pieces: Piece[] = [];
  readonly #members = new Members();
  #length = 1;
  #refers = false;

  constructor(text: Buffer) {
    this.#text = text;
  }

  /** A member as it stands. */
  keep({ key, keyStart, start, end, refers }: Member): void {
    const last = this.#pieces.at(-1);
    if (last && last.text === undefined && last.to + 1 === keyStart && this.#text[last.to] === COMMA) {
      last.to = end;
      this.#length++;
    } else this.#begin(keyStart, end, undefined);
    const at = this.#length;
    this.#length += end - keyStart;
    this.#note({
      key,
      keyStart: at,
      start: at + start - keyStart,
      end: this.#length,
      refers,
      members: undefined,
      keys: undefined,
      next: undefined,
    });
  }

  /** A member with a new value. */
  replace({ key, keyStart, start }: Member, value: NewText): void {
    this.#begin(keyStart, start, undefined);
    this.#value(key, start - keyStart, value);
  }

  /** A member that was not there. */
  append(key: string, value: NewText): void {
    const head = `${JSON.stringify(key)}:`;
    this.#begin(0, 0, head);
    this.#value(key, Buffer.byteLength(head), value);
  }

  /** The object's text, in pieces where it is large, and where its members lie in it. */
  done(): { readonly text: Buffer | readonly Buffer[]; readonly span: Member } {
    const end = ++this.#length;
    const span = {
      key: "",
      keyStart: 0,
      start: 0,
      end,
      members: this.#members,
      keys: undefined,
      refers: this.#refers,
      next: undefined,
    };
    return { text: end <= SMALL_BYTES ? this.#whole() : this.#parts(), span };
  }

  #begin(from: number, to: number, text: NewText | undefined): void {
    const isNext = this.#pieces.length > 0;
    if (isNext) this.#length++;
    this.#pieces.push({ isNext, from, to, text });
  }

  #value(key: string, headLength: number, value: NewText): void {
    const keyStart = this.#length;
    const start = keyStart + headLength;
    const end = start + (typeof value === "string" ? Buffer.byteLength(value) : value.length);
    this.#pieces.push({ isNext: false, from: 0, to: 0, text: value });
    this.#length = end;
    this.#note({
      key,
      keyStart,
      start,
      end,
      refers: end - start >= SHORTEST_REFERENCE,
      members: undefined,
      keys: undefined,
      next: undefined,
    });
  }

  #note(member: Member): void {
    this.#members.add(member);
    this.#refers ||= member.refers;
  }

  #whole(): Buffer {
    const out = Buffer.allocUnsafe(this.#length);
    let at = 0;
    out[at++] = OPEN;
    for (const { isNext, from, to, text } of this.#pieces) {
      if (isNext) out[at++] = COMMA;
      if (typeof text === "string") at += out.write(text, at);
      else if (text) at = copied(text, 0, text.length, out, at);
      else at = copied(this.#text, from, to, out, at);
    }
    out[at] = CLOSE;
    return out;
  }

  #parts(): readonly Buffer[] {
    const parts: Buffer[] = [OPENING];
    for (const { isNext, from, to, text } of this.#pieces) {
      if (isNext) parts.push(SEPARATOR);
      if (text === undefined) parts.push(this.#text.subarray(from, to));
      else parts.push(typeof text === "string" ? Buffer.from(text) : text);
    }
    parts.push(CLOSING);
    return parts;
  }
}

const OPENING = Buffer.from("{");
const CLOSING = Buffer.from("}");
const SEPARATOR = Buffer.from(",");

/** The place behind what was copied. */
function copied(source: Buffer, from: number, to: number, out: Buffer, at: number): number {
  if (to - from > FEW_BYTES) source.copy(out, at, from, to);
  else for (let index = from, place = at; index < to; index++) out[place++] = source[index]!;
  return at + to - from;
}
