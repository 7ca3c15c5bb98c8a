import type { Behind } from "../../core/call.ts";
import type { AttemptFailure } from "../../core/failure.ts";
import type { Stoppable } from "../../lib/running.ts";
import { CredentialError } from "./credentials.ts";
import { type Decoder, decodedHead, isDecodable, openDecoder } from "./decode.ts";
import { failure, faultOf } from "./faults.ts";
import { type HttpLink, takeCookies } from "./http-link.ts";
import type { Place } from "./redirects.ts";
import type { ReplyHead } from "./statuses.ts";
import type { HttpRequest, Ongoing, ReplyReceiver } from "./transport.ts";
import { createWay, placeOf, type Way } from "./way.ts";

export interface LinkRequest extends Omit<HttpRequest, "headers"> {
  /** Besides the static ones and the credentials: those of the protocol revision, then name, value, name, value, … */
  readonly headers: Readonly<Record<string, string>>;
  readonly ownHeaders: readonly string[];
  /** Whether it opens the conversation, so that what its reply sets belongs to the conversation and to no call. */
  readonly opening?: boolean;
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
 * - `refused`: a 401 or a redirect, whose rest is read before the request is sent again with a new token or elsewhere.
 * - `draining`: the listener has what it wanted.
 */
type Phase = "open" | "refused" | "draining" | "over";

/**
 * One exchange with the upstream: gets the token first, sends once more with a new one when it was refused, goes where
 * the upstream redirects it within its origin, and undoes compression.
 */
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
  #place: Place;
  /** Once it has been redirected. */
  #way: Way | undefined;
  #decoder: Decoder | undefined;
  /** What ended a compressed reply before its end. */
  #error: unknown;
  #held = false;
  #full = false;
  #drainLeft = 0;
  #cancelDrain: (() => void) | undefined;

  constructor(link: HttpLink, request: LinkRequest, listener: ReplyListener) {
    this.#link = link;
    this.#request = request;
    this.#listener = listener;
    this.#place = placeOf(link, request);
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
    this.#decoder?.pause();
    this.#ongoing?.pause();
    reader.caughtUp(() => this.#release());
  }

  #release(): void {
    if (!this.#held) return;
    this.#held = false;
    this.#decoder?.resume();
    if (!this.#full) this.#ongoing?.resume();
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
    const setsCookies =
      head.headers["set-cookie"] !== undefined &&
      takeCookies(this.#link, head, { opening: this.#request.opening === true, path: this.#place.path });
    if (head.status >= 300 && head.status < 400) this.#redirected(head, setsCookies);
    else if (head.status === UNAUTHORIZED && token !== undefined && !this.#renewed) {
      this.#renewed = true;
      this.#link.credentials?.invalidate(token);
      this.#limit("refused");
    } else this.#read(head);
  }

  data(chunk: Buffer): void {
    if (this.#phase !== "open") {
      this.#drainLeft -= chunk.length;
      if (this.#drainLeft < 0) {
        this.#cutOff();
        return;
      }
    }
    if (this.#decoder) this.#decoder.write(chunk);
    else if (this.#phase !== "refused") this.#listener.data(chunk);
  }

  end(): void {
    if (this.#phase === "refused") this.#again();
    else if (this.#decoder && this.#phase === "open") {
      // Its connection may serve others while the rest is decoded.
      this.#ongoing = undefined;
      this.#decoder.end();
    } else this.#end();
  }

  broken(error: unknown): void {
    if (this.#phase === "refused") this.#again();
    else if (this.#decoder && this.#phase === "open") {
      this.#ongoing = undefined;
      this.#error = error;
      this.#decoder.end();
    } else this.#fail(faultOf(error, this.#sent));
  }

  #read(head: ReplyHead): void {
    if (head.status < 300) this.#way?.arrived();
    if (!isDecodable(head)) {
      this.#listener.head(head);
      return;
    }
    this.#decoder = openDecoder(head, {
      data: chunk => this.#listener.data(chunk),
      end: () => (this.#error === undefined ? this.#end() : this.#fail(faultOf(this.#error, this.#sent))),
      broken: error => {
        this.#ongoing?.abandon();
        this.#fail(faultOf(this.#error ?? error, this.#sent));
      },
      full: () => {
        this.#full = true;
        this.#ongoing?.pause();
      },
      ready: () => {
        this.#full = false;
        if (!this.#held) this.#ongoing?.resume();
      },
    });
    this.#listener.head(decodedHead(head));
  }

  #redirected(head: ReplyHead, setsCookies: boolean): void {
    this.#way ??= createWay(this.#link, this.#request, this.#place);
    const next = this.#way.next(head, setsCookies);
    if ("head" in next) this.#read(next.head);
    else {
      this.#place = next.place;
      this.#limit("refused");
    }
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
    const { lane, method, body } = this.#request;
    const { path, upgraded } = this.#place;
    const headers = headerList(this.#link.headers.fixed, token, this.#request);
    const cookie = this.#link.cookies.header(path, upgraded);
    if (cookie !== undefined) headers.push("cookie", cookie);
    this.#ongoing = this.#link.dispatcher.send({ lane, method, path, upgraded, headers, body }, this);
  }

  #limit(phase: "refused" | "draining"): void {
    this.#release();
    this.#decoder?.stop();
    if (this.#full) this.#ongoing?.resume();
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

  #end(): void {
    if (this.#phase === "over") return;
    this.#finish();
    this.#listener.end();
  }

  #fail(failed: AttemptFailure): void {
    if (this.#phase === "over") return;
    this.#finish();
    this.#listener.failed(failed);
  }

  #finish(): void {
    this.#phase = "over";
    this.#decoder?.stop();
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
