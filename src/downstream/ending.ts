import type { Front } from "../core/front.ts";
import type { CallAnswer as Answer } from "../wire/era.ts";
import { errorOf } from "../wire/rpc-errors.ts";

/** What a request ends with that ran into a bug of ours. */
export const INTERNAL: Answer = { kind: "error", error: errorOf({ kind: "internal", detail: "" }) };

/**
 * The end of one request of an agent, which comes once. Neither method throws: whatever brings an answer here works for
 * others too, and a bug that one agent's answer runs into is that agent's internal error and told to who runs the gateway.
 */
export interface Ending {
  answer(answer: Answer): void;
  broke(error: unknown): void;
}

/** `reply` writes the answer; `closed` is called once, after it. */
export function endingOf(
  { trouble }: Pick<Front, "trouble">,
  reply: (answer: Answer) => void,
  closed?: () => void,
): Ending {
  let ended = false;

  function write(answer: Answer): void {
    try {
      reply(answer);
    } catch (error) {
      trouble(error);
      if (answer !== INTERNAL) write(INTERNAL);
    }
  }

  function answer(answer: Answer): void {
    if (ended) return;
    ended = true;
    write(answer);
    closed?.();
  }

  return {
    answer,
    broke(error) {
      trouble(error);
      answer(INTERNAL);
    },
  };
}
