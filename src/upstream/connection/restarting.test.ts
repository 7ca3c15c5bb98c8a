import { expect, test } from "vitest";
import { manualClock } from "../../../test/fixtures/manual-clock.ts";
import { createHealth } from "../../core/health.ts";
import type { Link } from "../conversation/link.ts";
import { createConnector, type Opened, RECONNECT } from "./connector.ts";

/** An upstream that can be taken away; with this randomness its backoff is the longest. */
function setUp() {
  const clock = manualClock();
  const health = createHealth({ clock, random: () => 0, changed: () => {} });
  let up = true;
  let dials = 0;
  let lose = (_detail: string): void => {};
  const connector = createConnector({
    async open(lost): Promise<Opened> {
      dials++;
      lose = lost;
      if (up) return { kind: "open", link: { close: async () => {}, discard: async () => {} } as unknown as Link };
      return { kind: "failed", fault: "unreachable", delivery: "not_sent", detail: "refused" };
    },
    ...{ health, clock, random: () => 0.999, maxDelayMs: 30_000, crashes: false },
    opened: () => health.connected(),
  });
  const turn = () => new Promise(resolve => setImmediate(resolve));
  return {
    ...{ clock, connector, turn },
    dials: () => dials,
    back: () => {
      up = true;
    },
    gone(detail: string) {
      up = false;
      lose(detail);
    },
    async open() {
      connector.start();
      await turn();
    },
    /** What has become of it by now. */
    async soFar(wanted: Promise<Opened>): Promise<string> {
      return Promise.race([wanted.then(({ kind }) => kind), turn().then(() => "waiting")]);
    },
  };
}

test("a call that comes while an upstream restarts waits, and goes as soon as it is back", async () => {
  const { clock, connector, open, gone, back, soFar } = setUp();
  await open();
  gone("reset");
  expect(connector.restarting).toBe(true);
  const wanted = connector.demand();
  expect(await soFar(wanted)).toBe("waiting");
  clock.advance(RECONNECT.baseMs);
  expect(await soFar(wanted)).toBe("waiting");
  back();
  clock.advance(RECONNECT.onDemandMs);
  expect(await soFar(wanted)).toBe("open");
  expect(connector.restarting).toBe(false);
});

test("a call that waits goes with the next attempt of the backoff, if that comes first", async () => {
  const { clock, connector, open, gone, back, soFar } = setUp();
  await open();
  gone("reset");
  const wanted = connector.demand();
  expect(await soFar(wanted)).toBe("waiting");
  back();
  clock.advance(2 * RECONNECT.baseMs);
  expect(await soFar(wanted)).toBe("open");
  expect(clock.pending).toBe(0);
});

test("waits for no longer than a restart takes, and then calls fail at once", async () => {
  const { clock, connector, open, gone, soFar, turn } = setUp();
  await open();
  gone("reset");
  const wanted = connector.demand();
  for (let ms = 0; ms < RECONNECT.restartMs; ms += 500) {
    expect(await soFar(wanted)).toBe("waiting");
    clock.advance(500);
    await turn();
  }
  clock.advance(RECONNECT.onDemandMs);
  await turn();
  expect(await soFar(wanted)).toBe("failed");
  expect(connector.restarting).toBe(false);
  expect(await soFar(connector.demand())).toBe("failed");
});

test("calls that wait share the attempts to connect, and are told when the upstream is removed", async () => {
  const { clock, connector, open, gone, dials, soFar, turn } = setUp();
  await open();
  gone("reset");
  const before = dials();
  const wanted = Array.from({ length: 50 }, () => connector.demand());
  clock.advance(RECONNECT.onDemandMs);
  await turn();
  expect(dials() - before).toBeLessThanOrEqual(2);
  await connector.stop();
  for (const one of wanted) expect(await soFar(one)).toBe("failed");
});
