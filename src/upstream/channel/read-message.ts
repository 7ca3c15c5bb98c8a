import { UPSTREAM_MESSAGE } from "../../core/scan-limits.ts";
import { type Invalid, type Message, readMessage } from "../../wire/message.ts";
import { passBy } from "../../wire/oversized.ts";

/** Reads a message of an upstream. One that is not well-formed still ends the call that it was meant to answer. */
export function readUpstreamMessage(text: Buffer): Message | Invalid {
  const message = readMessage(text, UPSTREAM_MESSAGE);
  if (message.kind !== "invalid" || message.reason === "shape") return message;
  let id: Buffer | undefined;
  const passing = passBy(seen => {
    if (seen.kind === "answer") id = Buffer.from(seen.id, "latin1");
  });
  passing.take(text);
  passing.end();
  return id ? { ...message, id, isAnswer: true } : message;
}
