import type { AttemptFailure, Fault } from "../../core/failure.ts";
import type { Payload } from "../../core/payload.ts";
import { ByteBuffer } from "../../wire/byte-buffer.ts";
import { type Invalid, type Message, numberOf, type RawId } from "../../wire/message.ts";
import { passBy } from "../../wire/oversized.ts";
import { sseParser } from "../../wire/sse.ts";
import type { Doubt, Reply } from "../channel/channel.ts";
import { REPLIES } from "../channel/inbound-memory.ts";
import { readUpstreamMessage } from "../channel/read-message.ts";
import { failure } from "./faults.ts";
import { doubtOf, faultOfBareStatus, faultOfStatus, header, mediaType, type ReplyHead } from "./statuses.ts";

/** What a reply is read for. */
export interface ReplyContext {
  /** The JSON text of the request's id. */
  readonly id: string;
  readonly maxMessageBytes: number;
  /** Whether the request carried a session id, which gives 404 its meaning. */
  readonly hadSession: boolean;
  wall(): number;
  /** Notifications and requests of the upstream, in their order. */
  onMessage(message: Message): void;
  /** Where the stream could be taken up again. */
  onCursor(cursor: { id: string | undefined; retryMs: number | undefined }): void;
  /** The answer. Said once, nothing but `dropped` comes after it. */
  onReply(reply: Reply): void;
  /** Something came after the answer. */
  onDropped(): void;
  /** How much is held of a message that is not complete; small ones are not told of. */
  onHeld(bytes: number): void;
}

/** Takes the body of a reply. `end` must bring the answer if nothing has. */
export interface ReplyReader {
  data(chunk: Buffer): void;
  end(): void;
}

const IGNORE: ReplyReader = { data: () => {}, end: () => {} };

/** Decides by its head how a reply to a POST is read. */
export function readReply(head: ReplyHead, context: ReplyContext): ReplyReader {
  const { status } = head;
  const refuse = (failed: AttemptFailure): ReplyReader => {
    context.onReply({ kind: "failed", status, ...failed, ...doubtIn(context, status) });
    return IGNORE;
  };
  const fault = faultOfStatus(head, context.wall());
  if (fault) return refuse(fault);
  const encoding = header(head, "content-encoding");
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") {
    return refuse(garbled("the upstream compressed its answer in a way that is not known here"));
  }
  const type = mediaType(head);
  if (status >= 400) {
    if (type === "application/json") return readError(status, context);
    return refuse(faultOfBareStatus(status, context.hadSession));
  }
  if (status === 202 || status === 204) return refuse(garbled(`the upstream gave no answer (HTTP ${status})`));
  if (type === "text/event-stream") return readEvents(context);
  if (type === "application/json") return readJson(head.bytes, context);
  if (type === "") return readUnlabelled(context);
  return refuse(garbled(`the upstream answered with ${type} instead of JSON`));
}

/** An object begins with one of these, an event stream with the name of a field or a comment. */
const OPENS_JSON = /^[{\ufeff]/;
const OPENS_EVENTS = /^[deir:]/;

/** The upstream does not say what it is, so the first character does. */
function readUnlabelled(context: ReplyContext): ReplyReader {
  let reader: ReplyReader | undefined;
  const begin = (first: string): ReplyReader => {
    if (OPENS_JSON.test(first)) return readJson(undefined, context);
    if (OPENS_EVENTS.test(first)) return readEvents(context);
    context.onReply({ kind: "failed", ...garbled("the upstream answered with no content type instead of JSON") });
    return IGNORE;
  };
  return {
    data(chunk) {
      const first = reader ? "" : chunk.toString("utf8", 0, 64).trimStart();
      if (first !== "") reader = begin(first);
      reader?.data(chunk);
    },
    end() {
      (reader ?? begin("")).end();
    },
  };
}

/** A single JSON object. */
function readJson(announcedBytes: number | undefined, context: ReplyContext): ReplyReader {
  if (announcedBytes !== undefined && announcedBytes > context.maxMessageBytes) {
    context.onReply(tooLarge(context));
    return IGNORE;
  }
  return new WholeBody(context, announcedBytes, takeAnswer);
}

const takeAnswer = (text: Buffer, context: ReplyContext): void =>
  context.onReply(answerOf(readUpstreamMessage(unmarked(text)), context) ?? NO_ANSWER);

/** Each event's data is a message; the one that answers ends it. */
export function readEvents(context: ReplyContext): ReplyReader {
  let answered = false;
  const answer = (reply: Reply): void => {
    answered = true;
    context.onReply(reply);
  };
  const push = sseParser({
    maxEventBytes: context.maxMessageBytes,
    onHeld: bytes => context.onHeld(bytes),
    onTooLong: () =>
      passBy(seen => {
        if (answered || seen.kind === "other") context.onDropped();
        else answer(tooLarge(context));
      }),
    onEvent: ({ event, data, id, retryMs }) => {
      if (answered) {
        if (data.length > 0) context.onDropped();
        return;
      }
      if (id !== undefined || retryMs !== undefined) context.onCursor({ id, retryMs });
      if (data.length === 0 || event !== "message") return;
      const message = readUpstreamMessage(data);
      if (message.kind === "request" || message.kind === "notification") return context.onMessage(message);
      const reply = answerOf(message, context);
      if (reply) answer(reply);
    },
  });
  return {
    data: push,
    end: () => {
      if (!answered) answer(failed("connection_lost", "the upstream ended its stream without an answer"));
    },
  };
}

/** An error status with a JSON body: a JSON-RPC error counts, whomever it names; anything else is just the status. */
function readError(status: number, context: ReplyContext): ReplyReader {
  const doubt = doubtIn(context, status);
  return new WholeBody(context, undefined, text => {
    const message = readUpstreamMessage(text);
    if (message.kind === "error") context.onReply({ kind: "error", error: message.error, status, ...doubt });
    else context.onReply({ kind: "failed", status, ...faultOfBareStatus(status, context.hadSession), ...doubt });
  });
}

/** What a refusal with this status leaves in doubt. */
function doubtIn({ hadSession }: ReplyContext, status: number): { readonly doubt?: Doubt } {
  const doubt = hadSession ? doubtOf(status) : undefined;
  return doubt === undefined ? NO_DOUBT : { doubt };
}
const NO_DOUBT = {};

/** Gathers a body up to the largest message and hands it over whole. */
class WholeBody implements ReplyReader {
  readonly #context: ReplyContext;
  readonly #body: ByteBuffer;
  readonly #whole: (text: Buffer, context: ReplyContext) => void;
  #gaveUp = false;

  constructor(
    context: ReplyContext,
    announcedBytes: number | undefined,
    whole: (text: Buffer, context: ReplyContext) => void,
  ) {
    this.#context = context;
    this.#body = new ByteBuffer(context.maxMessageBytes, announcedBytes ?? 0);
    this.#whole = whole;
  }

  data(chunk: Buffer): void {
    if (this.#gaveUp) return;
    const context = this.#context;
    const bytes = this.#body.length + chunk.length;
    if (bytes > context.maxMessageBytes) {
      this.#gaveUp = true;
      this.#body.clear();
      context.onReply(tooLarge(context));
    } else {
      this.#body.append(chunk);
      if (bytes > REPLIES.smallBytes) context.onHeld(bytes);
    }
  }

  end(): void {
    if (!this.#gaveUp) this.#whole(this.#body.take(), this.#context);
  }
}

const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

const unmarked = (text: Buffer): Buffer =>
  text.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK) ? text.subarray(BYTE_ORDER_MARK.length) : text;

/** The answer that a message is, or what is wrong with it; `undefined` for a message on the way to the answer. */
function answerOf(message: Message | Invalid, context: ReplyContext): Reply | undefined {
  switch (message.kind) {
    case "invalid":
      return failed("protocol_error", `the upstream's message is not valid: ${message.message}`);
    case "result":
      if (!isAnswerTo(context, message.id)) return WRONG_ID;
      return { kind: "result", result: message.result };
    case "error":
      if (message.id === undefined) return unaddressed(message.error, context);
      if (!isAnswerTo(context, message.id)) return WRONG_ID;
      return { kind: "error", error: message.error };
    default:
      return undefined;
  }
}

const isAnswerTo = ({ id }: ReplyContext, found: RawId): boolean =>
  found.toString("latin1") === id || numberOf(found) === id;

/** Whoever cannot say what an error is about has not understood the request: https://www.jsonrpc.org/specification#response_object */
const unaddressed = (error: Payload, { hadSession }: ReplyContext): Reply => ({
  ...{ kind: "error", error },
  ...(hadSession && { doubt: "undone" }),
});

const garbled = (detail: string): AttemptFailure => failure("protocol_error", "sent_unknown", detail);
const failed = (fault: Fault, detail: string): Reply => ({ kind: "failed", ...failure(fault, "sent_unknown", detail) });
const NO_ANSWER: Reply = failed("protocol_error", "the upstream answered with a message that is no response");
const WRONG_ID: Reply = failed("protocol_error", "the upstream answered with a wrong id");
/** It has answered: asked again, whoever it is would answer no less. */
const tooLarge = ({ maxMessageBytes }: ReplyContext): Reply => ({
  kind: "failed",
  ...failure(
    "too_large",
    "answered",
    `the upstream's answer is larger than ${maxMessageBytes} bytes (max_result_bytes)`,
  ),
});
