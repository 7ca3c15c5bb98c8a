import { describe, expect, test } from "vitest";
import { manualClock } from "../../test/fixtures/manual-clock.ts";
import { createGate } from "./gate.ts";
import { Aborter, aborted } from "./signal.ts";

const NEVER = new Aborter().signal;

function gateOf(capacity: number) {
  const clock = manualClock();
  const gate = createGate({ capacity, clock });
  const order: string[] = [];
  const queue = (name: string, signal = NEVER, waitMs = 3_000) =>
    gate.queue({ waitMs, signal }, admitted => void order.push(`${name} ${admitted}`));
  return { clock, gate, order, queue };
}
const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

describe("a gate", () => {
  test("lets in as many as it holds, then one for each that leaves, in the order of coming", async () => {
    const { gate, order, queue } = gateOf(2);
    expect([gate.enter(), gate.enter(), gate.enter()]).toEqual([true, true, false]);
    queue("first");
    queue("second");
    gate.leave();
    expect(gate.enter()).toBe(false);
    gate.leave();
    await turn();
    expect(order).toEqual(["first in", "second in"]);
    expect([gate.inside, gate.waiting]).toEqual([2, 0]);
    gate.leave();
    gate.leave();
    expect(gate.inside).toBe(0);
  });

  test("lets in whoever goes on with something, and then nobody before there is room again", async () => {
    const { gate, order, queue } = gateOf(1);
    gate.enter();
    gate.enterAgain();
    queue("next");
    expect([gate.inside, gate.enter()]).toEqual([2, false]);
    gate.leave();
    await turn();
    expect([gate.inside, order]).toEqual([1, []]);
    gate.leave();
    await turn();
    expect([gate.inside, order]).toEqual([1, ["next in"]]);
  });

  test("goes through a long queue of those who leave at once, without standing deeper for each", () => {
    const { gate } = gateOf(20_000);
    for (let inside = 0; inside < 20_000; inside++) gate.enter();
    let [admitted, depth, deepest] = [0, 0, 0];
    for (let waiting = 0; waiting < 20_000; waiting++) {
      gate.queue({ waitMs: 3_000, signal: NEVER }, () => {
        admitted++;
        deepest = Math.max(deepest, ++depth);
        gate.leave();
        depth--;
      });
    }
    gate.leave();
    expect([admitted, deepest]).toEqual([20_000, 1]);
    expect([gate.inside, gate.waiting]).toEqual([19_999, 0]);
  });

  test("lets no newcomer in before those who wait while it goes through its queue", () => {
    const { gate, order, queue } = gateOf(2);
    const newcomers: boolean[] = [];
    for (let inside = 0; inside < 2; inside++) gate.enter();
    gate.queue({ waitMs: 3_000, signal: NEVER }, () => {
      gate.leave();
      newcomers.push(gate.enter());
    });
    queue("later");
    gate.leave();
    expect([newcomers, order, gate.inside, gate.waiting]).toEqual([[false], ["later in"], 2, 0]);
  });

  test("turns away at once whoever finds the queue full", async () => {
    const { clock, gate, order, queue } = gateOf(1);
    gate.enter();
    queue("waits");
    queue("too many");
    await turn();
    expect(order).toEqual(["too many full"]);
    expect(clock.pending).toBe(1);
  });

  test("keeps nobody longer than told", async () => {
    const { clock, gate, order, queue } = gateOf(1);
    gate.enter();
    queue("patient");
    clock.advance(2_999);
    await turn();
    expect(order).toEqual([]);
    clock.advance(1);
    await turn();
    expect(order).toEqual(["patient timeout"]);
    gate.leave();
    expect([gate.inside, gate.waiting, clock.pending]).toEqual([0, 0, 0]);
  });

  test("forgets whoever gives up, wherever they stand", async () => {
    const { clock, gate, order, queue } = gateOf(2);
    gate.enter();
    gate.enter();
    const leaver = new Aborter();
    queue("leaver", leaver.signal);
    queue("next");
    leaver.abort();
    queue("never came", aborted());
    gate.leave();
    await turn();
    expect(order).toEqual(["leaver cancelled", "never came cancelled", "next in"]);
    expect(clock.pending).toBe(0);
  });
});
