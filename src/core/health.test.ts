import { describe, expect, it } from "vitest";
import { createHealth, HEALTH_RULES } from "./health.ts";
import type { Clock } from "./ports.ts";

function setUp() {
  let now = 0;
  let changes = 0;
  const clock: Clock = { now: () => now, wall: () => now, after: () => () => {} };
  const health = createHealth({ clock, random: () => 0, changed: () => changes++ });
  return { health, pass: (ms: number) => (now += ms), changes: () => changes };
}

describe("health", () => {
  it("ejects after five faults in a row, not before", () => {
    const { health } = setUp();
    health.connected();
    for (let count = 1; count < HEALTH_RULES.faultsToEject; count++) health.failed("timeout", "slow");
    expect(health.state).toBe("ready");
    health.failed("timeout", "slow");
    expect(health).toMatchObject({ state: "ejected", condition: "suspect", lastError: "slow" });
  });

  it("counts only faults in a row", () => {
    const { health } = setUp();
    health.connected();
    for (let round = 0; round < 10; round++) {
      health.failed("timeout", "slow");
      health.succeeded();
    }
    expect(health.state).toBe("ready");
  });

  it.each(["auth_required", "rate_limited", "cancelled", "too_large"] as const)("does not blame it for %s", fault => {
    const { health } = setUp();
    health.connected();
    for (let count = 0; count < 20; count++) health.failed(fault, "");
    expect(health.state).toBe("ready");
  });

  it("takes traffic again after one success", () => {
    const { health } = setUp();
    health.connected();
    for (let count = 0; count < 5; count++) health.failed("timeout", "slow");
    health.succeeded();
    expect(health.state).toBe("ready");
  });

  it("doubles the ejection each time a check fails", () => {
    const { health, pass } = setUp();
    health.connected();
    for (let count = 0; count < 5; count++) health.failed("timeout", "slow");
    expect(health.checkAt).toBe(1_000);
    pass(1_000);
    health.checkFailed("still slow");
    expect(health.checkAt).toBe(3_000);
  });

  it("is degraded after one failed check and dead after three", () => {
    const { health } = setUp();
    health.connected();
    expect(health.checkFailed("1")).toBe(false);
    expect(health.state).toBe("degraded");
    expect(health.checkFailed("2")).toBe(false);
    expect(health.checkFailed("3")).toBe(true);
  });

  it("takes no calls until the limit that the upstream named is over", () => {
    const { health, pass } = setUp();
    health.connected();
    health.limited(500);
    expect(health).toMatchObject({ state: "rate_limited", condition: "suspect" });
    pass(500);
    expect(health).toMatchObject({ state: "ready", condition: "up" });
  });
});
