import type { Call, Room } from "../../core/call.ts";
import type { Holder } from "../../core/catalog.ts";
import { methodOf, namingOf } from "../../core/methods.ts";
import type { Payload } from "../../core/payload.ts";
import type { Clock } from "../../core/ports.ts";
import type { Signal } from "../../core/signal.ts";
import { Unfinished } from "../../lib/unfinished.ts";
import { bareRequest, type Input, type UpstreamEra } from "../../wire/era.ts";
import { type Message, oneLine, requestParts } from "../../wire/message.ts";
import type { Channel, OutboundRequest, Reply } from "../channel/channel.ts";
import { cancelledText } from "../channel/correlate.ts";
import { createResponder } from "../channel/responder.ts";
import type { Timeouts } from "./attempt.ts";

export interface AskOptions {
  readonly timeoutMs: number;
  readonly signal: Signal;
  readonly onMessage?: (message: Message) => Room;
  /** What is declared with the request; nothing by default. */
  readonly capabilities?: Payload | undefined;
}

/** How an agent's call goes out. */
export interface Sending extends Pick<OutboundRequest, "id" | "signal" | "onMessage" | "onPostponed"> {
  readonly holder: Holder;
  readonly timeouts: Timeouts;
  /** The agent's answers, for a call that is made again because of them. */
  readonly input: Input | undefined;
  /** What the agent can be asked for. */
  readonly capabilities: Payload;
}

/** Writes requests in the upstream's revision, and takes back in its way what nobody waits for any more. */
export interface Outbound {
  /** An agent's call as it goes out. */
  written(call: Call, how: Sending): OutboundRequest;
  /** `done` is called once, perhaps before this returns. */
  send(request: OutboundRequest, done: (reply: Reply) => void): void;
  ask(method: string, params: Payload, options: AskOptions): Promise<Reply>;
  /** Answers a request of the upstream. */
  respond(text: Buffer): void;
  /** Resolves when the upstream knows of every cancellation, or soon after. */
  flushed(): Promise<void>;
}

/** How long it may take to tell an upstream what is cancelled. */
const FAREWELL_MS = 1_000;
const IGNORE = (): void => {};

export function createOutbound(parts: {
  readonly channel: Channel;
  readonly era: UpstreamEra;
  readonly version: string;
  readonly nextId: () => number;
  readonly clock: Clock;
}): Outbound {
  const { channel, era, version, nextId, clock } = parts;
  const farewells = new Unfinished();

  function sendWithFarewell(outbound: OutboundRequest, done: (reply: Reply) => void): void {
    channel.request(outbound, reply => {
      if (reply.kind === "failed" && wasAbandoned(reply)) {
        farewells.add(channel.notify(cancelledText(outbound.id), era.headers(version)));
      }
      done(reply);
    });
  }
  const send: Outbound["send"] = era.cancelsByMessage && !channel.cancels ? sendWithFarewell : channel.request;

  return {
    send,
    written(call, { id, holder, timeouts, input, capabilities, signal, onMessage, onPostponed }) {
      const { method, logLevel } = call;
      const { params, headers } = era.request(
        {
          method,
          logLevel,
          capabilities,
          input,
          params: namingOf(method)?.rename(call.params, holder.native) ?? call.params,
          progressToken: call.params.object("_meta")?.given("progressToken") ? id : undefined,
          definition: methodOf(method).argumentHeaders ? holder.definition : undefined,
        },
        version,
      );
      const { timeoutMs, maxTimeoutMs } = timeouts;
      const parts = requestParts(id, method, params);
      return { id, method, parts, headers, signal, onMessage, onPostponed, timeoutMs, maxTimeoutMs };
    },
    ask(method, plain, { timeoutMs, signal, onMessage = IGNORE, capabilities }) {
      const id = nextId();
      const { params, headers } = era.request(bareRequest(method, plain, capabilities), version);
      const parts = requestParts(id, method, params);
      const request = { id, method, parts, headers, signal, timeoutMs, maxTimeoutMs: timeoutMs, onMessage };
      return new Promise(done => send(request, done));
    },
    respond: createResponder(text => channel.notify(oneLine(text), era.headers(version))),
    async flushed() {
      if (farewells.size === 0) return;
      let cancel = IGNORE;
      const late = new Promise<void>(resolve => {
        cancel = clock.after(FAREWELL_MS, resolve);
      });
      await Promise.race([farewells.done(), late]);
      cancel();
    },
  };
}

const wasAbandoned = ({ fault, delivery }: Reply & { kind: "failed" }): boolean =>
  (fault === "cancelled" || fault === "timeout") && (delivery === "sent_unknown" || delivery === "partial");
