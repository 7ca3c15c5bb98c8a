import type { Failure } from "../../core/failure.ts";
import type { UpstreamName } from "../../core/names.ts";
import type { Payload } from "../../core/payload.ts";
import type { Clock, Random } from "../../core/ports.ts";
import type { Message } from "../../wire/message.ts";
import type { Topic } from "./topics.ts";

/** What an upstream tells of changes on one link, in the way of its revision. */
export interface Feed {
  /** Has a topic watched; resolves with why it is not, if it is not. */
  watch(topic: Topic): Promise<Failure | undefined>;
  unwatch(topic: Topic): void;
  /** Takes a message that came with no request; tells whether it was the feed's own. */
  hear(message: Message): boolean;
  stop(): void;
}

export interface FeedWorld {
  readonly upstream: UpstreamName;
  readonly clock: Clock;
  readonly random: Random;
  /** What the upstream tells. */
  message(message: Message): void;
  /** What it tells of tasks: parameters of the notification. */
  task(params: Payload): void;
  /** It could not be heard for a while: anything may have changed. */
  gap(): void;
  /** The link may be dead. */
  doubt(): void;
}

/** An upstream that does not watch such a thing, or not this one. */
export const UNWATCHED: Failure = { kind: "unknown_method", method: "resources/subscribe" };
