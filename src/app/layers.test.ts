import { expect, test } from "vitest";
import { manualClock } from "../../test/fixtures/manual-clock.ts";
import { configSchema } from "../config/schema.ts";
import { bringing, promised } from "../core/pass.fixture.ts";
import { Payload } from "../core/payload.ts";
import { NO_PRESSURE } from "../core/pressure.ts";
import { createRetryBudget } from "../core/retry-budget.ts";
import { callOf, DONE, holder, limits } from "../core/route.fixture.ts";
import type { Attempt, Instance } from "../core/route.ts";
import { overload } from "../guard/overload.ts";
import { createRedactor } from "../guard/redact.ts";
import { references } from "../guard/references.ts";
import { memoryStore } from "../lib/memory-store.ts";
import { createSealer } from "../lib/seal.ts";
import type { Pool } from "../upstream/pool.ts";
import { assembleHandle } from "./layers.ts";

const ASKS: Attempt = { kind: "asks", questions: Payload.of({ name: { method: "elicitation/create" } }), ticket: "t" };

/** The layers of a gateway before an upstream that asks once for each call. */
function setUp() {
  const clock = manualClock();
  const load = { level: 0 };
  const pressure = { ...NO_PRESSURE, sheds: () => load.level > 0 };
  Object.defineProperty(pressure, "level", { get: () => load.level });
  const upstream: Instance = {
    ...{ condition: "up", restarting: false, returnedAt: 0, inFlight: 0, budget: createRetryBudget() },
    isFull: () => false,
    trust: { annotations: false, safeToRetry: new Set(), startsTasks: false },
    limits: () => limits,
    keeps: () => false,
    send: bringing(({ call }) => (call.continues ? DONE : ASKS)),
  };
  const { handle } = assembleHandle({
    ...{
      clock,
      config: configSchema.parse({}),
      capacity: overload({ pressure }),
      remembered: references({ serving: () => [] }),
    },
    ...{ log: { write() {}, commit: () => true, ready: true }, nextCallId: () => "id", redactor: createRedactor([]) },
    pool: { get: () => upstream } as unknown as Pool,
    store: memoryStore({ clock, maxBuckets: 10 }),
    sealer: createSealer(Buffer.alloc(32, 1), { clock }),
  } as unknown as Parameters<typeof assembleHandle>[0]);
  return { handle: promised(handle), load, upstream };
}

test("under pressure a call that was asked something goes on, and no new one is taken", async () => {
  const { handle, load } = setUp();
  const asked = await handle(callOf([holder("a")]));
  if (asked.kind !== "asks") throw new Error(`expected questions, got ${asked.kind}`);
  load.level = 5;
  const refused = { kind: "failed", failure: { kind: "overloaded" } };
  expect(await handle(callOf([holder("a")]))).toMatchObject(refused);
  const answers = { requestState: asked.ticket, inputResponses: { name: { action: "accept" } } };
  const again = callOf([holder("a")], { params: Payload.of({ name: "tool", ...answers }) });
  expect(await handle(again)).toMatchObject({ kind: "done" });
});

test("a bug behind the layers fails the call that ran into it, and no other", async () => {
  const { handle, upstream } = setUp();
  const bug = new Error("a bug");
  const { send } = upstream;
  Object.assign(upstream, {
    send() {
      throw bug;
    },
  });
  expect(await handle(callOf([holder("a")]))).toMatchObject({ failure: { kind: "internal", cause: bug } });
  Object.assign(upstream, { send });
  expect(await handle(callOf([holder("a")]))).toMatchObject({ kind: "asks" });
});
