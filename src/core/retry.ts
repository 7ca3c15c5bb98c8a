import type { Call } from "./call.ts";
import type { Holder } from "./catalog.ts";
import type { Delivery } from "./failure.ts";

/** What the operator has said about an upstream's tools. */
export interface Trust {
  /** Believe the upstream's own `readOnlyHint` and `idempotentHint`. */
  readonly annotations: boolean;
  /** Native names of tools that may be called twice. */
  readonly safeToRetry: ReadonlySet<string>;
}

/** Reads by convention: a second one does no harm. */
const SAFE_METHODS: ReadonlySet<string> = new Set([
  "prompts/get",
  "resources/read",
  "completion/complete",
  "tasks/get",
]);

/** Whether running this call twice does no harm. A continuation carries state of its first run and never does. */
export function isReplaySafe(call: Call, holder: Holder, trust: Trust): boolean {
  if (call.continues || call.params.has("inputResponses")) return false;
  if (SAFE_METHODS.has(call.method)) return true;
  if (call.method !== "tools/call") return false;
  if (trust.safeToRetry.has(holder.native)) return true;
  const annotations = trust.annotations ? holder.definition.object("annotations") : undefined;
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
