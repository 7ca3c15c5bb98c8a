import { describe, expect, it } from "vitest";
import { BALANCING } from "../../src/core/balance.ts";
import type { Call } from "../../src/core/call.ts";
import type { Entry, Holder } from "../../src/core/catalog.ts";
import type { Delivery } from "../../src/core/failure.ts";
import { METHODS } from "../../src/core/methods.ts";
import { ANONYMOUS } from "../../src/core/names.fixture.ts";
import { nativeName, ownerId, publicName, upstreamName } from "../../src/core/names.ts";
import { bringing, promised } from "../../src/core/pass.fixture.ts";
import { Payload } from "../../src/core/payload.ts";
import { MAY_FOLLOW } from "../../src/core/retry.ts";
import { createRetryBudget } from "../../src/core/retry-budget.ts";
import { type Attempt, route } from "../../src/core/route.ts";
import { Aborter } from "../../src/core/signal.ts";
import { errorOf } from "../../src/wire/rpc-errors.ts";
import { manualClock } from "../fixtures/manual-clock.ts";

/** Everything on which it may depend whether a call is sent a second time. */
interface Situation {
  readonly method: string;
  readonly delivery: Delivery;
  readonly annotations: keyof typeof ANNOTATIONS;
  readonly trusted: boolean;
  readonly listed: boolean;
  readonly continues: boolean;
  readonly answers: boolean;
  readonly tasks: boolean;
}

const ANNOTATIONS = {
  none: {},
  reads: { readOnlyHint: true },
  idempotent: { readOnlyHint: false, idempotentHint: true },
  writes: { readOnlyHint: false, destructiveHint: true },
  text: { readOnlyHint: "true" },
};
const SENT = [...Object.keys(METHODS), "com.example/run"];
const DELIVERIES = Object.keys(MAY_FOLLOW) as Delivery[];
const BOTH = [false, true];

/** The rules once more, in the words of the promise. */
function mayRunTwice({ method, annotations, trusted, listed, continues, answers, tasks }: Situation): boolean {
  if (continues || answers) return false;
  if (["prompts/get", "resources/read", "completion/complete", "tasks/get", "tasks/cancel"].includes(method))
    return true;
  if (method !== "tools/call" || tasks) return false;
  return listed || (trusted && (annotations === "reads" || annotations === "idempotent"));
}

/** Sends a call of which the first attempt fails; tells who was asked and what the agent got. */
async function send(situation: Situation) {
  const { method, delivery, annotations, trusted, listed, continues, answers, tasks } = situation;
  const definition = Payload.of({ name: "t", annotations: ANNOTATIONS[annotations] });
  const holders = ["a", "b"].map(
    (name): Holder => ({ upstream: upstreamName(name), native: nativeName("t"), priority: 1, definition }),
  ) as [Holder, Holder];
  const entry: Entry = { kind: "tool", name: publicName("t"), holders, definition };
  const asked: string[] = [];
  const handle = route({
    ...{ clock: manualClock(), random: () => 0, policy: BALANCING.round_robin.policy },
    instance: name => ({
      ...{
        condition: "up",
        restarting: false,
        returnedAt: Number.NEGATIVE_INFINITY,
        inFlight: 0,
        budget: createRetryBudget(),
      },
      trust: { annotations: trusted, safeToRetry: new Set(listed ? ["t"] : []), startsTasks: tasks },
      isFull: () => false,
      keeps: () => false,
      limits: () => ({ timeoutMs: 1_000, maxTimeoutMs: 1_000, attemptMs: 1_000, queueMs: 3_000 }),
      send: bringing((): Attempt => {
        asked.push(name);
        if (asked.length > 1) return { kind: "done", result: Payload.of({}) };
        return { kind: "failed", fault: "timeout", delivery, detail: "" };
      }),
    }),
  });
  const extensions = { "io.modelcontextprotocol/tasks": {} };
  const call: Call = {
    caller: {
      ...{ principal: ANONYMOUS, agent: "test", owner: ownerId("agent") },
      capabilities: Payload.of(tasks ? { extensions } : {}),
      converses: false,
    },
    ...{ view: { kind: "all" }, method, target: "t", subject: { kind: "found", entry }, logLevel: undefined },
    params: Payload.of(answers ? { name: "t", inputResponses: {} } : { name: "t" }),
    continues: continues
      ? { upstream: upstreamName("a"), ticket: "", answers: Payload.of({}), refusals: Payload.of({}) }
      : undefined,
    signal: new Aborter().signal,
    notify: () => {},
  };
  return { asked, outcome: await promised(handle)(call) };
}

function* situations(method: string, delivery: Delivery): Iterable<Situation> {
  for (const annotations of Object.keys(ANNOTATIONS) as (keyof typeof ANNOTATIONS)[])
    for (const trusted of BOTH)
      for (const listed of BOTH)
        for (const continues of BOTH)
          for (const answers of BOTH)
            for (const tasks of BOTH)
              yield { method, delivery, annotations, trusted, listed, continues, answers, tasks };
}

describe.each(SENT)("%s", method => {
  it.each(DELIVERIES)("after %s is sent again exactly where that does no harm", async delivery => {
    for (const situation of situations(method, delivery)) {
      const { asked, outcome } = await send(situation);
      const safe = mayRunTwice(situation);
      const again = { not_sent: true, refused: true, sent_unknown: safe, partial: false, answered: false }[delivery];
      // Nobody else can go on with what one upstream has begun.
      const elsewhere = again && !situation.continues;
      expect({ situation, asked }).toEqual({ situation, asked: elsewhere ? ["a", "b"] : ["a"] });
      if (outcome.kind !== "failed") continue;
      const gateway = errorOf(outcome.failure).error.object("data")?.object("gateway")?.value();
      const sure = delivery === "not_sent" || delivery === "refused";
      expect({ situation, gateway }).toMatchObject({
        gateway: { reason: "upstream_timeout", upstream: "a", attempt: 1, retryable: sure || safe },
      });
    }
  });
});
