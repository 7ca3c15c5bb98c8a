/** Where a member's value lies in the text, and its own members when it was worth descending. */
export interface Member {
  readonly key: string;
  readonly keyStart: number;
  readonly start: number;
  readonly end: number;
  readonly members: Members | undefined;
  /** Where the keys of an object begin and end of which no more than those is noted. */
  readonly keys: readonly number[] | undefined;
  /** Whether a word stands in it with which something refers to a resource. */
  readonly refers: boolean;
  /** The one behind it in its object. */
  readonly next: Member | undefined;
}
type Link = { -readonly [Key in keyof Member]: Member[Key] };

/** Up to so many members are looked through one by one; of more a table is made. */
const FEW = 16;

/**
 * The members of one object in their order. Nearly every object has a handful: a chain of them costs a fraction of what a
 * `Map` does, of which each message would make several.
 */
export class Members implements Iterable<readonly [string, Member]> {
  #first: Link | undefined;
  #last: Link | undefined;
  #size = 0;
  #table: Map<string, Link> | undefined;

  get size(): number {
    return this.#size;
  }

  get first(): Member | undefined {
    return this.#first;
  }

  get(key: string): Member | undefined {
    return this.#find(key);
  }

  has(key: string): boolean {
    return this.#find(key) !== undefined;
  }

  /** A member of a key that is not there yet. */
  add(member: Member): void {
    if (this.#last) this.#last.next = member;
    else this.#first = member;
    this.#last = member;
    if (++this.#size > FEW) this.#note(member);
  }

  /** A member of a key that is there: it takes the other one's place. */
  replace(member: Member): void {
    const { keyStart, start, end, members, keys, refers } = member;
    const old = this.#find(member.key);
    if (old) Object.assign(old, { keyStart, start, end, members, keys, refers });
  }

  *keys(): Generator<string> {
    for (let member = this.first; member; member = member.next) yield member.key;
  }

  *[Symbol.iterator](): Generator<readonly [string, Member]> {
    for (let member = this.first; member; member = member.next) yield [member.key, member];
  }

  #find(key: string): Link | undefined {
    if (this.#table) return this.#table.get(key);
    let member = this.#first;
    while (member && member.key !== key) member = member.next;
    return member;
  }

  #note(member: Link): void {
    if (this.#table) this.#table.set(member.key, member);
    else this.#table = new Map(this);
  }
}
