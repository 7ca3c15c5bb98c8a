import { Payload } from "../../core/payload.ts";
import { errorText, type Message, resultParts } from "../../wire/message.ts";
import { CODES, wireError } from "../../wire/rpc-errors.ts";

/** Answers an upstream's request that nobody can be asked: all that it learns is that we are there. */
export function refuseRequest(
  { id, method }: Extract<Message, { kind: "request" }>,
  respond: (text: Buffer) => void,
): void {
  if (method === "ping") respond(Buffer.concat(resultParts(id, NOTHING)));
  else respond(errorText(id, wireError(CODES.methodNotFound, `Method not found: ${method}`).error));
}

const NOTHING = Payload.of({});
