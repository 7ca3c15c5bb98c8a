import type { AttemptFailure } from "../../core/failure.ts";
import { failure } from "./faults.ts";
import type { HttpLink, LinkRequest } from "./http-link.ts";
import { ListenedExchange } from "./listened-exchange.ts";
import type { ReplyHead } from "./statuses.ts";

export interface Delivery extends LinkRequest {
  readonly timeoutMs: number;
  /** From then on nothing depends on the outcome, which is waited for a little longer only. */
  readonly until?: Promise<unknown>;
}

/** For an answer that is overtaken by what it answers: cutting it off at once would cost its connection. */
const LINGER_MS = 10_000;

/**
 * Sends something whose answer's body nobody reads; resolves with the reply's head as soon as it is there.
 * Never rejects.
 */
export function deliver(link: HttpLink, request: Delivery): Promise<ReplyHead | AttemptFailure> {
  return new Promise(resolve => {
    let given = false;
    const give = (outcome: ReplyHead | AttemptFailure): void => {
      given = true;
      resolve(outcome);
    };
    const exchange = new ListenedExchange(link, {
      head: head => {
        exchange.drain();
        give(head);
      },
      data: () => {},
      end: () => {},
      failed: give,
      late: () => {
        exchange.abandon();
        give(failure("timeout", exchange.wasSent ? "sent_unknown" : "not_sent", "no answer came in time"));
      },
    });
    exchange.lateAt(link.clock.now() + request.timeoutMs);
    void request.until?.then(() => {
      if (!given) exchange.lateAt(link.clock.now() + LINGER_MS);
    });
    exchange.start(request);
  });
}
