import { describe, expect, test } from "vitest";
import { keeper } from "../../test/fixtures/ledger.ts";
import { manualClock } from "../../test/fixtures/manual-clock.ts";
import { createLedger } from "./ledger.ts";
import { type Holding, type Kept, LEDGER, type Standing } from "./ledger-entries.ts";

interface Kept1 {
  readonly held: Holding | undefined;
  readonly shed: () => number;
}

/** A book with room for 1,000 bytes. */
function book(maxBytes = 1_000) {
  const clock = manualClock();
  const ledger = createLedger({ clock, maxBytes });
  const keep = (
    who: string,
    {
      bytes = 10,
      kind = "sessions",
      standing = "idle",
      address = "loopback",
    }: Partial<{
      bytes: number;
      kind: Kept;
      standing: Standing;
      address: string;
    }> = {},
  ): Kept1 => {
    let shed = 0;
    const held = ledger.open(keeper(who, address), {
      ...{ kind, bytes, standing: () => standing },
      shed() {
        shed++;
        if (kind === "events") held?.shrink(Math.ceil(held.bytes / 2));
      },
    });
    clock.advance(1);
    return { held, shed: () => shed };
  };
  const many = (count: number, who: (at: number) => string, more = {}): Kept1[] =>
    Array.from({ length: count }, (_, at) => keep(who(at), more));
  const left = (all: readonly Kept1[]): number => all.filter(({ held, shed }) => held && shed() === 0).length;
  return { clock, ledger, keep, many, left };
}

describe("while there is room", () => {
  test("all of it is anybody's", () => {
    const { ledger, many, left } = book();
    expect(left(many(100, () => "one"))).toBe(100);
    expect(ledger.bytes).toBe(1_000);
  });

  test("what has ended takes none of it, however often it ends", () => {
    const { ledger, many } = book();
    for (const { held } of many(100, () => "one")) {
      held?.end();
      held?.end();
      held?.shrink(10);
      expect(held?.grow(10)).toBe(false);
    }
    expect(ledger.bytes).toBe(0);
    expect(ledger.status().most).toEqual([]);
  });
});

describe("where there is no room", () => {
  test("whoever takes most makes some, and nobody else", () => {
    const { keep, many, left } = book();
    const good = many(20, () => "good");
    const greedy = many(200, () => "greedy");
    expect([left(good), left(greedy)]).toEqual([20, 80]);
    expect(keep("new").held).toBeDefined();
    expect(left(good)).toBe(20);
    expect(left(greedy)).toBeGreaterThanOrEqual(78);
  });

  test("an address makes some before another one does, whatever names its agents have", () => {
    const { many, left } = book();
    const good = many(20, () => "good", { address: "10.0.0.1" });
    const greedy = many(500, at => `name ${at}`, { address: "10.0.0.2" });
    expect([left(good), left(greedy)]).toEqual([20, 80]);
  });

  test("of many names of one address, those make some that were never of use, and what is large and idle", () => {
    const { clock, many, left } = book();
    const good = many(20, at => `good ${at}`);
    for (const { held } of good) held?.worked();
    const strangers = many(80, at => `name ${at}`);
    clock.advance(LEDGER.graceMs);
    const late = many(300, at => `late ${at}`);
    expect([left(good), left(strangers), left(late)]).toEqual([20, 0, 80]);
  });

  test("what runs stays, and what is listened to stays longer than what is idle", () => {
    const { many, left } = book();
    const running = many(40, () => "one", { standing: "running" });
    const listening = many(30, () => "one", { standing: "listening" });
    const idle = many(30, () => "one");
    many(30, at => `other ${at}`);
    expect([left(running), left(listening), left(idle)]).toEqual([40, 30, 0]);
    many(30, at => `another ${at}`);
    expect([left(running), left(listening)]).toEqual([40, 0]);
  });

  test("where all runs, one more is refused, and counted", () => {
    const { ledger, keep, many } = book();
    many(100, at => `name ${at}`, { standing: "running" });
    expect(keep("new").held).toBeUndefined();
    expect(ledger.status().refused).toBe(1);
  });

  test("an entry that grows gives nobody's up that was of use, and leaves a quarter for those that come", () => {
    const { ledger, keep, many, left } = book();
    const good = many(20, at => `good ${at}`);
    for (const { held } of good) held?.worked();
    const hostile = Array.from({ length: 100 }, (_, at) => keep(`name ${at}`, { bytes: 1, standing: "running" }));
    for (let round = 0; round < 10; round++) for (const { held } of hostile) held?.grow(5);
    expect(ledger.bytes).toBe(1_000 * LEDGER.morePart);
    expect(left(good)).toBe(20);
    expect(keep("new", { bytes: 250 }).held).toBeDefined();
    expect(left(good)).toBe(20);
  });

  test("whoever takes most is refused more, and gives nothing up for itself", () => {
    const { keep, many, left } = book();
    const own = many(60, () => "greedy");
    const { held } = keep("greedy", { bytes: 100 });
    expect(held?.grow(100)).toBe(false);
    expect(left(own)).toBe(60);
    expect(keep("good", { bytes: 20 }).held?.grow(30)).toBe(true);
  });

  test("what can be read again goes before anything else", () => {
    const { keep, many, left } = book();
    const events = keep("greedy", { kind: "events", bytes: 0 });
    events.held?.add(400);
    const sessions = many(60, () => "greedy");
    const others = many(10, at => `other ${at}`);
    expect(events.shed()).toBe(1);
    expect([left(sessions), left(others)]).toEqual([60, 10]);
  });
});

test("of what can be read again there is never more than a part, taken from whoever has most of it", () => {
  const { ledger, keep } = book();
  const [much, little] = [keep("one", { kind: "events", bytes: 0 }), keep("other", { kind: "events", bytes: 0 })];
  little.held?.add(50);
  for (let at = 0; at < 100; at++) much.held?.add(10);
  expect(ledger.bytes).toBeLessThanOrEqual(1_000 * LEDGER.eventsPart);
  expect(little.held?.bytes).toBe(50);
  for (const name of ["a", "b", "c"]) keep(name, { bytes: 240, standing: "running" });
  for (let at = 0; at < 100; at++) much.held?.add(10);
  expect(ledger.bytes).toBeLessThanOrEqual(1_000);
});

describe("a number of streams", () => {
  test("is made room in by those who have most of them, also where they use them", () => {
    const { ledger, many, left } = book();
    const greedy = many(9, () => "greedy", { kind: "streams", standing: "listening" });
    for (const { held } of greedy) held?.worked();
    expect(ledger.makeRoom(keeper("good"), "streams", 9)).toBe(true);
    expect(left(greedy)).toBe(8);
  });

  test("is made room in by what was never of use, and not by one's equals: each would end the other's without end", () => {
    const { clock, ledger, keep, many, left } = book();
    const equals = many(9, at => `name ${at}`, { kind: "streams", standing: "listening" });
    expect(ledger.makeRoom(keeper("good"), "streams", 9)).toBe(false);
    clock.advance(LEDGER.graceMs);
    equals[0]?.held?.worked();
    expect(ledger.makeRoom(keeper("good"), "streams", 9)).toBe(true);
    expect(equals[0]?.shed()).toBe(0);
    expect(left(equals)).toBe(8);
    expect(keep("good", { kind: "streams" }).held).toBeDefined();
  });
});

test("the status says who takes most, what was shed, and what was refused", () => {
  const { ledger, many } = book();
  many(20, () => "good");
  many(100, () => "greedy");
  const { most, shed, bytes, maxBytes } = ledger.status();
  expect(most[0]).toMatchObject({ principal: "loopback greedy", bytes: 800, counts: { sessions: 80 } });
  expect(most[1]).toMatchObject({ principal: "loopback good", bytes: 200 });
  expect({ shed, bytes, maxBytes }).toEqual({
    ...{ bytes: 1_000, maxBytes: 1_000 },
    shed: { events: 0, sessions: 20, streams: 0 },
  });
});
