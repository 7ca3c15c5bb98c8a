import type { Call } from "./call.ts";
import type { Entry, Holder } from "./catalog.ts";
import type { Delivery, Fault } from "./failure.ts";
import { ANONYMOUS } from "./names.fixture.ts";
import { nativeName, ownerId, publicName, upstreamName } from "./names.ts";
import { Payload } from "./payload.ts";
import type { Attempt } from "./route.ts";
import { Aborter } from "./signal.ts";

export const owner = ownerId("agent");

export function holder(name: string, priority = 1, annotations = {}): Holder {
  const definition = Payload.of({ name: "tool", annotations });
  return { upstream: upstreamName(name), native: nativeName("tool"), priority, definition };
}

export function callOf(holders: [Holder, ...Holder[]], changes: Partial<Call> = {}): Call {
  const entry: Entry = { kind: "tool", name: publicName("tool"), holders, definition: holders[0].definition };
  return {
    caller: { principal: ANONYMOUS, agent: "test", owner, capabilities: Payload.of({}), converses: false },
    view: { kind: "all" },
    method: "tools/call",
    target: "tool",
    subject: { kind: "found", entry },
    params: Payload.of({ name: "tool" }),
    continues: undefined,
    signal: new Aborter().signal,
    logLevel: undefined,
    notify: () => {},
    ...changes,
  };
}

export const DONE: Attempt = { kind: "done", result: Payload.of({ content: [] }) };
export const failed = (delivery: Delivery, fault: Fault = "connection_lost"): Attempt => ({
  kind: "failed",
  delivery,
  fault,
  detail: "",
});

export const limits = { timeoutMs: 10_000, maxTimeoutMs: 60_000, attemptMs: 10_000, queueMs: 3_000 };
