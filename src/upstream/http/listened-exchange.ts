import type { AttemptFailure } from "../../core/failure.ts";
import { HttpExchange } from "./http-exchange.ts";
import type { HttpLink } from "./http-link.ts";
import type { ReplyHead } from "./statuses.ts";

/** Takes a reply; `failed` comes instead of the rest. Nothing comes after `end`, `failed` or `abandon`. */
export interface ReplyListener {
  head(head: ReplyHead): void;
  data(chunk: Buffer): void;
  end(): void;
  failed(failed: AttemptFailure): void;
  late?(): void;
}

/** An exchange that is listened to by somebody else, for what is no call. */
export class ListenedExchange extends HttpExchange {
  readonly #listener: ReplyListener;

  constructor(link: HttpLink, listener: ReplyListener) {
    super(link);
    this.#listener = listener;
  }

  lateAt(dueAt: number): void {
    this.deadline(dueAt);
  }

  protected replyHead(head: ReplyHead): void {
    this.#listener.head(head);
  }

  protected replyData(chunk: Buffer): void {
    this.#listener.data(chunk);
  }

  protected replyEnd(): void {
    this.#listener.end();
  }

  protected replyFailed(failed: AttemptFailure): void {
    this.#listener.failed(failed);
  }

  protected late(): void {
    this.#listener.late?.();
  }
}
