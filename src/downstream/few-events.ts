type Run = (chunk: Buffer) => void;
interface Listener {
  readonly event: string;
  readonly run: Run;
  readonly once: boolean;
}

/** Listeners of an object of which very many are made, and most of which nobody listens to: then they cost nothing. */
export class FewEvents<Event extends string> {
  #listeners: readonly Listener[] | undefined;

  on(event: Event, run: Run): this {
    return this.#add({ event, run, once: false });
  }

  once(event: Event, run: Run): this {
    return this.#add({ event, run, once: true });
  }

  removeListener(event: Event, run: Run): this {
    const at = this.#listeners?.findIndex(one => one.event === event && one.run === run) ?? -1;
    if (at >= 0) this.#listeners = this.#listeners?.filter((_, index) => index !== at);
    return this;
  }

  /** Whether somebody listened. `chunk` only for those events that come with one. */
  emit(event: Event, chunk: Buffer = NOTHING): boolean {
    const listeners = this.#listeners;
    if (!listeners) return false;
    let heard = false;
    for (const one of listeners) {
      if (one.event !== event) continue;
      heard = true;
      if (one.once) this.#listeners = this.#listeners?.filter(other => other !== one);
      one.run(chunk);
    }
    return heard;
  }

  #add(listener: Listener): this {
    this.#listeners = this.#listeners ? [...this.#listeners, listener] : [listener];
    return this;
  }
}

const NOTHING = Buffer.alloc(0);
