import { describe, expect, it } from "vitest";
import { manualClock } from "../../test/fixtures/manual-clock.ts";
import { EJECTION } from "./ejection.ts";
import type { AttemptFailure, Delivery, Fault } from "./failure.ts";
import { createHealth } from "./health.ts";

function setUp({ random = 0 } = {}) {
  const clock = manualClock();
  const states: string[] = [];
  const health = createHealth({ clock, random: () => random, changed: () => void states.push(health.state) });
  const fail = (fault: Fault = "timeout", delivery: Delivery = "sent_unknown", times = 1): void => {
    const failure: AttemptFailure = { fault, delivery, detail: "slow" };
    for (let count = 0; count < times; count++) health.failed(failure);
  };
  const eject = (): void => {
    health.connected();
    fail("timeout", "sent_unknown", EJECTION.faultsInRow);
  };
  /** Lets the ejection pass and a check succeed. */
  const toTrial = (): void => {
    clock.advance(health.checkAt - clock.now());
    health.checkPassed();
  };
  return { health, clock, states, fail, eject, toTrial };
}

describe("health", () => {
  it("ejects after five faults in a row, and says why", () => {
    const { health, fail } = setUp();
    health.connected();
    fail("timeout", "sent_unknown", EJECTION.faultsInRow - 1);
    expect(health.state).toBe("ready");
    fail();
    expect(health).toMatchObject({
      ...{ state: "ejected", condition: "suspect" },
      lastError: "5 faults in a row; the last: slow",
    });
  });

  it("ejects when too few of the calls of ten seconds succeed", () => {
    const { health, clock, fail } = setUp();
    health.connected();
    for (let round = 0; round < 3; round++) {
      clock.advance(1_000);
      health.succeeded();
      fail();
    }
    expect(health).toMatchObject({ state: "ejected", lastError: expect.stringContaining("3 of 6 calls failed") });
  });

  it.each([
    ["auth_required", "refused"],
    ["rate_limited", "refused"],
    ["cancelled", "sent_unknown"],
    ["too_large", "sent_unknown"],
    ["session_lost", "refused"],
    ["rejected", "refused"],
    ["rejected", "sent_unknown"],
    ["timeout", "not_sent"],
    ["overloaded", "not_sent"],
  ] as const)("does not blame it for %s (%s)", (fault, delivery) => {
    const { health, fail } = setUp();
    health.connected();
    fail(fault, delivery, 20);
    expect(health.state).toBe("ready");
  });

  it("blames it for 503 as for any other server error", () => {
    const { health, fail } = setUp();
    health.connected();
    fail("overloaded", "refused", 5);
    expect(health.state).toBe("ejected");
  });

  it("is degraded after one failed check and dead after three", () => {
    const { health } = setUp();
    health.connected();
    expect(health.checkFailed("1", false)).toBe(false);
    expect(health.state).toBe("degraded");
    expect(health.checkFailed("2", false)).toBe(false);
    expect(health.checkFailed("3", false)).toBe(true);
  });

  it("is well again after a check that succeeds", () => {
    const { health } = setUp();
    health.connected();
    health.checkFailed("1", false);
    health.checkPassed();
    expect(health.state).toBe("ready");
  });

  it("is left alone until the limit that it named is over", () => {
    const { health, clock } = setUp();
    health.connected();
    health.limited(500, "too many");
    expect(health).toMatchObject({ state: "rate_limited", condition: "limited", lastError: "too many" });
    clock.advance(500);
    expect(health).toMatchObject({ state: "ready", condition: "up" });
  });

  it("does not call it ready when a limit ends on a connection that was never opened", () => {
    const { health, clock } = setUp();
    health.disconnected("rate_limited", "too many");
    clock.advance(10_000);
    expect(health).toMatchObject({ state: "rate_limited", condition: "down" });
  });

  it("lets no call through while it wants credentials, until a check succeeds", () => {
    const { health } = setUp();
    health.connected();
    health.unauthorized("401");
    health.succeeded();
    expect(health).toMatchObject({ state: "auth_required", condition: "down", lastError: "401" });
    health.checkPassed();
    expect(health.state).toBe("ready");
  });
});

describe("an ejected upstream", () => {
  it("comes back only after a check and then one call have succeeded", () => {
    const { health, states, eject, toTrial } = setUp();
    eject();
    health.succeeded();
    expect(health.state).toBe("ejected");
    toTrial();
    health.succeeded();
    expect(health).toMatchObject({ state: "probing", condition: "trial" });
    expect(health.claim()).toBe(true);
    health.judge("passed", "");
    expect(states).toEqual(["ready", "ejected", "probing", "ready"]);
  });

  it("needs no call when checks have succeeded for a minute and nobody called", () => {
    const { health, clock, eject, toTrial } = setUp();
    eject();
    toTrial();
    clock.advance(59_000);
    health.checkPassed();
    expect(health.state).toBe("probing");
    clock.advance(1_000);
    health.checkPassed();
    expect(health.state).toBe("ready");
  });

  it("takes one call at a time while it is on trial", () => {
    const { health, eject, toTrial } = setUp();
    eject();
    toTrial();
    expect(health.claim()).toBe(true);
    expect(health.condition).toBe("suspect");
    expect(health.claim()).toBe(false);
    health.judge("undecided", "");
    expect(health.condition).toBe("trial");
    expect(health.claim()).toBe(true);
  });

  it("is ejected for twice as long when the check fails, and again when the call fails", () => {
    const { health, clock, eject, toTrial } = setUp();
    eject();
    expect(health.checkAt - clock.now()).toBe(1_000);
    clock.advance(1_000);
    health.checkFailed("no pong", false);
    expect(health.checkAt - clock.now()).toBe(2_000);
    toTrial();
    health.claim();
    health.judge("failed", "reset");
    expect(health.checkAt - clock.now()).toBe(4_000);
    expect(health).toMatchObject({ state: "ejected", lastError: "the call that tried it out failed: reset" });
  });

  it("is not judged by calls that were sent before", () => {
    const { health, fail, eject, toTrial } = setUp();
    eject();
    toTrial();
    fail("timeout", "sent_unknown", 20);
    expect(health.state).toBe("probing");
  });

  it("is not checked before its time", () => {
    const { health, eject } = setUp();
    eject();
    health.checkPassed();
    expect(health.state).toBe("ejected");
  });

  it("does not get rid of its ejection by connecting anew", () => {
    const { health, clock, eject } = setUp();
    eject();
    health.disconnected("down", "reset");
    health.connected();
    expect(health.state).toBe("ejected");
    health.disconnected("down", "reset");
    clock.advance(1_000);
    health.connected();
    expect(health.state).toBe("probing");
  });

  it("counts as returned when it is back, and not when it was only limited or has just been started", () => {
    const { health, clock, eject, toTrial } = setUp();
    health.connected();
    expect(health.returnedAt).toBe(Number.NEGATIVE_INFINITY);
    health.limited(5_000, "");
    clock.advance(5_000);
    expect(health.state).toBe("ready");
    expect(health.returnedAt).toBe(Number.NEGATIVE_INFINITY);
    eject();
    toTrial();
    health.claim();
    health.judge("passed", "");
    expect(health.returnedAt).toBe(clock.now());
  });

  it("does not count as returned after a connection that was renewed at once", () => {
    const { health, clock } = setUp();
    health.connected();
    health.disconnected("down", "session lost");
    clock.advance(200);
    health.connected();
    expect(health.returnedAt).toBe(Number.NEGATIVE_INFINITY);
  });
});
