import { decodeString } from "./json-tokens.ts";

/** Up to so many keys of an object are compared one by one; of more a table is made. */
const FEW = 12;
/** Half of a character that was cut apart is to many readers the same, whichever half it is. */
const HALF = /\p{Cs}/u;
const HALVES = /\p{Cs}/gu;
const wellFormed = (name: string): string => (HALF.test(name) ? name.replace(HALVES, "\ufffd") : name);

/** Knows the keys of all objects that are open, and so which of them stands in its object for a second time. */
export class SeenKeys {
  readonly #text: Buffer;
  /** Where each key begins and ends, quotes included; those of the innermost object are the last ones before `#top`. */
  readonly #places: number[] = [];
  #top = 0;
  #first = 0;
  #table: Set<string> | undefined;
  /** For each object around the innermost one where its keys begin, and its table if it has one. */
  readonly #firsts: number[] = [];
  readonly #tables: (Set<string> | undefined)[] = [];

  constructor(text: Buffer) {
    this.#text = text;
  }

  /** An object opens. */
  open(): void {
    this.#firsts.push(this.#first);
    this.#tables.push(this.#table);
    this.#first = this.#top;
    this.#table = undefined;
  }

  /** The innermost object closes. */
  close(): void {
    this.#top = this.#first;
    this.#first = this.#firsts.pop()!;
    this.#table = this.#tables.pop();
  }

  /** Where the keys of the innermost object begin and end, one after the other. */
  get places(): readonly number[] {
    return this.#places.slice(this.#first, this.#top);
  }

  /** Takes a key of the innermost object; tells whether it stood there before. `isPlain`: it has no escape and is short. */
  isSecond(start: number, end: number, isPlain: boolean): boolean {
    const isFew = isPlain && this.#table === undefined && this.#top - this.#first < 2 * FEW;
    const found = isFew ? this.#isAmongFew(start, end) : this.#isInTable(start, end);
    this.#places[this.#top++] = start;
    this.#places[this.#top++] = end;
    return found;
  }

  #isInTable(start: number, end: number): boolean {
    if (!this.#table) {
      this.#table = new Set();
      const places = this.#places;
      for (let at = this.#first; at < this.#top; at += 2) this.#table.add(this.#nameAt(places[at]!, places[at + 1]!));
    }
    const before = this.#table.size;
    return this.#table.add(this.#nameAt(start, end)).size === before;
  }

  #nameAt(start: number, end: number): string {
    return wellFormed(decodeString(this.#text, start, end));
  }

  #isAmongFew(start: number, end: number): boolean {
    const places = this.#places;
    const text = this.#text;
    const top = this.#top;
    const length = end - start;
    for (let at = this.#first; at < top; at += 2) {
      const other = places[at]!;
      if (places[at + 1]! - other !== length) continue;
      let same = 1;
      while (same < length && text[other + same] === text[start + same]) same++;
      if (same === length) return true;
    }
    return false;
  }
}
