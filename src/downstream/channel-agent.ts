import type { Front } from "../core/front.ts";
import { Payload } from "../core/payload.ts";
import type { Message } from "../wire/message.ts";
import { CODES, wireError } from "../wire/rpc-errors.ts";
import { takesBatches } from "../wire/versions.ts";
import { type Batch, gather, serveBatch } from "./batch.ts";
import { beginsWork, DRAINING } from "./draining.ts";
import { type Exchange, reply } from "./exchange.ts";
import { type Answer, endingOf } from "./serve.ts";
import type { Session } from "./session.ts";

type Request = Extract<Message, { kind: "request" }>;

export interface ChannelAgentOptions {
  readonly front: Pick<Front, "trouble">;
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
  /** Calls `dealtWith` once what it takes is answered, or needs no answer. */
  receive(text: Message | Extract<Batch, { kind: "batch" }>, dealtWith: () => void): void;
}

const EMPTY = Payload.of({});

export function createChannelAgent({ front, exchange, open, isDraining, end }: ChannelAgentOptions): ChannelAgent {
  let session: Session | undefined;
  let opening = false;

  function refused(id: Buffer | undefined, why: string): void {
    exchange.error(id, wireError(CODES.invalidRequest, why));
  }

  function initialize(message: Request, dealtWith: () => void): void {
    opening = true;
    const ending = endingOf(front, answer => reply(exchange, message.id, answer), dealtWith);
    open(message.params ?? EMPTY)
      .then(opened => {
        opening = false;
        ending.answer(opened.answer);
        if (opened.answer.kind === "error") return;
        session = opened.session;
        session?.attach({ send: exchange.send, end });
      })
      .catch(ending.broke);
  }

  function first(message: Request, dealtWith: () => void): void {
    if (message.method === "initialize" && !opening) return initialize(message, dealtWith);
    if (message.method === "ping") exchange.result(message.id, EMPTY);
    else refused(message.id, "The first request must be initialize");
    dealtWith();
  }

  function take(message: Message, exchange: Exchange, dealtWith: () => void): void {
    const isLate = message.kind === "request" && isDraining() && beginsWork(message);
    if (!isLate && session) return session.receive(message, exchange, dealtWith);
    if (!isLate && message.kind === "request") return first(message, dealtWith);
    if (isLate) exchange.error(message.id, DRAINING);
    dealtWith();
  }

  return {
    get session() {
      return session;
    },
    receive(text, dealtWith) {
      if (text.kind !== "batch") return take(text, exchange, dealtWith);
      const talking = session;
      if (!talking || !takesBatches(talking.version)) {
        refused(undefined, "A batch is not accepted here");
        return dealtWith();
      }
      serveBatch(text.items, { exchange: gather(exchange, text.answers), receive: take, dealtWith });
    },
  };
}
