import type { Socket } from "node:net";
import { FewEvents } from "./few-events.ts";
import type { HeadMemo, Inbound } from "./inbound.ts";
import type { StrictHead } from "./strict-head.ts";

/** A plain POST that the strict reader has read. */
export class StrictRequest extends FewEvents<"data" | "end" | "close" | "error"> implements Inbound {
  readonly method = "POST";
  readonly socket: Socket;
  readonly whole: Buffer | undefined;
  readonly #head: StrictHead;
  #complete: boolean;

  /** `whole`: all of the body, where it is there already. */
  constructor(head: StrictHead, socket: Socket, whole: Buffer | undefined) {
    super();
    this.#head = head;
    this.socket = socket;
    this.whole = whole;
    this.#complete = whole !== undefined;
  }

  get url(): string {
    return this.#head.url;
  }

  get headers(): StrictHead["headers"] {
    return this.#head.headers;
  }

  get rawHeaders(): readonly string[] {
    return this.#head.rawHeaders;
  }

  get memo(): HeadMemo {
    return this.#head.memo;
  }

  get complete(): boolean {
    return this.#complete;
  }

  /** The last piece of the body has come. */
  end(): void {
    this.#complete = true;
    this.emit("end");
  }
}
