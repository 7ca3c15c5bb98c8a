import { describe, expect, it } from "vitest";
import { manualClock } from "../../../test/fixtures/manual-clock.ts";
import { seeded } from "../../../test/fixtures/simulated-fleet.ts";
import type { Fault } from "../../core/failure.ts";
import { createHealth } from "../../core/health.ts";
import type { Link } from "../conversation/link.ts";
import { createConnector, type Opened } from "./connector.ts";

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
};
const refusing = (fault: Fault, retryAfterMs?: number): Opened => ({
  ...{ kind: "failed", fault, delivery: "not_sent", detail: fault },
  ...(retryAfterMs !== undefined && { retryAfterMs }),
});

function setUp(clock = manualClock(), random = seeded(1), crashes = false) {
  const dials: number[] = [];
  const health = createHealth({ clock, random, changed: () => {} });
  const world: { answer: Opened } = { answer: refusing("unreachable") };
  const connector = createConnector({
    ...{ health, clock, random, maxDelayMs: 30_000, crashes },
    async open() {
      dials.push(clock.now());
      return world.answer;
    },
    opened: () => health.connected(),
  });
  return { connector, health, clock, dials, world };
}

describe("the connector", () => {
  it("spreads the attempts of many connections that were cut together", async () => {
    const clock = manualClock();
    const random = seeded(5);
    const fleet = Array.from({ length: 200 }, () => setUp(clock, random));
    const link = { discard: async () => {}, close: async () => {} } as unknown as Link;
    for (const { connector, world } of fleet) {
      world.answer = { kind: "open", link };
      connector.start();
    }
    await turns();
    for (const { connector, world } of fleet) {
      world.answer = refusing("unreachable");
      connector.giveUp(link, "cut");
    }
    for (let ms = 0; ms < 10_000; ms += 5) {
      clock.advance(5);
      await turns();
    }
    const attempts = fleet.flatMap(({ dials }) => dials.slice(1));
    const windows = new Map<number, number>();
    for (const at of attempts) windows.set(Math.floor(at / 100), (windows.get(Math.floor(at / 100)) ?? 0) + 1);
    expect(Math.max(...windows.values())).toBeLessThanOrEqual(0.1 * attempts.length);
    await Promise.all(fleet.map(({ connector }) => connector.stop()));
    expect(clock.pending).toBe(0);
  });

  it("tries what is misconfigured rarely, by no call, and at once when it may have been mended", async () => {
    const { connector, health, clock, dials, world } = setUp(manualClock(), seeded(1), true);
    world.answer = refusing("misconfigured");
    connector.start();
    await turns();
    for (let at = 0; at < 90_000; at += 500) {
      clock.advance(500);
      const closed = { kind: "failed", fault: "misconfigured", delivery: "not_sent" };
      expect(await connector.demand()).toMatchObject(closed);
    }
    expect(dials.map(at => at - dials[0]!)).toEqual([0, 30_000, 60_000, 90_000]);
    expect([health.state, health.lastError]).toEqual(["down", "misconfigured"]);
    for (let time = 0; time < 10; time++) {
      connector.recheck();
      await turns();
    }
    expect([dials.length, health.state]).toEqual([14, "down"]);
    world.answer = refusing("unreachable");
    connector.recheck();
    await turns();
    connector.recheck();
    await turns();
    expect(dials).toHaveLength(15);
    await connector.stop();
    expect(clock.pending).toBe(0);
  });

  it("doubles its pauses up to the longest, and begins anew after a connection that lasted half a minute", async () => {
    const { connector, clock, dials, world } = setUp(manualClock(), () => 1);
    const link = { discard: async () => {}, close: async () => {} } as unknown as Link;
    const pauseAfter = async (provoke: () => void): Promise<number> => {
      const before = dials.length;
      provoke();
      await turns();
      const from = clock.now();
      while (dials.length === before) {
        clock.advance(100);
        await turns();
      }
      return clock.now() - from;
    };
    connector.start();
    await turns();
    const pauses: number[] = [];
    for (let dial = 0; dial < 9; dial++) pauses.push(await pauseAfter(() => {}));
    expect(pauses).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    world.answer = { kind: "open", link };
    clock.advance(30_000);
    await turns();
    world.answer = refusing("unreachable");
    clock.advance(29_000);
    expect(await pauseAfter(() => connector.giveUp(link, "lost"))).toBe(30_000);
    world.answer = { kind: "open", link };
    clock.advance(30_000);
    await turns();
    world.answer = refusing("unreachable");
    clock.advance(30_000);
    expect(await pauseAfter(() => connector.giveUp(link, "lost"))).toBe(500);
    await connector.stop();
  });

  it.each([
    ["auth_required", undefined],
    ["rate_limited", 20_000],
  ] as const)("lets no call dial an upstream in state %s, and tells it why", async (fault, retryAfterMs) => {
    const { connector, health, clock, dials, world } = setUp();
    world.answer = refusing(fault, retryAfterMs);
    connector.start();
    await turns();
    expect(health).toMatchObject({ state: fault, condition: "down" });
    const before = dials.length;
    clock.advance(0);
    expect(await connector.demand()).toMatchObject({ kind: "failed", fault, delivery: "not_sent" });
    expect(dials).toHaveLength(before);
    world.answer = { kind: "open", link: { close: async () => {} } as unknown as Link };
    clock.advance(30_000);
    await turns();
    expect(health.state).toBe("ready");
    await connector.stop();
  });

  it("dials for a call when the last attempt is a second old", async () => {
    const { connector, clock, dials } = setUp(manualClock(), () => 0.999);
    connector.start();
    await turns();
    while (dials.length < 5) {
      clock.advance(10);
      await turns();
    }
    const [last = 0] = dials.slice(-1);
    expect(await connector.demand()).toMatchObject({ fault: "unreachable", retryAfterMs: expect.any(Number) });
    clock.advance(last + 1_000 - clock.now());
    const demanded = connector.demand();
    expect(dials).toHaveLength(6);
    expect(await demanded).toMatchObject({ kind: "failed" });
    await connector.stop();
  });
});

it("tells whoever opens it that a call waits, while it is being opened", async () => {
  const clock = manualClock();
  const health = createHealth({ clock, random: () => 0, changed: () => {} });
  let hurried = 0;
  let answer = (_opened: Opened): void => {};
  const connector = createConnector({
    ...{ health, clock, random: () => 0, maxDelayMs: 30_000, crashes: false, opened: () => {} },
    open: () => new Promise(resolve => (answer = resolve)),
    hurry: () => hurried++,
  });
  connector.start();
  expect(hurried).toBe(0);
  const demanded = connector.demand();
  expect(hurried).toBe(1);
  answer({ kind: "open", link: { close: async () => {} } as unknown as Link });
  expect(await demanded).toMatchObject({ kind: "open" });
  await connector.stop();
});

describe("a link that ends", () => {
  /** A link that only tells that it was closed. */
  function fakeLink() {
    const told = { closed: 0 };
    const close = async (): Promise<void> => {
      told.closed++;
    };
    return { link: { close, discard: close } as unknown as Link, told };
  }

  function opening(open: (lost: (detail: string) => void) => Promise<Opened>) {
    const clock = manualClock();
    const random = () => 0.5;
    const health = createHealth({ clock, random, changed: () => {} });
    const opened: Link[] = [];
    const connector = createConnector({
      ...{ open, health, clock, random, maxDelayMs: 1_000, crashes: false },
      opened: link => void opened.push(link),
    });
    return { clock, health, connector, opened };
  }

  it("before it was handed over is closed, and opened anew after a pause", async () => {
    const [short, lasting] = [fakeLink(), fakeLink()];
    const links = [short.link, lasting.link];
    const { clock, health, connector, opened } = opening(async lost => {
      const link = links.shift()!;
      if (link === short.link) lost("it went away at once");
      return { kind: "open", link };
    });
    expect(await connector.demand()).toMatchObject({ kind: "failed", fault: "unreachable", delivery: "not_sent" });
    expect([connector.link, short.told.closed, opened]).toEqual([undefined, 1, []]);
    expect([health.state, health.lastError]).toEqual(["down", "it went away at once"]);
    clock.advance(1_000);
    expect(await connector.demand()).toEqual({ kind: "open", link: lasting.link });
    expect(opened).toEqual([lasting.link]);
    await connector.stop();
    expect(lasting.told.closed).toBe(1);
  });

  it("while nobody waits is gone at once, and opened anew", async () => {
    const links: ReturnType<typeof fakeLink>[] = [];
    let end = (_detail: string): void => {};
    const { clock, connector } = opening(async lost => {
      end = lost;
      links.push(fakeLink());
      return { kind: "open", link: links.at(-1)!.link };
    });
    await connector.demand();
    end("the stream ended");
    expect(connector.link).toBeUndefined();
    clock.advance(1_000);
    expect(await connector.demand()).toEqual({ kind: "open", link: links[1]?.link });
    await connector.stop();
  });

  it("is waited for when the connector stops, given up or not", async () => {
    const order: string[] = [];
    let ended = (): void => {};
    const discard = () =>
      new Promise<void>(resolve => {
        ended = resolve;
      });
    const dying = { discard } as unknown as Link;
    const { connector } = opening(async () => ({ kind: "open", link: dying }));
    await connector.demand();
    connector.giveUp(dying, "it does not answer");
    const stopping = connector.stop().then(() => order.push("stopped"));
    await turns();
    order.push("ended");
    ended();
    await stopping;
    expect(order).toEqual(["ended", "stopped"]);
  });
});
