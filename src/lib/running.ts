/** `place` belongs to the {@link Running} that holds it. */
export interface Placed {
  place: number;
}

/** Something that can be ended from outside. */
export interface Stoppable extends Placed {
  stop(): void;
}

/**
 * What runs at the moment. An array with places rather than a `Set`: one that lives long and turns over for every
 * request leaves rehashed tables behind that keep dead requests alive, which doubled the work of the garbage collector.
 */
export class Running<Member extends Placed> {
  readonly #members: Member[] = [];

  get size(): number {
    return this.#members.length;
  }

  /** The one that runs, when there is just one. */
  get only(): Member | undefined {
    return this.#members.length === 1 ? this.#members[0] : undefined;
  }

  add(member: Member): void {
    member.place = this.#members.push(member) - 1;
  }

  has(member: Member): boolean {
    return this.#members[member.place] === member;
  }

  remove(member: Member): void {
    if (!this.has(member)) return;
    const last = this.#members.pop()!;
    if (last === member) return;
    last.place = member.place;
    this.#members[member.place] = last;
  }

  /** Everything that runs now. */
  all(): readonly Member[] {
    return [...this.#members];
  }
}

/** What leaves because another one is stopped is not stopped itself. */
export function stopAll(running: Running<Stoppable>): void {
  for (const member of running.all()) if (running.has(member)) member.stop();
}
