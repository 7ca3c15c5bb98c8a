import { describe, expect, test } from "vitest";
import { manualClock } from "../../test/fixtures/manual-clock.ts";
import { BODIES, createBodyRoom } from "./body-room.ts";

const LARGE = BODIES.smallBytes + 1;

function bodies(maxBytes: number) {
  const clock = manualClock();
  const room = createBodyRoom({ clock, maxBytes });
  const begin = () => {
    let gone = 0;
    const receiving = room.begin(() => {
      gone++;
    });
    return { ...receiving, gone: () => gone };
  };
  return { clock, begin };
}

describe("T-25 where as many bodies come in as may", () => {
  test("another one is refused while those are quick, and takes the place of the slowest when they are not", () => {
    const { clock, begin } = bodies(2 * LARGE);
    const [first, second, third] = [begin(), begin(), begin()];
    expect([first.hold(LARGE), second.hold(LARGE), third.hold(LARGE)]).toEqual([true, true, false]);
    clock.advance(BODIES.slowMs);
    expect(begin().hold(LARGE)).toBe(true);
    expect([first.gone(), second.gone()]).toEqual([1, 0]);
  });

  test("one that has ended takes nothing, and one that grows is counted once", () => {
    const { begin } = bodies(2 * LARGE);
    const one = begin();
    for (let bytes = LARGE; bytes <= 2 * LARGE; bytes += 1_000) expect(one.hold(bytes)).toBe(true);
    one.release();
    one.release();
    expect(begin().hold(2 * LARGE)).toBe(true);
  });

  test("small ones are let in beside large ones, and are bounded too", () => {
    const { clock, begin } = bodies(4 * LARGE);
    expect(begin().hold(4 * LARGE)).toBe(true);
    const small = Array.from({ length: 200 }, () => begin());
    const held = small.filter(({ hold }) => hold(1_000)).length;
    expect(held).toBe(Math.floor((4 * LARGE * BODIES.smallPart) / 1_000));
    clock.advance(BODIES.slowMs);
    expect(begin().hold(1_000)).toBe(true);
    expect(small[0]?.gone()).toBe(1);
  });
});
