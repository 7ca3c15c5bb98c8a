import type { Call } from "./call.ts";
import type { Holder } from "./catalog.ts";
import { hasTasks } from "./extensions.ts";
import type { AttemptFailure, Delivery, Fault } from "./failure.ts";
import { isAboutTasks, type Method, methodOf } from "./methods.ts";
import type { Payload } from "./payload.ts";
import type { Random } from "./ports.ts";

/** What is known of an upstream's tools. */
export interface Trust {
  /** Believe the upstream's own `readOnlyHint` and `idempotentHint`. */
  readonly annotations: boolean;
  /** Native names of tools that may be called twice. */
  readonly safeToRetry: ReadonlySet<string>;
  /** Whether a call may start a task, whose id nobody would know if the answer were lost. */
  readonly startsTasks: boolean;
}

/** Whether the call is about something that only one upstream can know, so that nobody else can take it. */
export const isBound = ({ continues, method }: Call): boolean => continues !== undefined || isAboutTasks(method);

/** Whether a second run of what has this effect does no harm; of a tool, what is known of it decides. */
export const REPLAY_SAFE: Readonly<Record<Exclude<Method["effect"], "by_tool">, boolean>> = {
  none: true,
  repeatable: true,
  unknown: false,
};

/** Whether running this call twice does no harm. A continuation carries state of its first run and never does. */
export function isReplaySafe(call: Call, holder: Holder, trust: Trust): boolean {
  if (call.continues || call.params.has("inputResponses")) return false;
  const { effect } = methodOf(call.method);
  if (effect !== "by_tool") return REPLAY_SAFE[effect];
  if (!trust.safeToRetry.has(holder.native) && !(trust.annotations && saysSo(holder.definition))) return false;
  return !(trust.startsTasks && hasTasks(call.caller.capabilities));
}

function saysSo(definition: Payload): boolean {
  const annotations = definition.object("annotations");
  return isTrue(annotations?.raw("readOnlyHint")) || isTrue(annotations?.raw("idempotentHint"));
}

const isTrue = (raw: Buffer | undefined): boolean => raw?.toString("latin1") === "true";

/**
 * After which attempts another one may follow. A call that may have run is not repeated unless that does no harm, and
 * not even then once the agent has seen something of the first run.
 */
export const MAY_FOLLOW: Readonly<Record<Delivery, "always" | "if_safe" | "never">> = {
  not_sent: "always",
  refused: "always",
  sent_unknown: "if_safe",
  partial: "never",
  answered: "never",
};

/** Whether an attempt that failed so allows another one, somewhere. */
export function mayFollow(failure: AttemptFailure, isSafe: () => boolean): boolean {
  const rule = MAY_FOLLOW[failure.delivery];
  return rule === "always" || (rule === "if_safe" && isSafe());
}

/** After which faults the same upstream may well answer a moment later, when there is no other to ask. */
export const PASSES_SOON: Readonly<Record<Fault, boolean>> = {
  connection_lost: true,
  // A new session has been tried.
  session_lost: false,
  bad_response: true,
  rejected: false,
  unreachable: false,
  misconfigured: false,
  timeout: false,
  protocol_error: false,
  too_large: false,
  no_room: false,
  auth_required: false,
  rate_limited: false,
  overloaded: false,
  stopped: false,
  cancelled: false,
};

/** Whether no upstream has noticed anything of the attempt, so that another one burdens nobody twice. */
export const wentNowhere = ({ fault, delivery }: AttemptFailure): boolean =>
  fault === "overloaded" && delivery === "not_sent";

/** How long to wait before the same upstream is asked again, so that not all who failed together come together. */
export const SAME_AGAIN_MS = { from: 25, to: 250 } as const;
export const pauseMs = (random: Random): number =>
  SAME_AGAIN_MS.from + random() * (SAME_AGAIN_MS.to - SAME_AGAIN_MS.from);

const GRAVITY: Readonly<Record<Delivery, number>> = {
  not_sent: 0,
  refused: 1,
  sent_unknown: 2,
  partial: 2,
  answered: 2,
};

/** Which of a call's failed attempts the agent is told of: the one that may have had an effect, else the first. */
export function graver<T extends AttemptFailure>(before: T | undefined, failure: T): T {
  return before && GRAVITY[before.delivery] >= GRAVITY[failure.delivery] ? before : failure;
}
