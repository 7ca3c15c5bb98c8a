import type { AttemptFailure } from "../../core/failure.ts";
import { looksRandom } from "../../core/secrets/looks-random.ts";
import { passBy } from "../../wire/oversized.ts";
import { sseParser } from "../../wire/sse.ts";
import type { Channel, ChannelEvents, OutboundRequest } from "../channel/channel.ts";
import { cancelledText, createCorrelator } from "../channel/correlate.ts";
import { readUpstreamMessage } from "../channel/read-message.ts";
import { type Delivery, deliver } from "./deliver.ts";
import { openDispatcher } from "./dispatcher.ts";
import { failure } from "./faults.ts";
import { authorityOf } from "./headers.ts";
import { createHttpLink } from "./http-link.ts";
import { ListenedExchange } from "./listened-exchange.ts";
import { urlOf } from "./redirects.ts";
import { doubtOf, faultOfBareStatus, faultOfStatus, isEventStream, mediaType, type ReplyHead } from "./statuses.ts";
import type { HttpChannelOptions } from "./streamable.ts";
import { placeOf } from "./way.ts";

export type SseChannelOptions = Omit<HttpChannelOptions, "random"> & {
  /** How long the upstream may take to name the address for messages. */
  readonly endpointTimeoutMs?: number;
};

export interface SseChannel extends Channel {
  readonly holdsState: true;
  /** How the upstream refused to open it, where that may mean that it speaks the other transport. */
  readonly refusal: number | undefined;
}

const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;
const ENDPOINT_TIMEOUT_MS = 10_000;
const NOTIFY_PATIENCE = { timeoutMs: 10_000 } as const;
const CLOSED = failure("connection_lost", "sent_unknown", "the channel was closed");

interface Sending {
  readonly request: OutboundRequest;
  /** Its reply is there: it comes on the stream, maybe long before the POST is answered. */
  readonly replied: Promise<void>;
}

/**
 * HTTP with SSE, the transport of 2024-11-05: one stream brings every message, each of ours is a POST to the address
 * that the stream names first. The channel ends with its stream.
 * https://modelcontextprotocol.io/specification/2024-11-05/basic/transports#http-with-sse
 */
export function openSseChannel(options: SseChannelOptions, events: ChannelEvents): SseChannel {
  const { clock, maxMessageBytes = MAX_MESSAGE_BYTES } = options;
  const streamUrl = new URL(options.url);
  const streamPath = streamUrl.pathname + streamUrl.search;
  const dispatcher = options.dispatcher ?? openDispatcher({ ...options, authority: authorityOf(options.headers) });
  // One agent's alone, as its stream is.
  const link = createHttpLink({ ...options, dispatcher, sharing: { personal: true } });
  let heard = 0;
  /** Path for messages, once it is known. */
  let endpoint: string | undefined;
  /** Requests that wait for it. */
  const unsent = new Map<number, Sending>();
  let refusedWith: number | undefined;
  let over: AttemptFailure | undefined;
  let closing: Promise<void> | undefined;

  const correlator = createCorrelator({
    clock,
    onUnmatched: message => events.message(message),
    onCancel: id => {
      const waiting = unsent.get(id);
      if (!waiting) return void post(cancelledText(id), {}, NOTIFY_PATIENCE);
      const fault = waiting.request.signal.aborted ? "cancelled" : "timeout";
      correlator.fail(id, failure(fault, "not_sent", "the upstream was not ready for messages yet"));
    },
  });

  const post = (
    body: Buffer,
    headers: Readonly<Record<string, string>>,
    patience: Pick<Delivery, "timeoutMs" | "until">,
  ) =>
    deliver(link, {
      ...{ lane: "control", method: "POST", path: endpoint ?? streamUrl.pathname, body: [body] },
      ...{ headers, ownHeaders: link.headers.post, ...patience },
    });

  /** The stream is gone, and with it every answer that it would have brought. */
  const finish = (cause: AttemptFailure): void => {
    if (over) return;
    over = cause;
    holding.hold(0);
    cancelEndpointTimer();
    for (const id of unsent.keys()) correlator.fail(id, { ...cause, delivery: "not_sent" });
    unsent.clear();
    correlator.failAll({ ...cause, delivery: "sent_unknown" });
    link.running.stopAll();
    if (!options.dispatcher) closing ??= dispatcher.close();
    events.closed(cause.detail);
  };

  /** The session is somewhere in the address, and whoever knows it can speak as us. */
  const learnNames = (target: URL): void => {
    for (const part of [...target.searchParams.values(), ...target.pathname.split("/")]) {
      if (looksRandom(part)) options.secrets?.learnName(part);
    }
  };

  const learnEndpoint = (text: string): void => {
    const target = URL.canParse(text, options.url) ? new URL(text, streamUrl) : undefined;
    // Our credentials go to the configured host only.
    const stream = placeOf(link, { method: "GET", path: streamPath });
    const origins = [streamUrl.origin, urlOf(streamUrl.origin, stream).origin];
    if (!target || !origins.includes(target.origin)) {
      finish(failure("protocol_error", "not_sent", "the upstream named an address for messages on another origin"));
      return;
    }
    cancelEndpointTimer();
    endpoint = target.pathname + target.search;
    learnNames(target);
    for (const sending of unsent.values()) void send(sending);
    unsent.clear();
  };

  const holding = link.room.open();
  const push = sseParser({
    maxEventBytes: maxMessageBytes,
    onHeld: bytes => {
      if (!holding.hold(bytes)) stream.hold(holding);
    },
    onTooLong: () => {
      heard++;
      return passBy(seen => correlator.oversized(seen, maxMessageBytes));
    },
    onEvent: ({ event, data }) => {
      if (over) return;
      if (event === "endpoint" && endpoint === undefined) return learnEndpoint(data.toString("utf8"));
      if (event !== "message" || data.length === 0) return;
      heard++;
      const message = readUpstreamMessage(data);
      const { dropped } = correlator;
      correlator.receive(message);
      const isAnswer = (message.kind === "result" || message.kind === "error") && correlator.dropped === dropped;
      const flooded = isAnswer ? undefined : link.flood.count(data.length);
      if (flooded) stream.hold(flooded);
    },
  });

  const stream = new ListenedExchange(link, {
    head: head => {
      if (isEventStream(head)) return;
      if (head.status >= 400 && head.status < 500) refusedWith = head.status;
      finish(noStream(head, clock.wall()));
    },
    data: push,
    end: () => finish(failure("connection_lost", "sent_unknown", "the upstream ended its stream")),
    failed: finish,
  });
  const cancelEndpointTimer = clock.after(options.endpointTimeoutMs ?? ENDPOINT_TIMEOUT_MS, () =>
    finish(
      failure("unreachable", "not_sent", "the upstream did not name an address for messages in time (`start_timeout`)"),
    ),
  );
  stream.start({
    ...{ lane: "stream", method: "GET", path: streamPath },
    ...{ headers: {}, ownHeaders: link.headers.get, body: null },
  });

  const send = async ({ request, replied }: Sending): Promise<void> => {
    const patience = { timeoutMs: request.maxTimeoutMs, until: replied };
    const outcome = await post(Buffer.concat(request.parts), request.headers, patience);
    if ("fault" in outcome) {
      // The correlator keeps the time itself, by what comes on the stream.
      if (outcome.fault !== "timeout") correlator.fail(request.id, outcome);
    } else if (outcome.status >= 300) {
      const { status } = outcome;
      const doubt = doubtOf(status);
      const refused = refusal(outcome, { hadSession: true, wallMs: clock.wall() });
      correlator.fail(request.id, { ...refused, status, ...(doubt && { doubt }) });
    }
  };

  const close = async (): Promise<void> => {
    finish(CLOSED);
    await closing;
  };

  return {
    get heard() {
      return heard;
    },
    holdsState: true,
    get refusal() {
      return refusedWith;
    },
    cancels: true,
    attributes: false,
    request(request, done) {
      if (over) {
        done({ kind: "failed", ...over, delivery: "not_sent" });
        return;
      }
      let tell = (): void => {};
      const replied = new Promise<void>(resolve => {
        tell = resolve;
      });
      const isOpen = correlator.open(request, reply => {
        unsent.delete(request.id);
        tell();
        done(reply);
      });
      if (!isOpen) return;
      if (endpoint === undefined) unsent.set(request.id, { request, replied });
      else void send({ request, replied });
    },
    async notify(message, headers) {
      if (!over && endpoint !== undefined) await post(message, headers, NOTIFY_PATIENCE);
    },
    close,
    discard: close,
  };
}

/** The session begins with the stream, so there was none to be lost. */
function noStream(head: ReplyHead, wallMs: number): AttemptFailure {
  if (head.status !== 200) return refusal(head, { hadSession: false, wallMs });
  const type = mediaType(head) || "content of no type";
  return failure("bad_response", "refused", `the upstream answered with ${type} and no event stream`);
}

const refusal = (head: ReplyHead, at: { hadSession: boolean; wallMs: number }): AttemptFailure =>
  faultOfStatus(head, at.wallMs) ?? faultOfBareStatus(head.status, at.hadSession);
