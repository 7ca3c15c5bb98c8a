import type { ServerResponse } from "node:http";
import { perTurn } from "../lib/per-turn.ts";
import type { Backlog } from "./backlog.ts";

/** A response that is sent in one piece. */
export interface WholeAnswer {
  readonly response: ServerResponse;
  readonly status: number;
  /** Name, value, name, value, … */
  readonly headers: readonly string[];
  readonly body: Buffer;
}

/** Sends it, with all others of this turn of the event loop. */
export type SendAnswer = (answer: WholeAnswer) => void;

export function createAnswers(backlog: Backlog): SendAnswer {
  return perTurn(({ response, status, headers, body }) => {
    if (response.destroyed) return;
    response.writeHead(status, headers as string[]);
    response.end(body);
    backlog.written(response);
  });
}
