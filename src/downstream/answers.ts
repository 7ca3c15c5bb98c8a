import { perTurn } from "../lib/per-turn.ts";
import type { Backlog } from "./backlog.ts";
import type { Outbound } from "./outbound.ts";

/** A response that is sent in one piece. */
export interface WholeAnswer {
  readonly response: Outbound;
  readonly status: number;
  /** Name, value, name, value, … */
  readonly headers: readonly string[];
  readonly body: readonly Buffer[];
}

/** Up to here a body is copied together; beyond it copying costs more than another piece. */
const JOINED_BYTES = 65_536;

/** Sends it, with all others of this turn of the event loop. */
export type SendAnswer = (answer: WholeAnswer) => void;

export function createAnswers(backlog: Backlog): SendAnswer {
  return perTurn(({ response, status, headers, body }) => {
    if (response.destroyed) return;
    const bytes = body.reduce((sum, part) => sum + part.length, 0);
    const head = [...headers, "content-type", "application/json", "content-length", String(bytes)];
    if (response.whole) response.whole(status, head, { parts: body, bytes });
    else sendWhole(response, { status, head, body, bytes });
    backlog.written(response);
  });
}

function sendWhole(
  response: Outbound,
  { status, head, body, bytes }: { status: number; head: string[]; body: readonly Buffer[]; bytes: number },
): void {
  response.writeHead(status, head);
  if (bytes > JOINED_BYTES) {
    response.cork();
    for (const part of body) response.write(part);
    response.end();
  } else response.end(Buffer.concat(body, bytes));
}
