import type { Front } from "../core/front.ts";
import type { Keeper } from "../core/ledger-entries.ts";
import type { Clock } from "../core/ports.ts";
import { errorOf } from "../wire/rpc-errors.ts";
import type { Answer } from "./serve.ts";

/** An agent that comes again at once waits so long for being told not to: to refuse costs nearly as much as to serve. */
const LATEST_MS = 1_000;

/** Limited elsewhere, or as cheap as the refusal of it. */
const FREE: ReadonlySet<string> = new Set(["tools/call", "ping"]);

export interface Asking {
  readonly front: Pick<Front, "limit">;
  readonly clock: Clock;
  readonly keeper: Keeper;
}

/** Why this agent may not ask for this now; nothing where it may. */
export function refusalOf(method: string, asking: Asking): Promise<Answer | undefined> | undefined {
  return FREE.has(method) ? undefined : refusedSlowly(method, asking);
}

async function refusedSlowly(method: string, { front, clock, keeper }: Asking): Promise<Answer | undefined> {
  const limited = await front.limit[method === "initialize" ? "session" : "request"](keeper);
  if (!limited) return undefined;
  await new Promise<void>(resolve => clock.after(Math.min(limited.retryAfterMs, LATEST_MS), resolve));
  return { kind: "error", error: errorOf(limited) };
}
