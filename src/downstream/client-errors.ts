import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { errorText } from "../wire/message.ts";
import { CODES, wireError } from "../wire/rpc-errors.ts";
import { endGently, LINGER } from "./linger.ts";
import type { Outbound } from "./outbound.ts";

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
  ["CONNECT", { status: "501 Not Implemented", why: "There is no tunnel here" }],
]);

/** Node keeps the response that a connection is about under this name, and under no public one. */
type Connection = Socket & { readonly _httpMessage?: Outbound | null };

export interface ClientErrors {
  /** A response that waits for earlier ones on its connection. */
  queued(response: Outbound, connection: Duplex): void;
  /** What comes next on it came while an answer was on its way: if it is no request, that answer was the last word. */
  afterAnswer(connection: Duplex): void;
  /** A request has come on it; its body may be on its way. */
  received(request: IncomingMessage): void;
  /** For `clientError`. */
  answer(error: Pick<NodeJS.ErrnoException, "code">, connection: Duplex): void;
  /** For `connect`, after which node reads nothing more of the connection. */
  refuseTunnel(connection: Duplex): void;
}

/**
 * What cannot be read as a request ends its connection; but first the answers to earlier requests that are on their way
 * go out, since those requests may have been done. Nothing is ever written into them.
 */
export function createClientErrors(strictly: (connection: Duplex) => readonly Outbound[]): ClientErrors {
  const waiting = new WeakMap<Duplex, Outbound[]>();
  const afterAnswer = new WeakSet<Duplex>();
  /** Connections that end, and how much had come on them by then. */
  const ending = new WeakMap<Duplex, number>();

  /** The response that a connection is about. */
  const currentOn = (connection: Connection): Outbound | null | undefined =>
    connection._httpMessage ?? strictly(connection)[0];

  /** The last one that will be answered on a connection. */
  function lastOn(connection: Connection): Outbound | undefined {
    const all = [connection._httpMessage, ...strictly(connection), ...(waiting.get(connection) ?? [])];
    // What is wrong with a request that is still coming is its own: nothing was done for it.
    return all.findLast(one => one?.req.complete && !one.writableFinished && !one.destroyed) ?? undefined;
  }

  /** More of the same, after the first. */
  function more(connection: Connection, before: number): void {
    if (connection.bytesRead - before > LINGER.bytes) connection.destroy();
    // Whoever closes its side does not wait for what runs.
    else if (connection.readableEnded && connection.writable) connection.end();
  }

  function answer({ code }: Pick<NodeJS.ErrnoException, "code">, duplex: Duplex): void {
    const connection = duplex as Connection;
    const before = ending.get(connection);
    if (before !== undefined) {
      more(connection, before);
      return;
    }
    ending.set(connection, connection.bytesRead);
    const current = currentOn(connection);
    const last = lastOn(connection);
    if (last) {
      last.shouldKeepAlive = false;
      // Node would close at once what may still have something to be read.
      connection.destroySoon = () => endGently(connection);
      last.once("finish", () => endGently(connection));
    } else if (afterAnswer.has(connection)) endGently(connection);
    else if (connection.writable && !current?.headersSent) {
      // Whoever does not close its side either would keep the connection for ever.
      connection.end(refusal(code), () => connection.destroy());
    } else if (connection.writable && !current?.writableEnded) connection.destroy();
    else endGently(connection);
  }

  return {
    queued(response, connection) {
      const all = waiting.get(connection) ?? [];
      waiting.set(connection, all);
      all.push(response);
      response.once("close", () => all.splice(all.indexOf(response), 1));
    },
    afterAnswer: connection => void afterAnswer.add(connection),
    received(request) {
      const { socket } = request;
      if (afterAnswer.has(socket)) request.once("end", () => afterAnswer.delete(socket));
    },
    answer,
    refuseTunnel(duplex) {
      const connection = duplex as Connection;
      connection.on("error", () => {});
      answer({ code: "CONNECT" }, connection);
      const again = (): void => answer({ code: "CONNECT" }, connection);
      connection.on("data", again).on("end", again);
    },
  };
}

function refusal(code: string | undefined): Buffer {
  const { status, why } = CLIENT_ERRORS.get(code ?? "") ?? MALFORMED;
  const body = errorText(undefined, wireError(CODES.invalidRequest, why).error);
  const head = [
    `HTTP/1.1 ${status}`,
    "connection: close",
    "content-type: application/json",
    `content-length: ${body.length}`,
  ].join("\r\n");
  return Buffer.concat([Buffer.from(`${head}\r\n\r\n`), body]);
}
