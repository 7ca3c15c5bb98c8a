import { errorText, type Invalid, type Message, type RawId } from "../wire/message.ts";
import { CODES, errorOf, type WireError, wireError } from "../wire/rpc-errors.ts";
import type { Body } from "./body.ts";
import { endWithBody, isStillComing } from "./linger.ts";
import type { Outbound } from "./outbound.ts";

export interface Refusal {
  readonly status: number;
  /** Said as an "invalid request", unless it is an error already. */
  readonly why: string | WireError;
  readonly id?: RawId | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

const OVERLOADED = errorOf({ kind: "overloaded" });

/** There are as many streams as there may be. */
export const refuseStream = (response: Outbound): void =>
  refuse(response, { status: 503, why: OVERLOADED, headers: { "retry-after": "1" } });

/** Answers a body that was not read to its end. */
export function refuseBody(response: Outbound, { status, message }: Extract<Body, { kind: "refused" }>): void {
  const close = { connection: "close" };
  const shapes = {
    413: { why: wireError(CODES.requestTooLarge, message), headers: close },
    415: { why: message, headers: { ...close, "accept-encoding": "identity" } },
    503: { why: OVERLOADED, headers: { ...close, "retry-after": "1" } },
  };
  refuse(response, { status, ...shapes[status] });
}

/** Answers what never became a call: an HTTP status, and a JSON-RPC error that says why. */
export function refuse(response: Outbound, { status, why, id, headers }: Refusal): void {
  if (response.headersSent || response.destroyed) return;
  const { error } = typeof why === "string" ? wireError(CODES.invalidRequest, why) : why;
  const body = errorText(id, error);
  answerWhole(response, { status, type: "application/json", body, ...(headers && { headers }) });
}

/** Answers with a text for people. */
export function answerText(
  response: Outbound,
  { status, text, headers }: { readonly status: number; readonly text: string } & Pick<Refusal, "headers">,
): void {
  const type = "text/plain; charset=utf-8";
  answerWhole(response, { status, type, body: Buffer.from(text), ...(headers && { headers }) });
}

interface WholeText {
  readonly status: number;
  readonly type: string;
  readonly body: Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

function answerWhole(response: Outbound, { status, type, body, headers }: WholeText): void {
  const { req: request } = response;
  // Whoever asked for leave to send a body and got none may send it all the same: what follows could be either.
  const isUnsure = request.headers.expect !== undefined && isStillComing(request);
  if (headers?.connection === "close" || isUnsure) response.shouldKeepAlive = false;
  response.writeHead(status, { ...headers, "content-type": type, "content-length": body.length });
  endWithBody(response, body);
}

export const NO_BATCH = "A batch is not accepted in this revision: send one message at a time";

/** Which request an error is for that is about all of a batch: whoever sent it waits for that one at least. */
export const firstId = (items: readonly (Message | Invalid)[]): RawId | undefined =>
  items.find(item => item.kind === "request")?.id;
