/** Something that can be ended from outside. `place` belongs to the {@link Running} that holds it. */
export interface Stoppable {
  place: number;
  stop(): void;
}

/**
 * What runs at the moment. An array with places rather than a `Set`: one that lives long and turns over for every
 * request leaves rehashed tables behind that keep dead requests alive, which doubled the work of the garbage collector.
 */
export class Running {
  readonly #members: Stoppable[] = [];

  add(member: Stoppable): void {
    member.place = this.#members.push(member) - 1;
  }

  remove(member: Stoppable): void {
    if (this.#members[member.place] !== member) return;
    const last = this.#members.pop()!;
    if (last === member) return;
    last.place = member.place;
    this.#members[member.place] = last;
  }

  /** Ends everything that runs now. */
  stopAll(): void {
    for (const member of [...this.#members]) member.stop();
  }
}
