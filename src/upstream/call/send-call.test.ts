import { describe, expect, it } from "vitest";
import { manualClock } from "../../../test/fixtures/manual-clock.ts";
import { answering, failing, type Simulated, simulate } from "../../../test/fixtures/simulated-fleet.ts";
import type { Call } from "../../core/call.ts";
import { createHealth } from "../../core/health.ts";
import { upstreamName } from "../../core/names.ts";
import { promised } from "../../core/pass.fixture.ts";
import { Payload } from "../../core/payload.ts";
import type { Clock } from "../../core/ports.ts";
import { callOf, DONE, holder, limits } from "../../core/route.fixture.ts";
import { Aborter, aborted } from "../../core/signal.ts";
import type { LinkAttempt } from "../conversation/attempt.ts";
import type { Link } from "../conversation/link.ts";
import type { Calling } from "../conversation/link-calls.ts";
import { createParking } from "../conversation/suspended-calls.ts";
import { stateTicket } from "../conversation/tickets.ts";
import { createAdmission } from "./admission.ts";
import { createSend, type SendOptions } from "./send.ts";
import { createTraffic } from "./traffic.ts";

const NOTHING = Payload.of({});
const limitless = (clock: Clock) => ({
  traffic: createTraffic(clock),
  admission: createAdmission({ capacity: Number.POSITIVE_INFINITY, clock, isAlone: () => false }),
});
const UNAUTHORIZED = { fault: "auth_required", delivery: "refused", detail: "HTTP 401" } as const;
const LIMITED = { fault: "rate_limited", delivery: "refused", detail: "HTTP 429", retryAfterMs: 20_000 } as const;

describe("a call that is made once more because the upstream knew better", () => {
  /** Attempts whose link answers so, one after the other, each a while later. */
  function setUp(
    answers: readonly LinkAttempt[],
    { takesMs = 4_000, refresh = async () => {} }: { takesMs?: number; refresh?: () => Promise<void> } = {},
  ) {
    const clock = manualClock();
    const given: number[] = [];
    const link = {
      call(_call: Call, { timeouts }: Calling, done: (attempt: LinkAttempt) => void) {
        clock.advance(takesMs);
        done(answers[given.push(timeouts.timeoutMs) - 1]!);
      },
    } as unknown as Link;
    const attempts = createSend({
      ...{ clock, stopping: new Aborter().signal, ...limitless(clock) },
      ...{ connector: { link, giveUp: () => {} }, owners: { drop: () => {} }, dialer: { forget: () => {} } },
      ...{ keeper: { refresh, offer: undefined }, prober: { hurry: () => {} } },
      health: createHealth({ clock, random: () => 0, changed: () => {} }),
      placement: { linkFor: () => ({ kind: "open", link }) },
      called: () => {},
      answered: () => {},
    } as unknown as SendOptions);
    const only = holder("only");
    return { clock, given, send: () => promised(attempts)({ call: callOf([only]), holder: only, limits }) };
  }
  const GONE = { kind: "failed", fault: "session_lost", delivery: "refused", detail: "HTTP 404" } as const;
  const LOST = { kind: "doubted", doubt: "undone", isSaid: true, attempt: GONE } as const;
  const OBJECTION = { kind: "objected", to: "headers", detail: "" } as const;

  it.each([
    ["session", LOST],
    ["lists", OBJECTION],
  ] as const)("has what is left of its time (%s)", async (_, first) => {
    const { given, send } = setUp([first, DONE]);
    expect(await send()).toBe(DONE);
    expect(given).toEqual([10_000, 6_000]);
  });

  it("is told of the refusal as it came once that is nothing", async () => {
    const { given, send } = setUp([LOST, DONE], { takesMs: 10_000 });
    expect(await send()).toMatchObject({ fault: "session_lost", delivery: "refused" });
    expect(given).toHaveLength(1);
  });

  it("waits for new lists no longer than that", async () => {
    const { clock, given, send } = setUp([OBJECTION], { refresh: () => new Promise(() => {}) });
    const turn = () => new Promise(resolve => setImmediate(() => resolve("waiting")));
    const attempt = send();
    await turn();
    clock.advance(6_000);
    expect(await Promise.race([attempt, turn()])).toMatchObject({ fault: "timeout", delivery: "not_sent" });
    expect([given.length, clock.pending]).toEqual([1, 0]);
  });
});

describe("an upstream that wants credentials", () => {
  it("is tried by checks alone until it lets us in", async () => {
    let open = false;
    const fleet = simulate({ only: () => (open ? answering(1) : failing(1, UNAUTHORIZED)) });
    const [only] = fleet.upstreams as [Simulated];
    const first = fleet.call();
    await fleet.run(10);
    expect(await first).toMatchObject({ failure: { fault: "auth_required", delivery: "refused" } });
    expect(only.health).toMatchObject({ state: "auth_required", lastError: "HTTP 401" });
    expect(await fleet.call()).toMatchObject({ failure: { fault: "auth_required", delivery: "not_sent" } });
    expect(only.calls).toHaveLength(1);
    open = true;
    await fleet.run(40_000);
    const served = fleet.call();
    await fleet.run(10);
    expect(await served).toMatchObject({ kind: "done" });
  });

  it("takes the answers that one of its calls waits for, and its agent's leave", async () => {
    const clock = manualClock();
    const health = createHealth({ clock, random: () => 0, changed: () => {} });
    health.connected();
    health.unauthorized("HTTP 401");
    const parking = createParking(clock);
    const attempts = createSend({
      ...{ clock, health, parking, stopping: new Aborter().signal, called: () => {}, answered: () => {} },
      ...limitless(clock),
    } as unknown as SendOptions);
    const only = holder("only");
    const asked = callOf([only]);
    const { ticket } = parking.park(asked.caller.owner, {
      principal: undefined,
      resume: (_call, done) => done(DONE),
      abandon: () => {},
    })!;
    const goOn = (way: string) => {
      const continues = { upstream: upstreamName("only"), ticket: way, answers: NOTHING, refusals: NOTHING };
      return promised(attempts)({ call: { ...asked, continues }, holder: only, limits });
    };
    // Those it would have to be sent anew.
    expect(await goOn(stateTicket("x", false))).toMatchObject({ fault: "auth_required", delivery: "not_sent" });
    expect(await goOn(ticket)).toBe(DONE);
    expect(clock.pending).toBe(0);
  });

  it("for one call and not for a check serves the others", async () => {
    const fleet = simulate({
      only: (_, call) => (call?.target === "secret" ? failing(1, UNAUTHORIZED) : answering(1)),
    });
    const refused = fleet.call({ target: "secret" } as Partial<Call>);
    await fleet.run(10);
    expect(await refused).toMatchObject({ failure: { fault: "auth_required" } });
    expect(fleet.upstreams[0]).toMatchObject({ health: { state: "ready" }, checks: [1] });
    const served = fleet.call();
    await fleet.run(10);
    expect(await served).toMatchObject({ kind: "done" });
  });
});

describe("an upstream that limits our rate", () => {
  it("is left alone for as long as it says while somebody else serves, and is never ejected", async () => {
    const fleet = simulate({
      limited: now => (now < 1_000 ? failing(1, LIMITED) : answering(1)),
      other: () => answering(1),
    });
    const [limited, other] = fleet.upstreams as [Simulated, Simulated];
    await fleet.run(20_000, now => now % 100 === 0 && void fleet.call());
    expect(limited.health.state).toBe("rate_limited");
    expect([limited.calls.length, other.calls.length]).toEqual([1, 200]);
    await fleet.run(2_000, now => now % 100 === 0 && void fleet.call());
    expect(limited.health.state).toBe("ready");
    expect(limited.calls.length).toBeGreaterThan(5);
  });

  it("says so itself where nobody else serves", async () => {
    const fleet = simulate({ only: () => failing(1, LIMITED) });
    for (let count = 0; count < 3; count++) {
      const outcome = fleet.call();
      await fleet.run(10);
      expect(await outcome).toMatchObject({ failure: { fault: "rate_limited", retryAfterMs: 20_000, attempts: 1 } });
    }
  });
});

describe("the call that tries an ejected upstream out", () => {
  /** Two replicas, of which the first has just passed a check after an ejection. */
  async function onTrial(recovered: (call: Call) => ReturnType<typeof answering>) {
    let ill = true;
    const fleet = simulate({
      ill: (_, call) => (ill ? failing(1) : call ? recovered(call) : answering(5)),
      good: () => answering(1),
    });
    const [one] = fleet.upstreams as [Simulated, Simulated];
    await fleet.run(100, now => now % 5 === 0 && void fleet.call());
    ill = false;
    while (one.health.state !== "probing") await fleet.run(10);
    return { fleet, one };
  }

  it("gives the place free when its agent leaves", async () => {
    const cancelled = { fault: "cancelled", delivery: "sent_unknown", detail: "" } as const;
    const { fleet, one } = await onTrial(call => (call.signal.aborted ? failing(5, cancelled) : answering(5)));
    const gone = aborted();
    await fleet.run(2, () => void fleet.call({ signal: gone }));
    expect(one.health.condition).toBe("suspect");
    await fleet.run(10);
    expect(one.health).toMatchObject({ state: "probing", condition: "trial" });
    await fleet.run(20, now => now % 5 === 0 && void fleet.call());
    expect(one.health.state).toBe("ready");
  });

  it("gives the place free when we stumble over what it brings", async () => {
    const { fleet, one } = await onTrial(() => {
      throw new Error("a bug");
    });
    const outcomes = Promise.all([fleet.call(), fleet.call()]);
    await fleet.run(10);
    const bug = { kind: "failed", failure: expect.objectContaining({ kind: "internal", detail: "Error: a bug" }) };
    expect(await outcomes).toContainEqual(expect.objectContaining(bug));
    expect(one.health).toMatchObject({ state: "probing", condition: "trial" });
  });

  it("is none that goes on from a question that nobody waits for any more", async () => {
    const { fleet, one } = await onTrial(() => answering(5));
    const [upstream, answers] = [upstreamName(one.name), Payload.of({})];
    const outcome = await fleet.call({ continues: { upstream, ticket: "gone", answers, refusals: answers } });
    expect(outcome).toMatchObject({ kind: "failed", failure: { kind: "answered" } });
    expect(one.health.state).toBe("probing");
  });
});
