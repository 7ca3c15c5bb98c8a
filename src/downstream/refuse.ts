import type { ServerResponse } from "node:http";
import { errorText, type RawId } from "../wire/message.ts";
import { CODES, type WireError, wireError } from "../wire/rpc-errors.ts";

export interface Refusal {
  readonly status: number;
  /** Said as an "invalid request", unless it is an error already. */
  readonly why: string | WireError;
  readonly id?: RawId | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Answers what never became a call: an HTTP status, and a JSON-RPC error that says why. */
export function refuse(response: ServerResponse, { status, why, id, headers }: Refusal): void {
  if (response.headersSent || response.destroyed) return;
  const { error } = typeof why === "string" ? wireError(CODES.invalidRequest, why) : why;
  const body = errorText(id, error);
  response.writeHead(status, { ...headers, "content-type": "application/json", "content-length": body.length });
  response.end(body);
}
