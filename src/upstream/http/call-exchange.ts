import type { AttemptFailure, Fault } from "../../core/failure.ts";
import type { Clock, Random } from "../../core/ports.ts";
import { type Message, sizeOf } from "../../wire/message.ts";
import type { OutboundRequest, Reply } from "../channel/channel.ts";
import type { Holding } from "../channel/inbound-memory.ts";
import { failure } from "./faults.ts";
import { HttpExchange } from "./http-exchange.ts";
import type { HttpLink } from "./http-link.ts";
import { type ReplyContext, type ReplyReader, readEvents, readReply } from "./reply.ts";
import { Resumption } from "./resumption.ts";
import { isEventStream, type ReplyHead } from "./statuses.ts";

/** What a channel lends to its requests. */
export interface CallHost {
  readonly link: HttpLink;
  readonly path: string;
  readonly maxMessageBytes: number;
  readonly random: Random;
  /** Headers of a POST or a GET with the session that there is, read anew for every exchange. */
  ownHeaders(method: "POST" | "GET"): readonly string[];
  readonly session: string | undefined;
  /** Heads of replies, for what they say of the session. Tells whether it is acceptable. */
  sawHead(method: string, head: ReplyHead): boolean;
  dropped(): void;
  closing(): boolean;
}

/** What begins a conversation, in whatever revision. */
const OPENINGS: ReadonlySet<string> = new Set(["initialize", "server/discover"]);
const BAD_SESSION = failure("protocol_error", "sent_unknown", "the upstream's session id has forbidden characters");
const NO_ROOM: Reply = {
  kind: "failed",
  ...failure("no_room", "answered", "too many large answers were coming in for the rest of it to be read"),
};

type Failed = AttemptFailure & Pick<Reply & { kind: "failed" }, "status" | "doubt">;

/**
 * One request and its reply, wherever that comes from: the reply to the POST, or a stream that is taken up again after it
 * broke. `done` is called once, perhaps before `begin` returns.
 */
export class CallExchange extends HttpExchange implements ReplyContext {
  readonly id: string;
  readonly maxMessageBytes: number;
  hadSession = false;
  readonly #host: CallHost;
  readonly #request: OutboundRequest;
  readonly #done: (reply: Reply) => void;
  #reader: ReplyReader | undefined;
  #status = 0;
  #settled = false;
  /** Whether something of the upstream has been passed on. */
  #told = false;
  /** Whether the upstream itself ended the reply, rather than a fault. */
  #ended = false;
  /** Where its stream could be taken up again. */
  #resumption: Resumption | undefined;
  /** What has come of a large message. */
  #holding: Holding | undefined;
  /** In monotonic milliseconds: no progress puts its deadline off any further. */
  readonly #latest: number;
  readonly #onAbort = (): void => this.#giveUp("cancelled", "nobody waits for the answer any more");

  constructor(host: CallHost, request: OutboundRequest, done: (reply: Reply) => void) {
    super(host.link);
    this.id = String(request.id);
    this.maxMessageBytes = host.maxMessageBytes;
    this.#host = host;
    this.#request = request;
    this.#done = done;
    this.#latest = this.#clock.now() + request.maxTimeoutMs;
  }

  get #clock(): Clock {
    return this.#host.link.clock;
  }

  begin(): void {
    const { signal, parts, method, headers } = this.#request;
    if (signal.aborted) {
      this.#onAbort();
      return;
    }
    signal.onAbort(this.#onAbort);
    this.#extend();
    const host = this.#host;
    const isFirst = method === "initialize";
    this.hadSession = !isFirst && host.session !== undefined;
    const ownHeaders = isFirst ? host.link.headers.post : host.ownHeaders("POST");
    const { path } = host;
    this.start({ lane: "call", method: "POST", path, headers, ownHeaders, body: parts, opening: OPENINGS.has(method) });
  }

  protected replyHead(head: ReplyHead): void {
    this.#status = head.status;
    if (this.#resumption?.isTried) this.#reader = this.#resumed(head, this.#resumption);
    else if (this.#host.sawHead(this.#request.method, head)) this.#reader = readReply(head, this);
    else this.#failed(BAD_SESSION);
  }

  protected replyData(chunk: Buffer): void {
    this.#reader?.data(chunk);
  }

  protected replyEnd(): void {
    this.#ended = true;
    this.#reader?.end();
  }

  protected replyFailed(failed: AttemptFailure): void {
    this.#failed(failed);
  }

  protected late(): void {
    // It is we who kept the upstream from bringing the rest.
    if (this.#holding?.waits) this.onReply(NO_ROOM);
    else this.#giveUp("timeout", "no answer came in time");
  }

  /** Also ends the wait for taking a stream up again, because the channel closes. */
  override stop(): void {
    if (this.#settled) this.abandon();
    else this.#giveUp("connection_lost", "the channel was closed");
  }

  wall(): number {
    return this.#clock.wall();
  }

  onMessage(message: Message): void {
    if (this.#settled) {
      this.#host.dropped();
      return;
    }
    this.#told = true;
    if (message.kind === "notification" && message.method === "notifications/progress") this.#extend();
    const flooded = this.link.flood.count(sizeOf(message));
    const behind = this.#request.onMessage(message) ?? flooded;
    if (behind) this.hold(behind);
  }

  onCursor(cursor: { id: string | undefined; retryMs: number | undefined }): void {
    this.#resumption ??= new Resumption();
    this.#resumption.moved(cursor);
  }

  onReply(reply: Reply): void {
    if (reply.kind === "failed") this.#failed({ status: this.#status, ...reply });
    else this.#settle(reply);
  }

  onDropped(): void {
    this.#host.dropped();
    const flooded = this.link.flood.count(0);
    if (flooded) this.hold(flooded);
  }

  onHeld(bytes: number): void {
    if (this.#settled) return;
    this.#holding ??= this.link.room.open(() => this.onReply(NO_ROOM));
    if (!this.#holding.hold(bytes)) this.hold(this.#holding);
  }

  /** The request's time begins again, as far as the maximum allows. */
  #extend(): void {
    this.deadline(Math.min(this.#clock.now() + this.#request.timeoutMs, this.#latest));
  }

  /** The reply is not what it should be, or will not come; a stream with event ids can be taken up again. */
  #failed(failed: Failed): void {
    if (this.#settled) return;
    const resumption = this.#resumption;
    if (resumption?.eventId === undefined) {
      this.#settle({ kind: "failed", ...failed });
      return;
    }
    const lost = failed.fault === "connection_lost" || failed.fault === "unreachable";
    if (lost && resumption.mayTry(this.#ended) && !this.#host.closing()) this.#resumeLater(resumption);
    else if (failed.delivery === "sent_unknown" || failed.delivery === "answered") {
      this.#settle({ kind: "failed", ...failed });
    } else {
      // Whatever became of the attempt to take it up again: the request itself has long been sent.
      this.#settle({ kind: "failed", ...failure("connection_lost", "sent_unknown", failed.detail) });
    }
  }

  /** https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#resumability-and-redelivery */
  #resumeLater(resumption: Resumption): void {
    if (this.#ended) this.#request.onPostponed?.();
    this.abandon();
    // Its time goes on, and the channel may close.
    this.link.running.add(this);
    resumption.later(() => this.#resume(resumption.eventId!), { clock: this.#clock, random: this.#host.random });
  }

  #resume(eventId: string): void {
    this.link.running.remove(this);
    this.#holding?.hold(0);
    this.#reader = undefined;
    this.#ended = false;
    const ownHeaders = [...this.#host.ownHeaders("GET"), "last-event-id", eventId];
    const { headers } = this.#request;
    this.start({ lane: "stream", method: "GET", path: this.#host.path, headers, ownHeaders, body: null });
  }

  #resumed(head: ReplyHead, resumption: Resumption): ReplyReader | undefined {
    if (isEventStream(head)) return readEvents(this);
    if (head.status < 500) resumption.exhaust();
    const detail = `the stream broke and was not taken up again (HTTP ${head.status})`;
    this.#failed(failure("connection_lost", "sent_unknown", detail));
    return undefined;
  }

  #giveUp(fault: Fault, detail: string): void {
    const sent = this.#resumption?.isTried === true || this.wasSent;
    this.#settle({ kind: "failed", ...failure(fault, sent ? "sent_unknown" : "not_sent", detail) });
  }

  #settle(reply: Reply): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#holding?.hold(0);
    this.#resumption?.cancel();
    this.#request.signal.offAbort(this.#onAbort);
    if (this.isOver) this.link.running.remove(this);
    else if (reply.kind === "failed" && reply.delivery !== "refused") this.abandon();
    else this.drain();
    this.#done(this.#told && reply.kind !== "result" ? afterNews(reply) : reply);
  }
}

/** What became of a request of which something has been passed on: it was known, and had begun. */
function afterNews({ doubt: _, ...reply }: Exclude<Reply, { kind: "result" }>): Reply {
  return reply.kind === "failed" && reply.delivery === "sent_unknown" ? { ...reply, delivery: "partial" } : reply;
}
