import type { AttemptFailure, Fault } from "../core/failure.ts";
import type { Random } from "../core/ports.ts";
import type { Message } from "../wire/message.ts";
import { reconnectMs } from "./backoff.ts";
import type { OutboundRequest, Reply } from "./channel.ts";
import { Conversation, type HttpLink, type LinkRequest, type ReplyListener } from "./conversation.ts";
import { type Deadline, startDeadline } from "./deadline.ts";
import { failure } from "./faults.ts";
import { GET_HEADERS, POST_HEADERS } from "./http-headers.ts";
import { type ReplyContext, type ReplyReader, readEvents, readReply } from "./http-reply.ts";
import { isEventStream, type ReplyHead } from "./statuses.ts";

/** What a channel lends to its requests. */
export interface RequestHost {
  readonly link: HttpLink;
  readonly path: string;
  readonly maxMessageBytes: number;
  readonly random: Random;
  /** The session id to send, read anew for every exchange. */
  session(): string | undefined;
  /** Heads of replies, for what they say of the session. Tells whether it is acceptable. */
  sawHead(method: string, head: ReplyHead): boolean;
  dropped(): void;
}

/** How often in a row a broken stream is taken up again without having brought anything new. */
const MAX_RESUMES = 3;
const BAD_SESSION = failure("protocol_error", "sent_unknown", "the upstream's session id has forbidden characters");

/** Sends one request and waits for its reply, wherever that comes from. */
export function sendRequest(host: RequestHost, request: OutboundRequest): Promise<Reply> {
  return new Promise(resolve => new PendingRequest(host, request, resolve).begin());
}

class PendingRequest {
  readonly #host: RequestHost;
  readonly #request: OutboundRequest;
  readonly #resolve: (reply: Reply) => void;
  #deadline: Deadline | undefined;
  #conversation: Conversation | undefined;
  #settled = false;
  /** Whether something of the upstream has been passed on. */
  #told = false;
  #eventId: string | undefined;
  #retryMs: number | undefined;
  #resumes = 0;
  #cancelResume: () => void = () => {};
  readonly #onAbort = (): void => this.#giveUp("cancelled", "nobody waits for the answer any more");

  constructor(host: RequestHost, request: OutboundRequest, resolve: (reply: Reply) => void) {
    this.#host = host;
    this.#request = request;
    this.#resolve = resolve;
  }

  begin(): void {
    const { signal } = this.#request;
    if (signal.aborted) {
      this.#onAbort();
      return;
    }
    this.#host.link.running.add(this);
    signal.addEventListener("abort", this.#onAbort, { once: true });
    this.#deadline = startDeadline(this.#host.link.clock, this.#request, () =>
      this.#giveUp("timeout", "no answer came in time"),
    );
    const { parts, headers, method } = this.#request;
    const session = method === "initialize" ? undefined : this.#host.session();
    this.#converse(
      {
        lane: "call",
        method: "POST",
        path: this.#host.path,
        headers: { ...headers, ...POST_HEADERS, "mcp-session-id": session },
        body: parts.length === 1 ? parts[0]! : Buffer.concat(parts),
      },
      head => (this.#host.sawHead(method, head) ? readReply(head, this.#context(session !== undefined)) : BAD_SESSION),
    );
  }

  /** Ends the request because the channel closes. */
  stop(): void {
    this.#giveUp("connection_lost", "the channel was closed");
  }

  #converse(exchange: LinkRequest, read: (head: ReplyHead) => ReplyReader | AttemptFailure): void {
    let reader: ReplyReader | undefined;
    const listener: ReplyListener = {
      head: head => {
        const outcome = read(head);
        if ("fault" in outcome) this.#broken(outcome);
        else reader = outcome;
      },
      data: chunk => reader?.data(chunk),
      end: () => reader?.end(),
      failed: failed => this.#broken(failed),
    };
    this.#conversation = new Conversation(this.#host.link, exchange, listener);
    this.#conversation.begin();
  }

  #context(hadSession: boolean): ReplyContext {
    return {
      id: String(this.#request.id),
      maxMessageBytes: this.#host.maxMessageBytes,
      hadSession,
      wall: () => this.#host.link.clock.wall(),
      onMessage: message => this.#pass(message),
      onCursor: ({ id, retryMs }) => {
        if (retryMs !== undefined) this.#retryMs = retryMs;
        if (id === undefined || id === this.#eventId) return;
        this.#eventId = id;
        this.#resumes = 0;
      },
      onReply: reply => {
        if (reply.kind === "failed") this.#broken(reply);
        else this.#settle(reply);
      },
      onDropped: () => this.#host.dropped(),
    };
  }

  #pass(message: Message): void {
    if (this.#settled) {
      this.#host.dropped();
      return;
    }
    this.#told = true;
    if (message.kind === "notification" && message.method === "notifications/progress") this.#deadline?.extend();
    this.#request.onMessage(message);
  }

  /** The reply is not what it should be, or will not come; a stream with event ids can be taken up again. */
  #broken(failed: AttemptFailure & { readonly status?: number }): void {
    if (this.#settled) return;
    const lost = failed.fault === "connection_lost" || failed.fault === "unreachable";
    if (lost && this.#eventId !== undefined && this.#resumes < MAX_RESUMES) this.#resumeLater(this.#eventId);
    else if (this.#eventId === undefined || failed.delivery === "sent_unknown") {
      this.#settle({ kind: "failed", ...failed });
    } else {
      // Whatever became of the attempt to take it up again: the request itself has long been sent.
      this.#settle({ kind: "failed", ...failure("connection_lost", "sent_unknown", failed.detail) });
    }
  }

  /** https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#resumability-and-redelivery */
  #resumeLater(eventId: string): void {
    const { link, random, path } = this.#host;
    const delayMs = reconnectMs(this.#retryMs, this.#resumes, random);
    this.#resumes++;
    this.#conversation?.abandon();
    this.#cancelResume = link.clock.after(delayMs, () => {
      const session = this.#host.session();
      const headers = { ...this.#request.headers, ...GET_HEADERS, "mcp-session-id": session, "last-event-id": eventId };
      this.#converse({ lane: "stream", method: "GET", path, headers, body: null }, head => {
        if (isEventStream(head)) return readEvents(this.#context(true));
        if (head.status < 500) this.#resumes = MAX_RESUMES;
        const detail = `the stream broke and was not taken up again (HTTP ${head.status})`;
        return failure("connection_lost", "sent_unknown", detail);
      });
    });
  }

  #giveUp(fault: Fault, detail: string): void {
    const sent = this.#eventId !== undefined || (this.#conversation?.wasSent ?? false);
    this.#settle({ kind: "failed", ...failure(fault, sent ? "sent_unknown" : "not_sent", detail) });
  }

  #settle(reply: Reply): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#deadline?.stop();
    this.#cancelResume();
    this.#request.signal.removeEventListener("abort", this.#onAbort);
    this.#host.link.running.delete(this);
    if (reply.kind === "failed" && reply.delivery !== "refused") this.#conversation?.abandon();
    else this.#conversation?.drain();
    const partial = this.#told && reply.kind === "failed" && reply.delivery === "sent_unknown";
    this.#resolve(partial ? { ...reply, delivery: "partial" } : reply);
  }
}
