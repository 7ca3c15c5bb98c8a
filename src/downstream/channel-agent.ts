import { Payload } from "../core/payload.ts";
import type { Message } from "../wire/message.ts";
import { CODES, wireError } from "../wire/rpc-errors.ts";
import { takesBatches } from "../wire/versions.ts";
import { type Batch, gather, serveBatch } from "./batch.ts";
import { beginsWork, DRAINING } from "./draining.ts";
import { type Exchange, reply } from "./exchange.ts";
import type { Answer } from "./serve.ts";
import type { Session } from "./session.ts";

export interface ChannelAgentOptions {
  /** Everything to the agent goes here. */
  readonly exchange: Exchange & { send(message: Buffer): void };
  /** Whether nothing new is taken any more. */
  isDraining(): boolean;
  open(params: Payload): Promise<{ session: Session | undefined; answer: Answer }>;
  /** Ends the channel from our side. */
  end(): void;
}

/** An agent with one channel for all messages, which begins with `initialize`. */
export interface ChannelAgent {
  readonly session: Session | undefined;
  receive(text: Message | Extract<Batch, { kind: "batch" }>): Promise<void>;
}

const EMPTY = Payload.of({});

export function createChannelAgent({ exchange, open, isDraining, end }: ChannelAgentOptions): ChannelAgent {
  let session: Session | undefined;
  let opening = false;

  function refused(id: Buffer | undefined, why: string): void {
    exchange.error(id, wireError(CODES.invalidRequest, why));
  }

  async function initialize(message: Extract<Message, { kind: "request" }>): Promise<void> {
    opening = true;
    const opened = await open(message.params ?? EMPTY);
    opening = false;
    reply(exchange, message.id, opened.answer);
    if (opened.answer.kind === "error") return;
    session = opened.session;
    session?.attach({ send: exchange.send, end });
  }

  async function first(message: Extract<Message, { kind: "request" }>): Promise<void> {
    if (message.method === "initialize" && !opening) await initialize(message);
    else if (message.method === "ping") exchange.result(message.id, EMPTY);
    else refused(message.id, "The first request must be initialize");
  }

  async function take(message: Message, exchange: Exchange): Promise<void> {
    if (message.kind === "request" && isDraining() && beginsWork(message)) exchange.error(message.id, DRAINING);
    else if (session) await session.receive(message, exchange);
    else if (message.kind === "request") await first(message);
  }

  return {
    get session() {
      return session;
    },
    async receive(text) {
      if (text.kind !== "batch") return take(text, exchange);
      const talking = session;
      if (!talking || !takesBatches(talking.version)) return refused(undefined, "A batch is not accepted here");
      const answers = gather(exchange, text.answers);
      await Promise.all(serveBatch(text.items, answers, take));
    },
  };
}
