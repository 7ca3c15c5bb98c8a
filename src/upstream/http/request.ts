import type { AttemptFailure, Fault } from "../../core/failure.ts";
import type { Clock, Random } from "../../core/ports.ts";
import type { Stoppable } from "../../lib/running.ts";
import { type Message, sizeOf } from "../../wire/message.ts";
import { reconnectMs } from "../channel/backoff.ts";
import type { OutboundRequest, Reply } from "../channel/channel.ts";
import type { Holding } from "../channel/inbound-memory.ts";
import { Conversation, type LinkRequest, type ReplyListener } from "./conversation.ts";
import type { Deadlines, Timed } from "./deadlines.ts";
import { failure } from "./faults.ts";
import { withSession } from "./headers.ts";
import type { HttpLink } from "./http-link.ts";
import { type ReplyContext, type ReplyReader, readEvents, readReply } from "./reply.ts";
import { isEventStream, type ReplyHead } from "./statuses.ts";

/** What a channel lends to its requests. */
export interface RequestHost {
  readonly link: HttpLink;
  readonly deadlines: Deadlines;
  readonly path: string;
  readonly maxMessageBytes: number;
  readonly random: Random;
  /** The session id to send, read anew for every exchange. */
  session(): string | undefined;
  /** Heads of replies, for what they say of the session. Tells whether it is acceptable. */
  sawHead(method: string, head: ReplyHead): boolean;
  dropped(): void;
  closing(): boolean;
}

/** What begins a conversation, in whatever revision. */
const OPENINGS: ReadonlySet<string> = new Set(["initialize", "server/discover"]);
/** How often in a row a broken stream is taken up again without having brought anything new. */
const MAX_RESUMES = 3;
const BAD_SESSION = failure("protocol_error", "sent_unknown", "the upstream's session id has forbidden characters");
const NO_ROOM: Reply = {
  kind: "failed",
  ...failure("no_room", "answered", "too many large answers were coming in for the rest of it to be read"),
};

/** Sends one request and waits for its reply, wherever that comes from. */
export function sendRequest(host: RequestHost, request: OutboundRequest): Promise<Reply> {
  return new Promise(resolve => new PendingRequest(host, request, resolve).begin());
}

class PendingRequest implements ReplyListener, ReplyContext, Stoppable {
  place = -1;
  readonly id: string;
  readonly maxMessageBytes: number;
  hadSession = false;
  readonly #host: RequestHost;
  readonly #request: OutboundRequest;
  readonly #resolve: (reply: Reply) => void;
  readonly #deadline: RequestDeadline;
  #conversation: Conversation | undefined;
  #reader: ReplyReader | undefined;
  #status = 0;
  #settled = false;
  /** Whether something of the upstream has been passed on. */
  #told = false;
  #eventId: string | undefined;
  #retryMs: number | undefined;
  /** Tries in a row to take the stream up again. */
  #tries = 0;
  #resuming = false;
  /** Whether the upstream itself ended the reply, rather than a fault. */
  #ended = false;
  #cancelResume: (() => void) | undefined;
  /** What has come of a large message. */
  #holding: Holding | undefined;
  readonly #onAbort = (): void => this.#giveUp("cancelled", "nobody waits for the answer any more");

  constructor(host: RequestHost, request: OutboundRequest, resolve: (reply: Reply) => void) {
    this.id = String(request.id);
    this.maxMessageBytes = host.maxMessageBytes;
    this.#host = host;
    this.#request = request;
    this.#resolve = resolve;
    this.#deadline = new RequestDeadline(this, request, host.link.clock);
  }

  begin(): void {
    const { signal, parts, method, headers } = this.#request;
    if (signal.aborted) {
      this.#onAbort();
      return;
    }
    signal.addEventListener("abort", this.#onAbort);
    const { path } = this.#host;
    if (this.#deadline.dueAt < Number.POSITIVE_INFINITY) this.#host.deadlines.add(this.#deadline);
    const session = method === "initialize" ? undefined : this.#host.session();
    this.hadSession = session !== undefined;
    const ownHeaders = withSession(this.#host.link.headers.post, session);
    const opening = OPENINGS.has(method);
    this.#converse({ lane: "call", method: "POST", path, headers, ownHeaders, body: parts, opening });
  }

  #converse(exchange: LinkRequest): void {
    this.#holding?.hold(0);
    this.#reader = undefined;
    this.#ended = false;
    this.#conversation = new Conversation(this.#host.link, exchange, this);
    this.#conversation.begin();
  }

  head(head: ReplyHead): void {
    this.#status = head.status;
    if (this.#resuming) this.#reader = this.#resumed(head);
    else if (this.#host.sawHead(this.#request.method, head)) this.#reader = readReply(head, this);
    else this.failed(BAD_SESSION);
  }

  data(chunk: Buffer): void {
    this.#reader?.data(chunk);
  }

  end(): void {
    this.#ended = true;
    this.#reader?.end();
  }

  wall(): number {
    return this.#host.link.clock.wall();
  }

  onMessage(message: Message): void {
    if (this.#settled) {
      this.#host.dropped();
      return;
    }
    this.#told = true;
    if (message.kind === "notification" && message.method === "notifications/progress") this.#deadline.extend();
    const flooded = this.#host.link.flood.count(sizeOf(message));
    const behind = this.#request.onMessage(message) ?? flooded;
    if (behind) this.#conversation?.hold(behind);
  }

  onCursor(cursor: { id: string | undefined; retryMs: number | undefined }): void {
    this.#retryMs = cursor.retryMs ?? this.#retryMs;
    if (cursor.id === undefined || cursor.id === this.#eventId) return;
    this.#eventId = cursor.id;
    this.#tries = 0;
  }

  onReply(reply: Reply): void {
    if (reply.kind === "failed") this.failed({ status: this.#status, ...reply });
    else this.#settle(reply);
  }

  onDropped(): void {
    this.#host.dropped();
    const flooded = this.#host.link.flood.count(0);
    if (flooded) this.#conversation?.hold(flooded);
  }

  onHeld(bytes: number): void {
    if (this.#settled) return;
    this.#holding ??= this.#host.link.room.open(() => this.onReply(NO_ROOM));
    if (!this.#holding.hold(bytes)) this.#conversation?.hold(this.#holding);
  }

  /** The reply is not what it should be, or will not come; a stream with event ids can be taken up again. */
  failed(failed: AttemptFailure & Pick<Reply & { kind: "failed" }, "status" | "doubt">): void {
    if (this.#settled) return;
    // It says when to come back, so that ending the stream is no fault: the call's own time is the limit.
    if (this.#ended && this.#retryMs !== undefined) this.#tries = 0;
    const lost = failed.fault === "connection_lost" || failed.fault === "unreachable";
    const again = lost && this.#tries < MAX_RESUMES && !this.#host.closing();
    if (this.#eventId !== undefined && again) {
      if (this.#ended) this.#request.onPostponed?.();
      this.#resumeLater(this.#eventId);
    } else if (this.#eventId === undefined || failed.delivery === "sent_unknown" || failed.delivery === "answered") {
      this.#settle({ kind: "failed", ...failed });
    } else {
      // Whatever became of the attempt to take it up again: the request itself has long been sent.
      this.#settle({ kind: "failed", ...failure("connection_lost", "sent_unknown", failed.detail) });
    }
  }

  late(): void {
    // It is we who kept the upstream from bringing the rest.
    if (this.#holding?.waits) this.onReply(NO_ROOM);
    else this.#giveUp("timeout", "no answer came in time");
  }

  /** Ends the wait for taking it up again, because the channel closes. */
  stop(): void {
    this.#giveUp("connection_lost", "the channel was closed");
  }

  /** https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#resumability-and-redelivery */
  #resumeLater(eventId: string): void {
    const { link, random, path, session } = this.#host;
    const delayMs = reconnectMs(this.#retryMs, this.#tries, random);
    this.#tries++;
    this.#resuming = true;
    this.#conversation?.abandon();
    link.running.add(this);
    this.#cancelResume = link.clock.after(delayMs, () => {
      link.running.remove(this);
      const ownHeaders = [...withSession(link.headers.get, session()), "last-event-id", eventId];
      const { headers } = this.#request;
      this.#converse({ lane: "stream", method: "GET", path, headers, ownHeaders, body: null });
    });
  }

  #resumed(head: ReplyHead): ReplyReader | undefined {
    if (isEventStream(head)) return readEvents(this);
    if (head.status < 500) this.#tries = MAX_RESUMES;
    const detail = `the stream broke and was not taken up again (HTTP ${head.status})`;
    this.failed(failure("connection_lost", "sent_unknown", detail));
    return undefined;
  }

  #giveUp(fault: Fault, detail: string): void {
    const sent = this.#resuming || (this.#conversation?.wasSent ?? false);
    this.#settle({ kind: "failed", ...failure(fault, sent ? "sent_unknown" : "not_sent", detail) });
  }

  #settle(reply: Reply): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#holding?.hold(0);
    this.#host.deadlines.remove(this.#deadline);
    this.#cancelResume?.();
    this.#host.link.running.remove(this);
    this.#request.signal.removeEventListener("abort", this.#onAbort);
    if (reply.kind === "failed" && reply.delivery !== "refused") this.#conversation?.abandon();
    else this.#conversation?.drain();
    this.#resolve(this.#told && reply.kind !== "result" ? afterNews(reply) : reply);
  }
}

/** What became of a request of which something has been passed on: it was known, and had begun. */
function afterNews({ doubt: _, ...reply }: Exclude<Reply, { kind: "result" }>): Reply {
  return reply.kind === "failed" && reply.delivery === "sent_unknown" ? { ...reply, delivery: "partial" } : reply;
}

/** The request's time, which progress starts anew as far as the maximum allows. */
class RequestDeadline implements Timed {
  place = -1;
  dueAt: number;
  readonly #request: PendingRequest;
  readonly #timeoutMs: number;
  readonly #latest: number;
  readonly #clock: Clock;

  constructor(request: PendingRequest, limits: OutboundRequest, clock: Clock) {
    const now = clock.now();
    this.#request = request;
    this.#clock = clock;
    this.#timeoutMs = limits.timeoutMs;
    this.#latest = now + limits.maxTimeoutMs;
    this.dueAt = Math.min(now + limits.timeoutMs, this.#latest);
  }

  extend(): void {
    this.dueAt = Math.min(this.#clock.now() + this.#timeoutMs, this.#latest);
  }

  expire(): void {
    this.#request.late();
  }
}
