import type { Clock } from "../../core/ports.ts";
import type { Message } from "../../wire/message.ts";
import { refuseRequest } from "../channel/refuse-request.ts";

export const EARLY = {
  max: 100,
  bytes: 256 * 1024,
  /** A request that comes with the handshake's last answer waits this long for the conversation that it belongs to. */
  patienceMs: 1_000,
} as const;

/**
 * Takes what an upstream says before its conversation is open: a ping is answered at once, everything else waits for
 * the conversation. https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle#initialization
 */
export interface EarlyMessages {
  take(message: Message): void;
  /** The conversation is open: gives it what has waited, in order. */
  pass(receive: (message: Message) => void): void;
  /** There will be none. */
  drop(): void;
}

export function createEarlyMessages(options: {
  readonly clock: Clock;
  respond(text: Buffer): void;
  /** A message for which there was no room. */
  lost(what: string): void;
}): EarlyMessages {
  const { clock, respond } = options;
  const waiting = new Map<Message, () => void>();
  let bytes = 0;

  const end = (): void => {
    for (const cancel of waiting.values()) cancel();
    waiting.clear();
    bytes = 0;
  };

  function hold(message: Extract<Message, { kind: "request" | "notification" }>): void {
    const size = message.params?.size ?? 0;
    if (waiting.size >= EARLY.max || bytes + size > EARLY.bytes) {
      options.lost(`${message.method} before its handshake was over, and more than is kept so early`);
      if (message.kind === "request") refuseRequest(message, respond);
      return;
    }
    bytes += size;
    // A server may wait for its answer before it goes on with the handshake.
    const refuse = (): void => {
      if (message.kind === "request" && waiting.delete(message)) refuseRequest(message, respond);
    };
    waiting.set(message, message.kind === "request" ? clock.after(EARLY.patienceMs, refuse) : () => {});
  }

  return {
    take(message) {
      if (message.kind === "request" && message.method === "ping") refuseRequest(message, respond);
      else if (message.kind === "request" || message.kind === "notification") hold(message);
    },
    pass(receive) {
      const messages = [...waiting.keys()];
      end();
      for (const message of messages) receive(message);
    },
    drop: end,
  };
}
