import { expect, test, vi } from "vitest";
import { manualClock } from "../../test/fixtures/manual-clock.ts";
import { Aborter } from "./signal.ts";
import { pause, waitFor, whenAborted } from "./wait.ts";

function setUp() {
  const clock = manualClock();
  const aborting = new Aborter();
  const { signal } = aborting;
  const limit = {
    late: { clock, afterMs: 100, gives: () => "late" },
    aborted: { signal, gives: () => "aborted" },
  };
  const left = () => aborting.listeners;
  return { clock, aborting, limit, left };
}

test.each([
  ["what is waited for", "found"],
  ["the time", "late"],
  ["the signal", "aborted"],
] as const)("a wait is ended by %s, and leaves nothing behind", async (_, ending) => {
  const { clock, aborting, limit, left } = setUp();
  const undo = vi.fn();
  let end = (_value: string): void => {};
  const waiting = waitFor(limit, give => {
    end = give;
    return undo;
  });
  expect(left()).toBe(1);
  if (ending === "found") end("found");
  if (ending === "late") clock.advance(100);
  if (ending === "aborted") aborting.abort();
  expect(undo).toHaveBeenCalledTimes(1);
  expect(left()).toBe(0);
  // What comes later changes nothing.
  end("again");
  clock.advance(1_000);
  aborting.abort();
  expect(await waiting).toBe(ending);
  expect(undo).toHaveBeenCalledTimes(1);
});

test("nothing begins for a signal that has aborted already", async () => {
  const { aborting, limit } = setUp();
  aborting.abort();
  const begin = vi.fn();
  expect(await waitFor(limit, begin)).toBe("aborted");
  expect(begin).not.toHaveBeenCalled();
});

test("what ends while it begins is undone all the same", async () => {
  const { limit, left } = setUp();
  const undo = vi.fn();
  const waiting = waitFor(limit, end => {
    end("found");
    return undo;
  });
  expect(await waiting).toBe("found");
  expect(undo).toHaveBeenCalledTimes(1);
  expect(left()).toBe(0);
});

test("what cannot begin rejects, and leaves nothing behind", async () => {
  const { limit, left } = setUp();
  const waiting = waitFor(limit, () => {
    throw new Error("odd");
  });
  await expect(waiting).rejects.toThrow("odd");
  expect(left()).toBe(0);
});

test("an infinite wait sets no timer", () => {
  const after = vi.fn();
  void waitFor({ late: { clock: { after } as never, afterMs: Number.POSITIVE_INFINITY, gives: () => 0 } }, () => {});
  expect(after).not.toHaveBeenCalled();
});

test("a pause lasts as long as nobody ends it", async () => {
  const { clock, aborting, left } = setUp();
  const over = vi.fn();
  const first = pause(clock, 100, aborting.signal).then(over);
  clock.advance(99);
  await Promise.resolve();
  expect(over).not.toHaveBeenCalled();
  clock.advance(1);
  await first;
  const second = pause(clock, 100, aborting.signal);
  aborting.abort();
  await second;
  expect(left()).toBe(0);
});

test("who has withdrawn hears of no abort, and who comes late hears of it at once", () => {
  const { aborting } = setUp();
  const run = vi.fn();
  whenAborted(aborting.signal, run)();
  aborting.abort();
  expect(run).not.toHaveBeenCalled();
  whenAborted(aborting.signal, run);
  expect(run).toHaveBeenCalledTimes(1);
});
