import type { AttemptFailure } from "../../core/failure.ts";
import { Conversation, type HttpLink, type LinkRequest } from "./conversation.ts";
import { failure } from "./faults.ts";
import type { ReplyHead } from "./statuses.ts";

/**
 * Sends something whose answer's body nobody reads; resolves with the reply's head as soon as it is there.
 * Never rejects.
 */
export function deliver(
  link: HttpLink,
  request: LinkRequest & { readonly timeoutMs: number },
): Promise<ReplyHead | AttemptFailure> {
  return new Promise(resolve => {
    const give = (outcome: ReplyHead | AttemptFailure): void => {
      cancel();
      resolve(outcome);
    };
    const conversation = new Conversation(link, request, {
      head: head => {
        conversation.drain();
        give(head);
      },
      data: () => {},
      end: () => {},
      failed: give,
    });
    const cancel = link.clock.after(request.timeoutMs, () => {
      conversation.abandon();
      give(failure("timeout", conversation.wasSent ? "sent_unknown" : "not_sent", "no answer came in time"));
    });
    conversation.begin();
  });
}
