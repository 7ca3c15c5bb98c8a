import { expect, test } from "vitest";
import { manualClock } from "../../../test/fixtures/manual-clock.ts";
import { createStartSlots } from "./start-slots.ts";

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
};

function setUp(max: number) {
  const clock = manualClock();
  const slots = createStartSlots({ clock, max });
  const begun: string[] = [];
  const take = (name: string) => {
    const slot = slots.take();
    void slot.granted.then(() => begun.push(name));
    return slot;
  };
  return { clock, begun, take };
}

test("so many start at once as may, and the next when one of them has started", async () => {
  const { begun, take } = setUp(2);
  const [a] = ["a", "b", "c", "d"].map(take);
  await turns();
  expect(begun).toEqual(["a", "b"]);
  a?.release();
  a?.release();
  await turns();
  expect(begun).toEqual(["a", "b", "c"]);
});

test("one that somebody waits for is the next", async () => {
  const { begun, take } = setUp(1);
  const [a, , , d] = ["a", "b", "c", "d"].map(take);
  d?.hurry();
  a?.release();
  await turns();
  expect(begun).toEqual(["a", "d"]);
  d?.hurry();
  d?.release();
  await turns();
  expect(begun).toEqual(["a", "d", "b"]);
});

test("one that takes long keeps nobody waiting for longer than some seconds", async () => {
  const { clock, begun, take } = setUp(1);
  const [a, b] = ["a", "b", "c"].map(take);
  clock.advance(2_999);
  await turns();
  expect(begun).toEqual(["a"]);
  clock.advance(1);
  await turns();
  expect(begun).toEqual(["a", "b"]);
  // What it gave up is not given up again.
  a?.release();
  await turns();
  expect(begun).toEqual(["a", "b"]);
  b?.release();
  await turns();
  expect(begun).toEqual(["a", "b", "c"]);
});

test("one that is no longer wanted waits no more, and leaves nothing behind", async () => {
  const { clock, begun, take } = setUp(1);
  const [a, b, c] = ["a", "b", "c"].map(take);
  b?.release();
  await turns();
  expect(begun).toEqual(["a", "b"]);
  a?.release();
  await turns();
  expect(begun).toEqual(["a", "b", "c"]);
  c?.release();
  expect(clock.pending).toBe(0);
});
