import type { IncomingMessage, ServerResponse } from "node:http";
import { ByteBuffer } from "../wire/byte-buffer.ts";

export const MAX_BODY_BYTES = 4 * 1024 * 1024;

export type Body =
  | { readonly kind: "body"; readonly bytes: Buffer }
  | { readonly kind: "refused"; readonly status: 413 | 415 | 503; readonly message: string }
  /** The agent went away. */
  | { readonly kind: "gone" };

export const BODIES = {
  /** Up to here a body counts as nothing. */
  smallBytes: 64 * 1024,
  /** Of all larger bodies that are being read at one time. */
  totalBytes: 256 * 1024 * 1024,
} as const;

/** What all agents together may still send at one time. */
export interface BodyBudget {
  bytes: number;
}

/** JSON under the names that it has had; without any name, what is read must be JSON as well. */
const JSON_TYPE = /^(?:application\/(?:json|json-?rpc|jsonrequest|[\w.-]+\+json)|text\/json)\s*(?:[;,]|$)/i;

/**
 * Reads the JSON body of a POST, never more than the cap. Says what is wrong with it before it reads, where it can: then
 * an agent that asks before it sends (`Expect`) is not told to.
 */
export function readBody(
  { request, response }: { readonly request: IncomingMessage; readonly response: ServerResponse },
  budget: BodyBudget,
): Promise<Body> | Body {
  const { headers } = request;
  const type = headers["content-type"];
  if (type !== undefined && !JSON_TYPE.test(type)) return refused(415, "Content-Type must be application/json");
  if (headers["content-encoding"] !== undefined && headers["content-encoding"] !== "identity") {
    return refused(415, "Content-Encoding is not supported: send the body as it is");
  }
  if (Number(headers["content-length"] ?? 0) > MAX_BODY_BYTES) return tooLarge();
  if (headers.expect !== undefined) response.writeContinue();
  return new Promise(resolve => {
    const body = new ByteBuffer(MAX_BODY_BYTES);
    let read = false;
    let held = 0;
    const hold = (bytes: number): void => {
      budget.bytes -= bytes - held;
      held = bytes;
    };
    request.on("data", (chunk: Buffer) => {
      const size = body.length + chunk.length;
      if (size > BODIES.smallBytes && !read) {
        if (size <= MAX_BODY_BYTES && budget.bytes + held >= size) hold(size);
        else {
          read = true;
          body.clear();
          hold(0);
          resolve(size > MAX_BODY_BYTES ? tooLarge() : refused(503, "too many large bodies are being read: try again"));
        }
      }
      if (!read) body.append(chunk);
    });
    request.on("end", () => {
      hold(0);
      if (read) return;
      read = true;
      resolve({ kind: "body", bytes: body.take() });
    });
    const gone = (): void => {
      hold(0);
      if (!read) resolve(GONE);
    };
    request.on("error", gone);
    request.on("close", gone);
  });
}

const GONE: Body = { kind: "gone" };
const refused = (status: 413 | 415 | 503, message: string): Body => ({ kind: "refused", status, message });
const tooLarge = (): Body => refused(413, `the body is larger than ${MAX_BODY_BYTES} bytes`);
