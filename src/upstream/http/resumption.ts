import type { Clock, Random } from "../../core/ports.ts";
import { reconnectMs } from "../channel/backoff.ts";

/** How often in a row a broken stream is taken up again without having brought anything new. */
const MAX_TRIES = 3;

/**
 * Where the stream of one call could be taken up again, and how often that was tried.
 * https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#resumability-and-redelivery
 */
export class Resumption {
  /** Of the latest event that had one. */
  eventId: string | undefined;
  /** Whether the call's stream has been, or is about to be, asked for by its event id. */
  isTried = false;
  #retryMs: number | undefined;
  /** In a row. */
  #tries = 0;
  #cancel: (() => void) | undefined;

  moved({ id, retryMs }: { readonly id: string | undefined; readonly retryMs: number | undefined }): void {
    this.#retryMs = retryMs ?? this.#retryMs;
    if (id === undefined || id === this.eventId) return;
    this.eventId = id;
    this.#tries = 0;
  }

  /** `wasEnded`: by the upstream itself. */
  mayTry(wasEnded: boolean): boolean {
    // It says when to come back, so that ending the stream is no fault: the call's own time is the limit.
    if (wasEnded && this.#retryMs !== undefined) this.#tries = 0;
    return this.#tries < MAX_TRIES;
  }

  /** The upstream does not know the stream: no further try would help. */
  exhaust(): void {
    this.#tries = MAX_TRIES;
  }

  later(run: () => void, { clock, random }: { readonly clock: Clock; readonly random: Random }): void {
    const delayMs = reconnectMs(this.#retryMs, this.#tries, random);
    this.#tries++;
    this.isTried = true;
    this.#cancel = clock.after(delayMs, run);
  }

  cancel(): void {
    this.#cancel?.();
  }
}
