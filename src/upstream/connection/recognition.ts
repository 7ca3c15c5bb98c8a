import { Payload } from "../../core/payload.ts";
import type { Signal } from "../../core/signal.ts";
import { LIST_METHODS } from "../../wire/methods.ts";
import type { Reply } from "../channel/channel.ts";
import type { Link } from "../conversation/link.ts";

const TIMEOUT_MS = 5_000;
const NOTHING = Payload.of({});

/**
 * Whether the upstream still knows a conversation on which it has refused something: it is asked for a list, which every
 * conversation gets that is known. Another refusal shows that it is not; an answer that does not come shows nothing (`undefined`).
 */
export async function isKnown(link: Link, signal: Signal): Promise<boolean | undefined> {
  const method = harmlessMethod(link);
  const reply = await link.ask(method, NOTHING, { timeoutMs: TIMEOUT_MS, signal });
  if (isRefusal(reply)) return false;
  return reply.kind === "failed" && reply.delivery !== "answered" ? undefined : true;
}

/** Whether this is what an upstream says that does not know the conversation any more. */
export const isRefusal = (reply: Reply): boolean => reply.kind !== "result" && reply.doubt !== undefined;

function harmlessMethod({ capabilities, era }: Link): string {
  for (const [method, { capability }] of LIST_METHODS) if (capabilities.has(capability)) return method;
  return era.probe;
}
