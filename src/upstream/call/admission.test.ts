import { describe, expect, test } from "vitest";
import { manualClock } from "../../../test/fixtures/manual-clock.ts";
import type { Call } from "../../core/call.ts";
import type { Holder } from "../../core/catalog.ts";
import type { Limits } from "../../core/limits.ts";
import { nativeName, ownerId, upstreamName } from "../../core/names.ts";
import { promised } from "../../core/pass.fixture.ts";
import { Payload } from "../../core/payload.ts";
import type { Attempt } from "../../core/route.ts";
import { Aborter, aborted } from "../../core/signal.ts";
import { parkedTicket, stateTicket } from "../conversation/tickets.ts";
import { createAdmission } from "./admission.ts";
import { inTurn } from "./steps.ts";

const HOLDER: Holder = {
  upstream: upstreamName("a"),
  native: nativeName("run"),
  priority: 1,
  definition: Payload.of({}),
};
const LIMITS: Limits = { timeoutMs: 10_000, maxTimeoutMs: 60_000, attemptMs: 5_000, queueMs: 3_000 };
const DONE: Attempt = { kind: "done", result: Payload.of({}) };
const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

function admissionTo({
  max_concurrency: capacity = 32,
  isAlone = () => false,
}: {
  max_concurrency?: number;
  isAlone?: () => boolean;
}) {
  const clock = manualClock();
  const running: { owner: string; limits: Limits; end(): void }[] = [];
  const admission = createAdmission({
    clock,
    ...{ capacity, isAlone },
  });
  const pass = promised(
    inTurn({ admission, clock })(
      ({ call: { caller }, limits }, done) => void running.push({ owner: caller.owner, limits, end: () => done(DONE) }),
    ),
  );
  const send = (
    owner = "ann",
    signal = new Aborter().signal,
    { limits = LIMITS, ticket }: { limits?: Limits; ticket?: string } = {},
  ): Promise<Attempt> => {
    const continues = ticket === undefined ? undefined : { ticket };
    const call = { caller: { owner: ownerId(owner) }, signal, continues } as unknown as Call;
    return pass({ call, holder: HOLDER, limits });
  };
  return { clock, running, admission, send };
}

describe("calls to one upstream", () => {
  test("wait for a place, and the wait counts as time of the call", async () => {
    const { clock, running, admission, send } = admissionTo({ max_concurrency: 1 });
    void send();
    void send();
    expect([running.length, admission.queued]).toEqual([1, 1]);
    clock.advance(1_500);
    running[0]?.end();
    await turn();
    expect(running.map(({ limits }) => limits)).toEqual([
      LIMITS,
      { ...LIMITS, timeoutMs: 8_500, maxTimeoutMs: 58_500 },
    ]);
    expect(admission.queued).toBe(0);
  });

  test("wait for as long as their agents do where nobody else can take them", async () => {
    const { clock, running, send } = admissionTo({ max_concurrency: 1 });
    const patient = { ...LIMITS, timeoutMs: Infinity, maxTimeoutMs: Infinity, queueMs: Infinity };
    void send();
    void send("ann", new Aborter().signal, { limits: patient });
    clock.advance(24 * 3_600_000);
    running[0]?.end();
    await turn();
    expect(running[1]?.limits).toEqual(patient);
  });

  test("need no place when their agents have left: what they end at the upstream ends at once", async () => {
    const { running, send } = admissionTo({ max_concurrency: 1 });
    void send();
    void send("bob", aborted());
    expect(running.map(({ owner }) => owner)).toEqual(["ann", "bob"]);
    const third = send();
    running[1]?.end();
    await turn();
    expect(running).toHaveLength(2);
    running[0]?.end();
    await turn();
    running[2]?.end();
    expect(await third).toBe(DONE);
  });

  test("end once each when the connection is lost that one of them runs and the others wait for", () => {
    const clock = manualClock();
    const admission = createAdmission({ clock, capacity: 2, isAlone: () => false });
    const gone = new Aborter();
    const ends = new Map<number, number>();
    const pass = inTurn({ admission, clock })(({ call: { signal } }, done) => {
      const cancelled = (): void => done(DONE);
      if (signal.aborted) cancelled();
      else signal.onAbort(cancelled);
    });
    const call = { caller: { owner: ownerId("ann") }, signal: gone.signal } as unknown as Call;
    for (let number = 0; number < 4; number++) {
      const done = (): void => void ends.set(number, (ends.get(number) ?? 0) + 1);
      pass({ call, holder: HOLDER, limits: LIMITS }, done);
    }
    gone.abort();
    expect([...ends.values()]).toEqual([1, 1, 1, 1]);
    expect([gone.listeners, clock.pending, admission.gateOf(call.caller).inside, admission.queued]).toEqual([
      0, 0, 0, 0,
    ]);
  });

  test("go in at once when they answer what a call asks that runs there already", async () => {
    const { running, send } = admissionTo({ max_concurrency: 1 });
    void send();
    void send("bob");
    const goesOn = (ticket: string) => void send("carl", new Aborter().signal, { ticket });
    goesOn(parkedTicket("its call is open"));
    // It has to be sent anew, like any other.
    goesOn(stateTicket("where it was", false));
    expect(running.map(({ owner }) => owner)).toEqual(["ann", "carl"]);
    running[1]?.end();
    await turn();
    expect(running).toHaveLength(2);
    running[0]?.end();
    await turn();
    expect(running.map(({ owner }) => owner)).toEqual(["ann", "carl", "bob"]);
  });

  test("are refused as not sent when the queue is full, or when no place becomes free in time", async () => {
    const { clock, running, send } = admissionTo({ max_concurrency: 1 });
    void send();
    const waits = send();
    expect(await send()).toMatchObject({ fault: "overloaded", delivery: "not_sent", retryAfterMs: 1_000 });
    clock.advance(3_000);
    expect(await waits).toMatchObject({ fault: "overloaded", delivery: "not_sent", retryAfterMs: 1_000 });
    expect(running).toHaveLength(1);
  });

  test("end as cancelled when their agent leaves the queue", async () => {
    const { running, send } = admissionTo({ max_concurrency: 1 });
    const leaver = new Aborter();
    void send();
    const left = send("ann", leaver.signal);
    leaver.abort();
    expect(await left).toMatchObject({ fault: "cancelled", delivery: "not_sent" });
    running[0]?.end();
    await turn();
    expect(running).toHaveLength(1);
  });

  test("share one limit where they share one child, and have one each where each agent has its own", async () => {
    const shared = admissionTo({ max_concurrency: 1 });
    const own = admissionTo({ max_concurrency: 1, isAlone: () => true });
    for (const { send } of [shared, own]) for (const owner of ["ann", "bob", "ann"]) void send(owner);
    expect(shared.running.map(({ owner }) => owner)).toEqual(["ann"]);
    expect(own.running.map(({ owner }) => owner)).toEqual(["ann", "bob"]);
    expect(own.admission.queued).toBe(1);
    own.running[0]?.end();
    await turn();
    expect(own.running.map(({ owner }) => owner)).toEqual(["ann", "bob", "ann"]);
  });

  test("have the limit of the child that they share until they have children of their own", async () => {
    let alone = false;
    const { running, admission, send } = admissionTo({ max_concurrency: 1, isAlone: () => alone });
    for (const owner of ["ann", "bob"]) void send(owner);
    expect([running.length, admission.queued]).toEqual([1, 1]);
    alone = true;
    for (const owner of ["ann", "bob"]) void send(owner);
    expect([running.map(({ owner }) => owner), admission.queued]).toEqual([["ann", "ann", "bob"], 1]);
    for (const { end } of running) end();
    await turn();
    expect([running.length, admission.queued]).toEqual([4, 0]);
  });
});
