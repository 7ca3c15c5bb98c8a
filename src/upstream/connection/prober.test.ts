import { afterEach, describe, expect, it } from "vitest";
import { manualClock } from "../../../test/fixtures/manual-clock.ts";
import type { AttemptFailure, Fault } from "../../core/failure.ts";
import { createHealth } from "../../core/health.ts";
import { Payload } from "../../core/payload.ts";
import type { Reply } from "../channel/channel.ts";
import type { Link } from "../conversation/link.ts";
import type { Connector } from "./connector.ts";
import { CHECK_TIMEOUT_MS, createProber, type Prober, RECHECK_MS } from "./prober.ts";

const INTERVAL_MS = 30_000;
const PONG = { kind: "result" } as Reply;
const LATE: Reply = { kind: "failed", fault: "timeout", delivery: "sent_unknown", detail: "late" };
const FAULT: AttemptFailure = { fault: "connection_lost", delivery: "sent_unknown", detail: "reset" };

let running: Prober | undefined;
afterEach(() => running?.stop());

function setUp(random = () => 0.5) {
  const clock = manualClock();
  const health = createHealth({ clock, random, changed: () => {} });
  const checks: number[] = [];
  const givenUp: string[] = [];
  let answer: (reply: Reply) => void = () => {};
  let busy = false;
  const link = {
    era: { probe: "ping" },
    channel: { heard: 0 },
    capabilities: Payload.of({ tools: {} }),
    ask: () => {
      checks.push(clock.now());
      return new Promise<Reply>(resolve => {
        answer = resolve;
      });
    },
    close: async () => {},
  } as unknown as Link;
  const open = { link, giveUp: (_: Link, detail: string) => givenUp.push(detail) };
  const connector = open as unknown as Connector;
  const prober = createProber({ busy: () => busy, connector, health, clock, random, intervalMs: INTERVAL_MS });
  running = prober;
  health.connected();
  prober.watch(link);
  /** Lets the check that runs end so, after this long. */
  const reply = async (given: Reply, afterMs = 0): Promise<void> => {
    clock.advance(afterMs);
    answer(given);
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  };
  /** Another link takes the place of the one that is watched. */
  const reconnect = (): void => {
    open.link = { ...link };
    prober.watch(open.link);
  };
  const work = (now: boolean): void => {
    busy = now;
  };
  return { clock, health, prober, checks, givenUp, reply, reconnect, work };
}

describe("health checks", () => {
  it("come at their interval, and not while calls show that all is well", async () => {
    const { clock, health, checks, reply } = setUp();
    clock.advance(INTERVAL_MS);
    expect(checks).toEqual([INTERVAL_MS]);
    await reply(PONG);
    clock.advance(INTERVAL_MS - 1_000);
    health.succeeded();
    clock.advance(INTERVAL_MS);
    expect(checks).toHaveLength(1);
    clock.advance(INTERVAL_MS);
    expect(checks).toHaveLength(2);
  });

  it.each([
    [0, 0.8],
    [1, 1.2],
  ])("are spread over a fifth of their interval either way (%d)", (drawn, share) => {
    const { clock, checks } = setUp(() => drawn);
    clock.advance(2 * INTERVAL_MS);
    expect(checks.map(at => at / INTERVAL_MS)).toEqual([expect.closeTo(share)]);
  });

  it("come a second after a fault, although a call succeeded before", () => {
    const { clock, health, prober, checks } = setUp();
    clock.advance(500);
    health.succeeded();
    clock.advance(500);
    prober.hurry(RECHECK_MS);
    clock.advance(RECHECK_MS);
    expect(checks).toEqual([2_000]);
  });

  it("are not put off by more faults, and come no oftener than every second", async () => {
    const { clock, prober, checks, reply } = setUp();
    for (let fault = 0; fault < 20; fault++) {
      prober.hurry(RECHECK_MS);
      clock.advance(100);
    }
    expect(checks).toEqual([1_000]);
    await reply(PONG);
    prober.hurry(0);
    clock.advance(0);
    expect(checks).toHaveLength(2);
    await reply(PONG);
    prober.hurry(0);
    clock.advance(999);
    expect(checks).toHaveLength(2);
  });

  it("that fail three times end the connection", async () => {
    const { clock, health, checks, givenUp, reply } = setUp();
    clock.advance(INTERVAL_MS);
    for (const state of ["degraded", "degraded", "degraded"]) {
      await reply(LATE, CHECK_TIMEOUT_MS);
      expect(health.state).toBe(state);
      clock.advance(RECHECK_MS);
    }
    expect(givenUp).toEqual(["late"]);
    expect(checks.slice(0, 3)).toEqual([30_000, 36_000, 42_000]);
  });

  it("that go unanswered while calls run there end nothing, and count for nothing afterwards", async () => {
    const { clock, health, givenUp, reply, work } = setUp();
    clock.advance(INTERVAL_MS);
    work(true);
    for (let checks = 0; checks < 10; checks++) {
      await reply(LATE, CHECK_TIMEOUT_MS);
      expect(health).toMatchObject({ state: "degraded", condition: "silent" });
      clock.advance(RECHECK_MS);
    }
    work(false);
    for (let checks = 0; checks < 2; checks++) {
      await reply(LATE, CHECK_TIMEOUT_MS);
      clock.advance(RECHECK_MS);
    }
    expect(givenUp).toEqual([]);
    await reply(LATE, CHECK_TIMEOUT_MS);
    expect(givenUp).toEqual(["late"]);
  });

  const odd = (status: number, fault: Fault = "rejected"): Reply => ({
    ...{ kind: "failed", fault, delivery: "refused", detail: "odd", status },
  });
  it.each<[string, Reply]>([
    ["404", odd(404)],
    ["500", odd(500, "bad_response")],
    ["garbage", odd(200, "protocol_error")],
    ["an answer that is no result", { ...odd(0, "bad_response"), delivery: "answered" } as Reply],
  ])("that are answered by %s show that it is alive", async (_, answer) => {
    const { clock, health, givenUp, reply } = setUp();
    for (let checks = 0; checks < 4; checks++) {
      clock.advance(INTERVAL_MS);
      await reply(answer);
    }
    expect([health.state, givenUp]).toEqual(["ready", []]);
  });

  it.each([502, 503, 504])("that do not reach the server fail (HTTP %d)", async status => {
    const { clock, health, reply } = setUp();
    clock.advance(INTERVAL_MS);
    await reply(odd(status, "bad_response"));
    expect(health.state).toBe("degraded");
  });

  const REFUSED = { ...odd(400), doubt: "undone" } as Reply;
  it("that a session refuses, and the next request too, replace it once and no more", async () => {
    const { clock, health, givenUp, reply, reconnect } = setUp();
    clock.advance(INTERVAL_MS);
    await reply(REFUSED);
    await reply(REFUSED);
    expect(givenUp).toHaveLength(1);
    reconnect();
    for (let checks = 0; checks < 4; checks++) {
      clock.advance(2 * INTERVAL_MS);
      await reply(REFUSED);
    }
    expect([health.state, givenUp.length]).toEqual(["ready", 1]);
  });

  it("that a session refuses, and not the next request, are not served, and the session stays", async () => {
    const { clock, health, checks, givenUp, reply } = setUp();
    clock.advance(INTERVAL_MS);
    await reply(REFUSED);
    await reply(PONG);
    for (let round = 0; round < 4; round++) {
      clock.advance(INTERVAL_MS);
      await reply(REFUSED);
    }
    expect([health.state, givenUp, checks.length]).toEqual(["ready", [], 6]);
  });

  it("that ended late because we were asleep do not count, and are made again at once", async () => {
    const { clock, health, checks, reply } = setUp();
    clock.advance(INTERVAL_MS);
    await reply(LATE, CHECK_TIMEOUT_MS + 2_000);
    expect(health.state).toBe("ready");
    clock.advance(0);
    expect(checks).toHaveLength(2);
    await reply(LATE, CHECK_TIMEOUT_MS);
    expect(health.state).toBe("degraded");
  });

  it("come as soon as an ejection is over, not before", async () => {
    const { clock, health, prober, checks, reply } = setUp();
    for (let fault = 0; fault < 5; fault++) {
      health.failed(FAULT);
      prober.hurry(RECHECK_MS);
    }
    expect(health.state).toBe("ejected");
    clock.advance(1_249);
    expect(checks).toEqual([]);
    clock.advance(1);
    expect(checks).toEqual([1_250]);
    await reply(LATE);
    expect(health.state).toBe("ejected");
    clock.advance(2_499);
    expect(checks).toHaveLength(1);
    clock.advance(1);
    await reply(PONG);
    expect(health.state).toBe("probing");
  });

  it("find out whether it wants credentials, and when it no longer does", async () => {
    const { clock, health, prober, checks, reply } = setUp();
    prober.hurry(0);
    clock.advance(0);
    await reply({ kind: "failed", fault: "auth_required", delivery: "refused", detail: "401" });
    expect(health).toMatchObject({ state: "auth_required", lastError: "401" });
    clock.advance(INTERVAL_MS);
    expect(checks).toHaveLength(2);
    await reply(PONG);
    expect(health.state).toBe("ready");
  });

  it("leave an upstream alone that limits our rate", async () => {
    const { clock, health, prober, checks } = setUp();
    health.limited(100_000, "429");
    prober.hurry(RECHECK_MS);
    clock.advance(99_999);
    expect(checks).toEqual([]);
    clock.advance(1);
    expect(checks).toEqual([100_000]);
  });

  it("come on a new link although one on its predecessor is not over", async () => {
    const { clock, health, prober, checks, reply, reconnect } = setUp();
    for (let fault = 0; fault < 5; fault++) health.failed(FAULT);
    prober.hurry(0);
    clock.advance(1_250);
    expect(checks).toEqual([1_250]);
    reconnect();
    clock.advance(0);
    expect(checks).toEqual([1_250, 1_250]);
    await reply(PONG);
    expect(health.state).toBe("probing");
    clock.advance(INTERVAL_MS);
    expect(checks).toHaveLength(3);
  });

  it("end with the prober", () => {
    const { clock, prober, checks } = setUp();
    prober.stop();
    clock.advance(INTERVAL_MS * 3);
    expect([checks, clock.pending]).toEqual([[], 0]);
  });
});
