import type { Front, Limited } from "../core/front.ts";
import type { Keeper } from "../core/ledger-entries.ts";
import { methodOf } from "../core/methods.ts";
import type { Clock } from "../core/ports.ts";
import { errorOf } from "../wire/rpc-errors.ts";
import type { Answer } from "./serve.ts";

/** An agent that comes again at once waits so long for being told not to: to refuse costs nearly as much as to serve. */
const LATEST_MS = 1_000;

/** One connection may carry any number of requests that wait: more are answered at once. */
const MOST_DELAYED = 1_000;

export interface Asking {
  readonly front: Pick<Front, "limit">;
  readonly clock: Clock;
  readonly keeper: Keeper;
}

/** Whether the limit of an agent's requests counts it. A ping is as cheap as the refusal of it. */
export const isLimited = (method: string): boolean => method !== "ping" && methodOf(method).limited === "per_agent";

/** Why this agent may not ask for this now, of what is limited here; nothing where it may. Never rejects. */
export async function refusalOf(method: string, { front, clock, keeper }: Asking): Promise<Answer | undefined> {
  const { limit } = front;
  let limited: Limited | undefined;
  try {
    limited = await limit[method === "initialize" ? "session" : "request"](keeper);
  } catch (error) {
    return { kind: "error", error: errorOf({ kind: "internal", detail: String(error) }) };
  }
  if (!limited) return undefined;
  const { delayed } = limit;
  if (delayed.count < MOST_DELAYED) {
    delayed.count++;
    await new Promise<void>(resolve => clock.after(Math.min(limited.retryAfterMs, LATEST_MS), resolve));
    delayed.count--;
  }
  return { kind: "error", error: errorOf(limited) };
}
