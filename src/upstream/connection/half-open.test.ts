import { describe, expect, it } from "vitest";
import { answering, failing, type Simulated, simulate } from "../../../test/fixtures/simulated-fleet.ts";

const within = (times: readonly number[], from: number, to: number): number =>
  times.filter(time => time >= from && time < to).length;
const shareOf = (one: Simulated, all: readonly Simulated[], from: number, to: number): number =>
  within(one.calls, from, to) / all.reduce((sum, each) => sum + within(each.calls, from, to), 0);

describe("an upstream that fails at once", () => {
  it.each(["round_robin", "least_pending", "power_of_two"] as const)(
    "attracts no calls with %s: its share falls below a tenth within a second",
    async policy => {
      const fleet = simulate({ hole: () => failing(1), good: () => answering(20) }, { policy, safe: false });
      await fleet.run(1_000, now => now % 5 === 0 && void fleet.call());
      expect(shareOf(fleet.upstreams[0]!, fleet.upstreams, 0, 1_000)).toBeLessThan(0.1);
    },
  );
});

describe("an upstream that is twenty times as slow", () => {
  it.each(["least_pending", "power_of_two"] as const)(
    "gets less than 15 percent of the calls with %s",
    async policy => {
      const fleet = simulate(
        { slow: () => answering(200), good: () => answering(10), other: () => answering(10) },
        { policy },
      );
      let waiting = 0;
      await fleet.run(6_000, () => {
        for (; waiting < 16; waiting++) void fleet.call().then(() => waiting--);
      });
      expect(shareOf(fleet.upstreams[0]!, fleet.upstreams, 1_000, 6_000)).toBeLessThan(0.15);
    },
  );
});

describe("an ejected upstream", () => {
  it("gets a check and then one call at a time, and all of them once that has succeeded", async () => {
    let ill = true;
    const fleet = simulate({ ill: () => (ill ? failing(1) : answering(40)), good: () => answering(5) });
    const [one, other] = fleet.upstreams as [Simulated, Simulated];
    const load = (now: number) => now % 2 === 0 && void fleet.call();
    await fleet.run(500, load);
    expect(one.health.state).toBe("ejected");
    const [callsBefore, checksBefore] = [one.calls.length, one.checks.length];
    expect([callsBefore, checksBefore]).toEqual([5, 0]);
    await fleet.run(4_000, load);
    expect(one.calls.length).toBe(callsBefore);
    expect(one.checks.length).toBeGreaterThanOrEqual(2);
    ill = false;
    const from = fleet.clock.now();
    await fleet.run(8_000, load);
    expect(one.health.state).toBe("ready");
    expect(one.mostOnTrial).toBe(1);
    expect(within(one.checks, from, Infinity)).toBeGreaterThanOrEqual(1);
    expect(other.health.state).toBe("ready");
  });

  it("comes back with a tenth of its calls and has all of them after half a minute", async () => {
    let ill = true;
    const fleet = simulate({ ill: () => (ill ? failing(1) : answering(2)), good: () => answering(2) });
    const [one] = fleet.upstreams as [Simulated, Simulated];
    const load = (now: number) => now % 10 === 0 && void fleet.call();
    await fleet.run(1_100, load);
    ill = false;
    while (one.health.state !== "ready") await fleet.run(1, load);
    const back = fleet.clock.now();
    await fleet.run(40_000, load);
    const share = (fromMs: number, toMs: number) => shareOf(one, fleet.upstreams, back + fromMs, back + toMs);
    expect(share(0, 3_000)).toBeLessThan(0.12);
    expect(share(10_000, 20_000)).toBeGreaterThan(0.15);
    expect(share(31_000, 40_000)).toBeCloseTo(0.5, 1);
  });

  it("still serves when there is nobody else", async () => {
    const fleet = simulate({ only: now => (now < 100 ? failing(1) : answering(1)) }, { safe: false });
    await fleet.run(60, now => now % 10 === 0 && void fleet.call());
    expect(fleet.upstreams[0]?.health.state).toBe("ejected");
    await fleet.run(100);
    const outcome = fleet.call();
    await fleet.run(10);
    expect(await outcome).toMatchObject({ kind: "done" });
  });
});

describe("when everything fails", () => {
  it("upstreams see at most 1.2 times the calls and ten a second more", async () => {
    const fleet = simulate({
      ...{ a: () => failing(3), b: () => failing(3, { fault: "unreachable", delivery: "not_sent" }) },
      c: () => failing(3, { fault: "overloaded", delivery: "refused" }),
    });
    let offered = 0;
    const seconds = 20;
    await fleet.run(seconds * 1_000, now => {
      if (now % 4 === 0) offered++;
      if (now % 4 === 0) void fleet.call();
    });
    const seen = fleet.upstreams.reduce((sum, { calls }) => sum + calls.length, 0);
    expect(seen).toBeGreaterThan(offered);
    expect(seen).toBeLessThanOrEqual(1.2 * offered + 10 * seconds);
  });

  it("so they do when they flap", async () => {
    const flapping = (now: number) => (Math.floor(now / 500) % 2 === 0 ? answering(2) : failing(2));
    const fleet = simulate({ a: flapping, b: flapping });
    let offered = 0;
    const seconds = 20;
    await fleet.run(seconds * 1_000, now => {
      if (now % 3 === 0) offered++;
      if (now % 3 === 0) void fleet.call();
    });
    const seen = fleet.upstreams.reduce((sum, { calls }) => sum + calls.length, 0);
    expect(seen).toBeLessThanOrEqual(1.2 * offered + 10 * seconds);
  });
});
