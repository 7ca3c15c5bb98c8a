import type { Behind } from "../../core/call.ts";
import type { AttemptFailure } from "../../core/failure.ts";
import type { Timed } from "../../lib/deadlines.ts";
import { CredentialError } from "./credentials.ts";
import { type Decoder, decodedHead, isDecodable, openDecoder } from "./decode.ts";
import { failure, faultOf } from "./faults.ts";
import { type HttpLink, type LinkRequest, takeCookies } from "./http-link.ts";
import type { Place } from "./redirects.ts";
import { isEventStream, type ReplyHead } from "./statuses.ts";
import type { Carrier, Exchange, HttpRequest } from "./transport.ts";
import { createWay, placeOf, type Way } from "./way.ts";

/** How much of an answer that is not wanted is read to keep its connection usable. */
const DRAIN_BYTES = 65_536;
const DRAIN_MS = 1_000;
const UNAUTHORIZED = 401;

/**
 * - `open`: everything is wanted.
 * - `refused`: a 401 or a redirect, whose rest is read before the request is sent again with a new token or elsewhere.
 * - `draining`: what was wanted is there.
 */
type Phase = "open" | "refused" | "draining" | "over";

/**
 * One exchange with the upstream, from its place in the queue to the end of its reply. Transports bring it the reply, and
 * it hands on head, data and end by its own methods `reply…`. What few exchanges need hangs on it as a part: a token and
 * its renewal, the way of redirects, a decoder.
 */
export abstract class HttpExchange implements Exchange, Timed {
  place = -1;
  dueAt = Number.POSITIVE_INFINITY;
  turn: Exchange["turn"] = "none";
  queuedAt = 0;
  carrier: Carrier | undefined;
  request!: HttpRequest;
  protected readonly link: HttpLink;
  /** When `late` is called, in monotonic milliseconds. */
  #deadlineAt = Number.POSITIVE_INFINITY;
  #asked!: LinkRequest;
  #phase: Phase = "open";
  #sent = false;
  #held = false;
  #drainLeft = 0;
  #place!: Place;
  #token: string | undefined;
  #renewed = false;
  /** Once it has been redirected. */
  #way: Way | undefined;
  #decoder: Decoder | undefined;
  /** Whether the decoder has more than it can take. */
  #full = false;
  /** What ended a compressed reply before its end. */
  #error: unknown;

  constructor(link: HttpLink) {
    this.link = link;
  }

  protected abstract replyHead(head: ReplyHead): void;
  /** `chunk` is only lent. */
  protected abstract replyData(chunk: Buffer): void;
  protected abstract replyEnd(): void;
  /** Comes instead of the rest. */
  protected abstract replyFailed(failed: AttemptFailure): void;
  /** Its deadline has passed. */
  protected abstract late(): void;

  get isOver(): boolean {
    return this.#phase === "over";
  }

  /** Whether any of the latest attempt may have reached the upstream. */
  get wasSent(): boolean {
    return this.#sent;
  }

  /** Sends that request; once it is over, another one may be started in the same exchange. */
  start(asked: LinkRequest): void {
    this.#asked = asked;
    this.#place = placeOf(this.link, asked);
    this.#phase = "open";
    this.#renewed = false;
    this.#way = undefined;
    this.#decoder = undefined;
    this.#error = undefined;
    this.#full = false;
    this.#sent = false;
    this.dueAt = this.#deadlineAt;
    this.link.running.add(this);
    this.#obtainToken();
  }

  /** From then on it is late, unless it is told otherwise before; in monotonic milliseconds. */
  protected deadline(at: number): void {
    this.#deadlineAt = at;
    if (this.#phase !== "open") return;
    this.dueAt = at;
    this.link.running.hasten(this);
  }

  expire(): void {
    if (this.#phase === "draining") this.abandon();
    else if (this.#phase === "refused" && this.#deadlineAt > this.dueAt) this.#againAfterRest();
    else this.late();
  }

  /** The rest of the reply is not wanted: read on for a bounded time and size only. */
  drain(): void {
    this.#deadlineAt = Number.POSITIVE_INFINITY;
    if (this.#phase === "open") this.#limit("draining");
  }

  /** Closes the connection; nothing more is handed on. */
  abandon(): void {
    if (this.#phase === "over") return;
    const { carrier } = this;
    this.carrier = undefined;
    this.#finish();
    carrier?.abandon();
  }

  /** Who the reply is for is behind: reads no further until it has caught up. */
  hold(reader: Behind): void {
    if (this.#held || this.#phase !== "open") return;
    this.#held = true;
    this.#decoder?.pause();
    this.carrier?.pause();
    reader.caughtUp(() => this.#release());
  }

  #release(): void {
    if (!this.#held) return;
    this.#held = false;
    this.#decoder?.resume();
    if (!this.#full) this.carrier?.resume();
  }

  /** Ends the exchange because the channel closes. */
  stop(): void {
    if (this.#phase === "over") return;
    this.abandon();
    this.replyFailed(failure("connection_lost", this.#sent ? "sent_unknown" : "not_sent", "the channel was closed"));
  }

  sent(): void {
    this.#sent = true;
  }

  head(head: ReplyHead): void {
    if (this.#phase === "over") return;
    try {
      this.#takeHead(head);
    } catch (error) {
      this.#broke(error);
    }
  }

  data(chunk: Buffer): void {
    try {
      this.#takeData(chunk);
    } catch (error) {
      this.#broke(error);
    }
  }

  #takeHead(head: ReplyHead): void {
    if (isEventStream(head)) this.link.dispatcher.leave(this);
    const setsCookies =
      head.headers["set-cookie"] !== undefined &&
      takeCookies(this.link, head, { opening: this.#asked.opening === true, path: this.#place.path });
    if (head.status >= 300 && head.status < 400) this.#redirected(head, setsCookies);
    else if (head.status === UNAUTHORIZED && this.#token !== undefined && !this.#renewed) {
      this.#renewed = true;
      this.link.credentials?.invalidate(this.#token);
      this.#limit("refused");
    } else this.#read(head);
  }

  #takeData(chunk: Buffer): void {
    if (this.#phase !== "open") {
      this.#drainLeft -= chunk.length;
      if (this.#drainLeft < 0) {
        if (this.#phase === "refused") this.#againAfterRest();
        else this.abandon();
        return;
      }
    }
    if (this.#decoder) this.#decoder.write(Buffer.from(chunk));
    else if (this.#phase !== "refused" && this.#phase !== "over") this.replyData(chunk);
  }

  end(): void {
    this.link.dispatcher.leave(this);
    if (this.#phase === "refused") this.#again();
    else if (this.#decoder && this.#phase === "open") this.#decoder.end();
    else this.#end();
  }

  fail(error: unknown): void {
    this.link.dispatcher.leave(this);
    if (this.#phase === "refused") this.#again();
    else if (this.#decoder && this.#phase === "open") {
      this.#error = error;
      this.#decoder.end();
    } else this.#fail(faultOf(error, this.#sent));
  }

  #read(head: ReplyHead): void {
    if (head.status < 300) this.#way?.arrived();
    if (!isDecodable(head)) {
      this.replyHead(head);
      return;
    }
    this.#decoder = openDecoder(head, {
      data: chunk => {
        try {
          this.replyData(chunk);
        } catch (error) {
          this.#broke(error);
        }
      },
      end: () => (this.#error === undefined ? this.#end() : this.#fail(faultOf(this.#error, this.#sent))),
      broken: error => this.#breakOff(this.#error ?? error),
      full: () => {
        this.#full = true;
        this.carrier?.pause();
      },
      ready: () => {
        this.#full = false;
        if (!this.#held) this.carrier?.resume();
      },
    });
    this.replyHead(decodedHead(head));
  }

  #redirected(head: ReplyHead, setsCookies: boolean): void {
    this.#way ??= createWay(this.link, this.#asked, this.#place);
    const next = this.#way.next(head, setsCookies);
    if ("head" in next) this.#read(next.head);
    else {
      this.#place = next.place;
      this.#limit("refused");
    }
  }

  #obtainToken(): void {
    const token = this.link.credentials?.token();
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
    const { lane, method, body, headers, ownHeaders: own } = this.#asked;
    const { path, upgraded } = this.#place;
    const cookie = this.link.cookies.header(path, upgraded);
    const head = this.link.requestHead({ method, path, fixed: this.link.headers.fixed, own, token, cookie });
    this.request = { lane, head, headers, upgraded, body };
    this.link.dispatcher.start(this);
  }

  #limit(phase: "refused" | "draining"): void {
    this.#release();
    this.#decoder?.stop();
    if (this.#full) this.carrier?.resume();
    this.#phase = phase;
    this.#drainLeft = DRAIN_BYTES;
    this.dueAt = Math.min(this.#deadlineAt, this.link.clock.now() + DRAIN_MS);
    this.link.running.hasten(this);
  }

  /** Its rest is too long, or takes too long, for its connection to be worth it. */
  #againAfterRest(): void {
    this.carrier?.abandon();
    this.carrier = undefined;
    this.link.dispatcher.leave(this);
    this.#again();
  }

  #again(): void {
    this.#phase = "open";
    this.#decoder = undefined;
    this.#sent = false;
    this.dueAt = this.#deadlineAt;
    this.#obtainToken();
  }

  #end(): void {
    if (this.#phase === "over") return;
    this.#finish();
    try {
      this.replyEnd();
    } catch (error) {
      this.replyFailed(faultOf(bug(error), this.#sent));
    }
  }

  /** A bug of ours that the reply ran into costs this exchange, and nobody else. */
  #broke(error: unknown): void {
    this.#breakOff(bug(error));
  }

  #breakOff(error: unknown): void {
    this.carrier?.abandon();
    this.carrier = undefined;
    this.#fail(faultOf(error, this.#sent));
  }

  #fail(failed: AttemptFailure): void {
    if (this.#phase === "over") return;
    this.#finish();
    this.replyFailed(failed);
  }

  #finish(): void {
    this.#phase = "over";
    this.#decoder?.stop();
    // The connection may serve others from now on.
    this.#release();
    this.link.running.remove(this);
    this.link.dispatcher.leave(this);
  }
}

const bug = (cause: unknown): Error =>
  Object.assign(new Error("a reader failed", { cause }), { code: "READER_FAILED" });
