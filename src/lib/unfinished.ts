/** Work that nobody waits for at present, and that whoever ends has to wait for. Nothing is kept of what is done. */
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
