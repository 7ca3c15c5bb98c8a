import type { ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { errorText } from "../wire/message.ts";
import { CODES, wireError } from "../wire/rpc-errors.ts";

/** Of the request line and all headers together. */
export const MAX_HEAD_BYTES = 16_384;

const MALFORMED = { status: "400 Bad Request", why: "This is no HTTP/1.1 request" };
/** What never became a request, by node's error code. */
const CLIENT_ERRORS: ReadonlyMap<string, typeof MALFORMED> = new Map([
  [
    "HPE_HEADER_OVERFLOW",
    {
      status: "431 Request Header Fields Too Large",
      why: `The address and the headers together are larger than ${MAX_HEAD_BYTES} bytes`,
    },
  ],
  ["ERR_HTTP_REQUEST_TIMEOUT", { status: "408 Request Timeout", why: "The request did not come in time" }],
]);

/** Node keeps the response that a connection is about under this name, and under no public one. */
type WithResponse = Duplex & { readonly _httpMessage?: ServerResponse | null };

/**
 * For `clientError`: says on the bare connection what is wrong, and closes it; but first the answer to an earlier request
 * that is on its way goes out, since that request may have been done.
 */
export function answerClientError({ code }: NodeJS.ErrnoException, socket: WithResponse): void {
  // Whoever does not close its side either would keep the connection for ever.
  const destroy = (): void => void socket.destroy();
  if (!socket.writable) {
    destroy();
    return;
  }
  const running = socket._httpMessage;
  // What is wrong with a request that is still coming is its own: nothing was done for it.
  if (running?.headersSent && !running.req.complete) {
    destroy();
    return;
  }
  if (running?.req.complete && !running.writableFinished) {
    running.shouldKeepAlive = false;
    running.once("finish", destroy);
    return;
  }
  const { status, why } = CLIENT_ERRORS.get(code ?? "") ?? MALFORMED;
  const body = errorText(undefined, wireError(CODES.invalidRequest, why).error);
  const head = [
    `HTTP/1.1 ${status}`,
    "connection: close",
    "content-type: application/json",
    `content-length: ${body.length}`,
  ].join("\r\n");
  socket.end(Buffer.concat([Buffer.from(`${head}\r\n\r\n`), body]), destroy);
}
