import type { IncomingHttpHeaders } from "node:http";
import type { Room, View } from "../core/call.ts";
import type { Front } from "../core/front.ts";
import type { Keeper } from "../core/ledger-entries.ts";
import { ownerId, type Principal } from "../core/names.ts";
import { Payload } from "../core/payload.ts";
import type { Clock } from "../core/ports.ts";
import type { Signal } from "../core/signal.ts";
import type { Message } from "../wire/message.ts";
import { discoverResult, modernAgent } from "../wire/modern.ts";
import type { ModernEnvelope } from "../wire/modern-envelope.ts";
import { parameterHeaderMismatch } from "../wire/parameter-headers.ts";
import { CODES, errorOf, wireError } from "../wire/rpc-errors.ts";
import { placeOf } from "./address.ts";
import { agentName, anonymous } from "./agent-name.ts";
import { listen } from "./listen.ts";
import { type AgentRequest, type Answer, type Ending, endingOf, serve } from "./serve.ts";
import { isLimited, refusalOf } from "./slow-refusal.ts";

/** The transport that carries one request. */
export interface Carrier {
  readonly view: View;
  /** Where the agent comes from, for limits. */
  readonly address: string;
  /** `undefined` where there are none. */
  readonly headers: IncomingHttpHeaders | undefined;
  readonly clock: Clock;
  readonly signal: Signal;
  notify(notification: Buffer): Room;
  /** Whether one more request of that agent may begin which would never end by itself. */
  admits(keeper: Keeper): boolean;
  /** Takes the function that ends a request which would never end by itself. */
  hold(stop: () => void): void;
}

const EMPTY = Payload.of({});

type ModernRequest = Extract<Message, { kind: "request" }> & { readonly envelope: ModernEnvelope };

/** Answers a request that carries everything about its agent, once that has been checked. `done` is called once. */
export function answerModern(
  front: Front,
  message: ModernRequest,
  { carrier, done }: { readonly carrier: Carrier; done(answer: Answer): void },
): void {
  const { method, envelope } = message;
  const principal = anonymous(carrier.address, envelope.clientInfo);
  const ending = endingOf(front, done);
  const answer = (): void => answerAllowed(front, message, { carrier, principal, ending });
  try {
    if (!isLimited(method)) return answer();
    const keeper = keeperOf(carrier, principal);
    refusalOf(method, { front, clock: carrier.clock, keeper })
      .then(refusal => (refusal ? ending.answer(refusal) : answer()))
      .catch(ending.broke);
  } catch (error) {
    ending.broke(error);
  }
}

const keeperOf = ({ address }: Carrier, principal: Principal): Keeper => ({ principal, address: placeOf(address) });

function answerAllowed(
  front: Front,
  message: ModernRequest,
  { carrier, principal, ending }: { readonly carrier: Carrier; readonly principal: Principal; readonly ending: Ending },
): void {
  const { method, envelope, params = EMPTY } = message;
  const { view, headers, signal, notify } = carrier;
  if (method === "server/discover") {
    const profile = front.view(view)?.profile();
    if (profile) return ending.answer({ kind: "result", result: discoverResult(profile) });
  }
  const caller = {
    principal,
    agent: agentName(envelope.clientInfo),
    owner: ownerId(principal),
    capabilities: envelope.capabilities,
    converses: false,
  };
  const agent = { caller, view, era: modernAgent, logLevel: envelope.logLevel };
  if (method === "subscriptions/listen") {
    const { clock, hold } = carrier;
    const keeper = keeperOf(carrier, principal);
    if (!carrier.admits(keeper)) return ending.answer({ kind: "error", error: errorOf({ kind: "overloaded" }) });
    const listening = { id: message.id, params, keeper, clock, signal, tell: notify, hold };
    listen(front, agent, listening).then(ending.answer, ending.broke);
    return;
  }
  const request: AgentRequest = {
    method,
    params,
    signal,
    notify,
    check(entry) {
      const mismatch = headers && entry.kind === "tool" && parameterHeaderMismatch(entry.definition, params, headers);
      return mismatch ? wireError(CODES.headerMismatch, mismatch) : undefined;
    },
  };
  serve(front, agent, request, ending);
}
