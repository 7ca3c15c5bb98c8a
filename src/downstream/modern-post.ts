import type { Room } from "../core/call.ts";
import type { Front } from "../core/front.ts";
import type { Clock } from "../core/ports.ts";
import type { Message } from "../wire/message.ts";
import { modernAgent } from "../wire/modern.ts";
import { checkModern, objectionTo, type SaidInMeta } from "../wire/modern-envelope.ts";
import { CODES, wireError } from "../wire/rpc-errors.ts";
import { SSE_COMMENT } from "../wire/sse.ts";
import { accepts } from "./accept.ts";
import type { SendAnswer } from "./answers.ts";
import type { Backlog } from "./backlog.ts";
import type { Batch } from "./batch.ts";
import { goneSignals } from "./disconnect-signal.ts";
import { postExchange, reply } from "./exchange.ts";
import { answerModern, type Carrier } from "./modern-request.ts";
import { firstId, NO_BATCH, refuse } from "./refuse.ts";
import type { Streams } from "./streams.ts";
import type { Visit } from "./visit.ts";

type Request = Extract<Message, { kind: "request" }>;

export interface ModernPostOptions {
  readonly front: Front;
  readonly clock: Clock;
  readonly streams: Streams;
  readonly backlog: Backlog;
  readonly send: SendAnswer;
}

/** What of a modern agent's POST is read already. */
export interface ModernPosts {
  /** `said`: what stands in its `_meta`. */
  request(visit: Visit, message: Request, said: SaidInMeta): void;
  other(visit: Visit, message: Message | Batch): void;
}

/** They are kept as long as the stream. */
const MAX_LISTEN_BYTES = 256 * 1024;
const LISTEN_TOO_LARGE = wireError(
  CODES.requestTooLarge,
  `params of a subscription are larger than ${MAX_LISTEN_BYTES} bytes`,
);
const STREAM = "text/event-stream";

/** Answers the POSTs of agents that open no sessions. */
export function createModernPosts({ front, clock, streams, backlog, send }: ModernPostOptions): ModernPosts {
  const signalOf = goneSignals();

  function request({ request: inbound, response, view }: Visit, message: Request, said: SaidInMeta): void {
    const exchange = postExchange(response, { statusOf: modernAgent.status, headers: {}, backlog, send });
    const checked = checkModern(message, inbound.headers, said);
    if (!checked.ok) return refuse(response, { status: checked.status, why: checked.error, id: message.id });
    const listens = message.method === "subscriptions/listen";
    if (listens && message.id.length + (message.params?.size ?? 0) > MAX_LISTEN_BYTES)
      return exchange.error(message.id, LISTEN_TOO_LARGE);
    const gone = signalOf(inbound);
    let kept = false;
    const keep = (): void => {
      if (!kept) streams.keep(response, {});
      kept = true;
    };
    const readsStreams = listens || accepts(inbound.headers.accept, STREAM);
    const notify = (text: Buffer): Room => {
      if (!readsStreams) return undefined;
      const room = exchange.notify(text);
      keep();
      return room;
    };
    const here = streams.whenSlow(() => {
      if (response.headersSent || response.destroyed || !readsStreams) return;
      exchange.begin();
      response.write(SSE_COMMENT);
      keep();
    });
    const asked = {
      kind: message.kind,
      id: listens ? Buffer.from(message.id) : message.id,
      method: message.method,
      params: listens ? message.params?.detached() : message.params,
      envelope: checked.envelope,
    };
    const carrier: Carrier = {
      view,
      clock,
      headers: inbound.headers,
      address: inbound.socket.remoteAddress ?? "",
      signal: gone,
      notify,
      admits: streams.admits,
      hold: stop => streams.keep(response, { stop }),
    };
    answerModern(front, asked, {
      carrier,
      done(answer) {
        here();
        if (!gone.aborted) reply(exchange, message.id, answer);
      },
    });
  }

  return { request, other: modernOther };
}

/** Modern agents send nothing but requests; a notification does no harm, a response has nobody who waits for it. */
function modernOther({ request, response }: Visit, message: Message | Batch): void {
  const objection = message.kind === "notification" && objectionTo(message, request.headers);
  if (objection) refuse(response, { status: 400, why: objection });
  else if (message.kind === "notification") response.writeHead(202).end();
  else if (message.kind === "batch") refuse(response, { status: 400, why: NO_BATCH, id: firstId(message.items) });
  else refuse(response, { status: 400, why: "A response is not accepted here" });
}
