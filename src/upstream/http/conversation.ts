import type { Behind } from "../../core/call.ts";
import type { AttemptFailure } from "../../core/failure.ts";
import type { Clock } from "../../core/ports.ts";
import type { Running, Stoppable } from "../../lib/running.ts";
import type { ReplyRoom } from "../reply-room.ts";
import { CredentialError, type TokenSource } from "./credentials.ts";
import type { UpstreamDispatcher } from "./dispatcher.ts";
import { failure, faultOf } from "./faults.ts";
import type { ReplyHead } from "./statuses.ts";
import type { HttpRequest, Ongoing, ReplyReceiver } from "./transport.ts";

/** What every HTTP exchange of one channel has in common. */
export interface HttpLink {
  readonly clock: Clock;
  readonly dispatcher: UpstreamDispatcher;
  readonly credentials: TokenSource | undefined;
  readonly staticHeaders: readonly string[];
  /** Where messages gather until they are complete. */
  readonly room: ReplyRoom;
  /** Everything that still runs, so that closing the channel can end it. */
  readonly running: Running<Stoppable>;
}

export interface LinkRequest extends Omit<HttpRequest, "headers"> {
  /** Besides the static ones and the credentials: those of the protocol revision, then name, value, name, value, … */
  readonly headers: Readonly<Record<string, string>>;
  readonly ownHeaders: readonly string[];
}

/** Takes a reply; `failed` comes instead of the rest. Nothing comes after `end`, `failed` or `abandon`. */
export interface ReplyListener {
  head(head: ReplyHead): void;
  data(chunk: Buffer): void;
  end(): void;
  failed(failed: AttemptFailure): void;
}

/** How much of an answer that nobody wants is read to keep its connection usable. */
const DRAIN_BYTES = 65_536;
const DRAIN_MS = 1_000;
const UNAUTHORIZED = 401;

/**
 * - `open`: the listener wants everything.
 * - `refused`: a 401 whose rest is read before the request is sent again with a new token.
 * - `draining`: the listener has what it wanted.
 */
type Phase = "open" | "refused" | "draining" | "over";

/** One exchange with the upstream: gets the token first, and sends once more with a new one when it was refused. */
export class Conversation implements ReplyReceiver, Stoppable {
  place = -1;
  readonly #link: HttpLink;
  readonly #request: LinkRequest;
  readonly #listener: ReplyListener;
  #phase: Phase = "open";
  #token: string | undefined;
  #sent = false;
  #renewed = false;
  #ongoing: Ongoing | undefined;
  #held = false;
  #drainLeft = 0;
  #cancelDrain: (() => void) | undefined;

  constructor(link: HttpLink, request: LinkRequest, listener: ReplyListener) {
    this.#link = link;
    this.#request = request;
    this.#listener = listener;
  }

  /** Whether any of the latest attempt may have reached the upstream. */
  get wasSent(): boolean {
    return this.#sent;
  }

  begin(): void {
    this.#link.running.add(this);
    this.#obtainToken();
  }

  /** The rest of the reply is not wanted: read on for a bounded time and size only. */
  drain(): void {
    if (this.#phase === "open") this.#limit("draining");
  }

  /** Closes the connection; the listener hears nothing more. */
  abandon(): void {
    if (this.#phase === "over") return;
    this.#finish();
    this.#ongoing?.abandon();
  }

  /** Whoever the reply is for is behind: reads no further until it has caught up. */
  hold(reader: Behind): void {
    if (this.#held || this.#phase !== "open") return;
    this.#held = true;
    this.#ongoing?.pause();
    reader.caughtUp(() => this.#release());
  }

  #release(): void {
    if (!this.#held) return;
    this.#held = false;
    this.#ongoing?.resume();
  }

  /** Ends the exchange because the channel closes. */
  stop(): void {
    if (this.#phase === "over") return;
    this.abandon();
    this.#listener.failed(
      failure("connection_lost", this.#sent ? "sent_unknown" : "not_sent", "the channel was closed"),
    );
  }

  sent(): void {
    this.#sent = true;
  }

  head(head: ReplyHead): void {
    const token = this.#token;
    if (head.status !== UNAUTHORIZED || token === undefined || this.#renewed) {
      this.#listener.head(head);
      return;
    }
    this.#renewed = true;
    this.#link.credentials?.invalidate(token);
    this.#limit("refused");
  }

  data(chunk: Buffer): void {
    if (this.#phase !== "open") {
      this.#drainLeft -= chunk.length;
      if (this.#drainLeft < 0) {
        this.#cutOff();
        return;
      }
    }
    if (this.#phase !== "refused") this.#listener.data(chunk);
  }

  end(): void {
    if (this.#phase === "refused") this.#again();
    else {
      this.#finish();
      this.#listener.end();
    }
  }

  broken(error: unknown): void {
    if (this.#phase === "refused") this.#again();
    else this.#fail(faultOf(error, this.#sent));
  }

  #obtainToken(): void {
    const token = this.#link.credentials?.token();
    if (token === undefined || typeof token === "string") this.#send(token);
    else {
      token.then(
        fetched => this.#send(fetched),
        error => this.#fail(error instanceof CredentialError ? error.failure : faultOf(error, false)),
      );
    }
  }

  #send(token: string | undefined): void {
    if (this.#phase === "over") return;
    this.#token = token;
    const { lane, method, path, body } = this.#request;
    const headers = headerList(this.#link.staticHeaders, token, this.#request);
    this.#ongoing = this.#link.dispatcher.send({ lane, method, path, headers, body }, this);
  }

  #limit(phase: "refused" | "draining"): void {
    this.#release();
    this.#phase = phase;
    this.#drainLeft = DRAIN_BYTES;
    this.#cancelDrain = this.#link.clock.after(DRAIN_MS, () => this.#cutOff());
  }

  #cutOff(): void {
    if (this.#phase === "refused") {
      this.#ongoing?.abandon();
      this.#again();
    } else this.abandon();
  }

  #again(): void {
    this.#cancelDrain?.();
    this.#phase = "open";
    this.#sent = false;
    this.#obtainToken();
  }

  #fail(failed: AttemptFailure): void {
    if (this.#phase === "over") return;
    this.#finish();
    this.#listener.failed(failed);
  }

  #finish(): void {
    this.#phase = "over";
    // The connection may serve others from now on.
    this.#release();
    this.#cancelDrain?.();
    this.#link.running.remove(this);
  }
}

function headerList(fixed: readonly string[], token: string | undefined, request: LinkRequest): string[] {
  const headers = [...fixed, ...request.ownHeaders];
  if (token !== undefined) headers.push("authorization", `Bearer ${token}`);
  for (const name in request.headers) headers.push(name, request.headers[name]!);
  return headers;
}
