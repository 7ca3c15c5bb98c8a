import { TASKS_CAPABILITIES } from "../../core/extensions.ts";
import { Payload } from "../../core/payload.ts";
import type { Signal } from "../../core/signal.ts";
import type { Link } from "../conversation/link.ts";

/** What an upstream tells news of: a resource by its URI, or a task by its id, both as the upstream names them. */
export interface Topic {
  readonly kind: "resource" | "task";
  readonly name: string;
}

/** Somebody who wants to hear of a topic. */
export interface Listener {
  readonly topic: Topic;
  /** Takes the parameters of each notification. */
  told(params: Payload): void;
  /** Whether something may have been missed before: then news are told at once. */
  readonly missed: boolean;
}

export const topicKey = ({ kind, name }: Topic): string => `${kind} ${name}`;

/** What a request about tasks declares. */
export const DECLARES_TASKS = Payload.of(TASKS_CAPABILITIES);
const LOOK_TIMEOUT_MS = 10_000;

/** How a task is, as a notification about it says it; `undefined` when the upstream does not say. */
export async function taskNow(
  taskId: string,
  { link, signal }: { link: Link; signal: Signal },
): Promise<Payload | undefined> {
  const how = { timeoutMs: LOOK_TIMEOUT_MS, signal, capabilities: DECLARES_TASKS };
  const reply = await link.ask("tasks/get", Payload.of({ taskId }), how);
  return reply.kind === "result" ? reply.result.with({ resultType: undefined, _meta: undefined }) : undefined;
}
