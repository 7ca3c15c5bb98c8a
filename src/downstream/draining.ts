import type { Invalid, Message } from "../wire/message.ts";
import { errorOf } from "../wire/rpc-errors.ts";
import type { Batch } from "./batch.ts";

/** What a request is answered with that comes when the gateway has begun to end. */
export const DRAINING = errorOf({ kind: "draining" });

/**
 * Whether a message begins something. What does not belongs to calls that run: the answer to a question, the next round
 * of a call that was asked one, a cancellation. Without it they could not finish.
 */
export function beginsWork(text: Message | Batch | Invalid): boolean {
  if (text.kind === "batch") return text.items.some(beginsWork);
  return text.kind === "request" && text.params?.has("requestState") !== true;
}
