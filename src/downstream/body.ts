import { ByteBuffer } from "../wire/byte-buffer.ts";
import { BODIES, type BodyRoom, type Receiving } from "./body-room.ts";
import type { Inbound } from "./inbound.ts";
import type { Visit } from "./visit.ts";

export const MAX_BODY_BYTES = 4 * 1024 * 1024;

export type Body =
  | { readonly kind: "body"; readonly bytes: Buffer }
  | { readonly kind: "refused"; readonly status: 413 | 415 | 503; readonly message: string }
  /** The agent went away. */
  | { readonly kind: "gone" };

/** JSON under the names that it has had; without any name, what is read must be JSON as well. */
const JSON_TYPE = /^(?:application\/(?:json|json-?rpc|jsonrequest|[\w.-]+\+json)|text\/json)\s*(?:[;,]|$)/i;

/**
 * Reads the JSON body of a POST, never more than the cap, and calls `take` once. Says what is wrong with it before it
 * reads, where it can: then an agent that asks before it sends (`Expect`) is not told to.
 */
export function readBody(
  visit: Pick<Visit, "request" | "response" | "broke">,
  room: BodyRoom,
  take: (body: Body) => void,
): void {
  const { request, response } = visit;
  const refusal = refusalOf(request);
  if (refusal) return void take(refusal);
  if (request.headers.expect !== undefined) response.writeContinue();
  if (request.whole) return void take({ kind: "body", bytes: request.whole });
  const body = new ByteBuffer(MAX_BODY_BYTES, announcedBytes(request));
  let read = false;
  let receiving: Receiving | undefined;
  const end = (answer: Body): void => {
    receiving?.release();
    if (read) return;
    read = true;
    body.clear();
    try {
      take(answer);
    } catch (error) {
      visit.broke(error);
    }
  };
  request.on("data", chunk => {
    if (read) return;
    const size = body.length + chunk.length;
    if (size > MAX_BODY_BYTES) return void end(tooLarge());
    // What comes in one piece is read at once, and counts as nothing.
    if (body.length > 0 || size > BODIES.smallBytes) {
      receiving ??= room.begin(() => end(NO_ROOM));
      if (!receiving.hold(size)) return void end(NO_ROOM);
    }
    body.append(chunk);
  });
  request.on("end", () => end({ kind: "body", bytes: body.take() }));
  request.on("error", () => end(GONE));
  request.on("close", () => end(GONE));
}

const announcedBytes = ({ headers }: Pick<Inbound, "headers">): number => Number(headers["content-length"] ?? 0);

function refusalOf(request: Pick<Inbound, "headers">): Body | undefined {
  const { "content-type": type, "content-encoding": encoding } = request.headers;
  if (type !== undefined && !JSON_TYPE.test(type)) return refused(415, "Content-Type must be application/json");
  if (encoding !== undefined && encoding !== "identity")
    return refused(415, "Content-Encoding is not supported: send the body as it is");
  return announcedBytes(request) > MAX_BODY_BYTES ? tooLarge() : undefined;
}

const GONE: Body = { kind: "gone" };
const refused = (status: 413 | 415 | 503, message: string): Body => ({ kind: "refused", status, message });
const NO_ROOM = refused(503, "too many large bodies are being read: try again");
const tooLarge = (): Body => refused(413, `the body is larger than ${MAX_BODY_BYTES} bytes`);
