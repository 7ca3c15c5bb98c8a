import type { Notice } from "../../core/call.ts";
import type { Kind } from "../../core/catalog.ts";
import type { AgentAnswer, AgentContact } from "../../core/front.ts";
import type { UpstreamName } from "../../core/names.ts";
import { Payload } from "../../core/payload.ts";
import { Aborter } from "../../core/signal.ts";
import { errorText, type Message, type RawId, resultParts } from "../../wire/message.ts";
import { LIST_CHANGED } from "../../wire/methods.ts";
import { CODES, wireError } from "../../wire/rpc-errors.ts";
import { ELICITED, questionFor, withElicitationId } from "../../wire/upstream-questions.ts";
import { refuseRequest } from "../channel/refuse-request.ts";
import type { Link } from "../conversation/link.ts";

/** How many questions an agent is asked at once on one link, outside its calls. */
export const UNSOLICITED = { maxAsking: 16 } as const;

/** What of a link is needed to take what it brings. */
export type Speaker = Pick<Link, "declared" | "overhear" | "respond" | "occupancy" | "onlyOwner">;

export interface UnsolicitedOptions {
  readonly upstream: UpstreamName;
  /** The agent that may be reached on that link outside its calls, if there is one. */
  contact(link: Speaker): AgentContact | undefined;
  /** The upstream's lists of these kinds have changed. */
  listChanged(kinds: readonly Kind[]): void;
  /** A resource has changed: parameters of the notification. */
  updated(params: Payload): void;
}

/** Takes what an upstream says on one link without being asked. */
export interface UnsolicitedMessages {
  hear(link: Speaker, message: Message): void;
  /** Nothing is asked any more. */
  stop(): void;
}

type UpstreamRequest = Extract<Message, { kind: "request" }>;
type UpstreamNotification = Extract<Message, { kind: "notification" }>;

export function createUnsolicitedMessages(options: UnsolicitedOptions): UnsolicitedMessages {
  const asking = new Map<string, Aborter>();

  function notified(link: Speaker, message: UpstreamNotification): void {
    const { method, params = NOTHING } = message;
    const kinds = LIST_CHANGED.get(method);
    const asked = method === "notifications/cancelled" && asking.get(params.raw("requestId")?.toString("latin1") ?? "");
    if (asked) asked.abort();
    else if (kinds) options.listChanged(kinds);
    else if (method === "notifications/resources/updated") options.updated(params);
    else if (method === ELICITED) tell(link, { method, params: withElicitationId(options.upstream, params) });
    else if (!link.overhear(message) && method === "notifications/message") tell(link, { method, params });
  }

  function tell(link: Speaker, notice: Notice): void {
    options.contact(link)?.tell(notice);
  }

  function requested(link: Speaker, request: UpstreamRequest): void {
    const { id, method, params } = request;
    if (method === "ping") refuseRequest(request, link.respond);
    else if (!link.overhear(request)) {
      const found = questionFor(method, params, link.declared);
      if (found.kind === "refused") {
        link.respond(errorText(id, found.error.error));
      } else void ask(link, id, stamped(found.questions));
    }
  }

  function stamped(question: Payload): Payload {
    const params = question.object("params");
    return params ? question.with({ params: withElicitationId(options.upstream, params).bytes }) : question;
  }

  async function ask(link: Speaker, id: RawId, question: Payload): Promise<void> {
    const contact = options.contact(link);
    const key = id.toString("latin1");
    if (!contact || asking.size >= UNSOLICITED.maxAsking || asking.has(key)) {
      link.respond(errorText(id, NOBODY.error));
      return;
    }
    const controller = new Aborter();
    asking.set(key, controller);
    const answer = await contact.ask(question, controller.signal).catch((): AgentAnswer => UNANSWERED);
    asking.delete(key);
    if (controller.signal.aborted) return;
    const { kind } = answer;
    link.respond(kind === "result" ? Buffer.concat(resultParts(id, answer.result)) : errorText(id, answer.error));
  }

  return {
    hear(link, message) {
      if (message.kind === "request") requested(link, message);
      else if (message.kind === "notification") notified(link, message);
    },
    stop() {
      for (const controller of asking.values()) controller.abort();
    },
  };
}

const NOTHING = Payload.of({});
const UNANSWERED: AgentAnswer = {
  kind: "error",
  error: wireError(CODES.internalError, "The client did not answer").error,
};
/** https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr: questions belong to a request. */
const NOBODY = wireError(CODES.invalidParams, "Nobody can be asked outside a request of the client");
