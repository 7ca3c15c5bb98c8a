import type { Attempt } from "../core/route.ts";
import type { Isolation } from "./transports.ts";

/**
 * Whether agents that can be asked have an upstream each to themselves, although it keeps no state for them: with
 * `isolation = "auto"` from the moment on at which the upstream shows that it would like to ask.
 */
export interface Promotion {
  readonly promoted: boolean;
  /** It has tried to ask, where nobody can be asked. */
  tried(): void;
  /** What a call brought that could not be asked anything. */
  saw(attempt: Attempt): void;
}

/** How servers built with the common SDKs say that they would have asked. */
const WISH = /client does not support (?:form |url )?(?:elicitation|sampling|listing roots)/i;
const READ_BYTES = 4_096;

export function createPromotion(isolation: Isolation): Promotion {
  const possible = isolation === "auto";
  let promoted = false;
  return {
    get promoted() {
      return promoted;
    },
    tried() {
      promoted = possible;
    },
    saw(attempt) {
      if (!possible || promoted) return;
      const text = complaintOf(attempt);
      if (text && WISH.test(text.toString("utf8", 0, READ_BYTES))) promoted = true;
    },
  };
}

function complaintOf(attempt: Attempt): Buffer | undefined {
  if (attempt.kind === "answered") return attempt.error.raw("message");
  const isError = attempt.kind === "done" && attempt.result.raw("isError")?.toString("latin1") === "true";
  return isError ? attempt.result.raw("content") : undefined;
}
