/** Work that has no waiter at present, and that has to be waited for at the end. Nothing is kept of what is done. */
export class Unfinished {
  readonly #works = new Set<Promise<unknown>>();

  get size(): number {
    return this.#works.size;
  }

  /** `work` must not reject. */
  add(work: Promise<unknown>): void {
    this.#works.add(work);
    void work.then(() => this.#works.delete(work));
  }

  /** Resolves when all that is known of now is done. */
  async done(): Promise<void> {
    await Promise.all(this.#works);
  }
}
