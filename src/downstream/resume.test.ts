import { expect, test } from "vitest";
import { manualClock } from "../../test/fixtures/manual-clock.ts";
import { createLedger, type Ledger } from "../core/ledger.ts";
import { LEDGER } from "../core/ledger-entries.ts";
import { ANONYMOUS } from "../core/names.fixture.ts";
import { principal } from "../core/names.ts";
import { systemClock } from "../lib/clock.ts";
import { createSealer } from "../lib/seal.ts";
import { shareEvents } from "./event-share.ts";
import { createEventRing, type EventStream, RING, type Sink } from "./resume.ts";
import { createSessionIds } from "./session-ids.ts";

const SESSIONS = createSessionIds(createSealer(Buffer.alloc(32, 1), { clock: systemClock }));

/** A book in which there is room for so many bytes of events. */
const roomFor = (bytes: number): Ledger => createLedger({ clock: manualClock(), maxBytes: bytes / LEDGER.eventsPart });

function ring(budget = roomFor(2 ** 30), principal = ANONYMOUS) {
  const clock = manualClock();
  const ids = SESSIONS.streams(SESSIONS.session(principal), principal);
  const share = shareEvents(budget, { principal, address: "loopback" });
  return { clock, budget, ...createEventRing({ clock, share, ids }) };
}

interface Reader extends Sink {
  readonly events: { id: string; data: string }[];
  ended: boolean;
}

function reader(): Reader {
  const events: { id: string; data: string }[] = [];
  return {
    events,
    ended: false,
    write(text) {
      for (const [, id = "", data = ""] of text.toString().matchAll(/id: (.*)\ndata: (.*)\n\n/g))
        events.push({ id, data });
    },
    end() {
      this.ended = true;
    },
  };
}

const say = (stream: EventStream, ...messages: string[]) => {
  for (const message of messages) stream.send(Buffer.from(message));
};
const data = ({ events }: Reader) => events.map(event => event.data);

test("a stream that broke goes on after the last event that was read", () => {
  const { open, find } = ring();
  const stream = open();
  const first = reader();
  stream.attach(first, 0);
  say(stream, "a", "b");
  stream.detach(first);
  say(stream, "c");
  const found = find(first.events[0]?.id ?? "");
  const second = reader();
  found?.stream.attach(second, found.after);
  say(stream, "d");
  stream.end();
  expect(data(first)).toEqual(["a", "b"]);
  expect(data(second)).toEqual(["b", "c", "d"]);
  expect(second.ended).toBe(true);
  expect(first.ended).toBe(false);
});

test("a stream that has ended can still be read, and ends again", () => {
  const { open, find } = ring();
  const stream = open();
  say(stream, "a", "b");
  stream.end();
  const late = reader();
  const found = find(stream.start);
  found?.stream.attach(late, found.after);
  expect(data(late)).toEqual(["a", "b"]);
  expect(late.ended).toBe(true);
});

test("a second reader takes the place of the first, which is ended", () => {
  const stream = ring().open();
  const [first, second] = [reader(), reader()];
  stream.attach(first, 0);
  stream.attach(second, 0);
  stream.detach(first);
  say(stream, "a");
  expect(first).toMatchObject({ ended: true, events: [] });
  expect(data(second)).toEqual(["a"]);
});

test("streams are not mixed up, and ids of other sessions are unknown", () => {
  const { open, find } = ring();
  const [one, two] = [open(), open()];
  say(one, "one");
  say(two, "two");
  const late = reader();
  find(one.start)?.stream.attach(late, 0);
  expect(data(late)).toEqual(["one"]);
  const other = ring();
  say(other.open(), "other");
  expect(other.find(one.start)).toBeUndefined();
  for (const id of ["", "-", "x.0", `${one.start}x`, one.start.replace(/0$/, "7"), one.start.replace(/0$/, "-1")]) {
    expect(find(id), id).toBeUndefined();
  }
});

test("what is too old or too much is forgotten, and then the stream cannot be taken up with a gap", () => {
  const { open, find, clock, budget, sweep } = ring();
  const stream = open();
  say(stream, "a");
  clock.advance(RING.maxAgeMs + 1);
  say(stream, "b");
  expect(find(stream.start)).toBeUndefined();
  expect(find(stream.start.replace(/0$/, "1"))?.after).toBe(1);
  say(stream, "x".repeat(RING.maxBytes));
  expect(find(stream.start.replace(/0$/, "1"))).toBeUndefined();
  expect(find(stream.start.replace(/0$/, "3"))?.after).toBe(3);
  expect(budget.bytes).toBe(0);
  say(stream, "c");
  stream.end();
  expect(budget.bytes).toBeGreaterThan(0);
  clock.advance(RING.maxAgeMs + 1);
  sweep();
  expect(budget.bytes).toBe(0);
  expect(find(stream.start.replace(/0$/, "4"))).toBeUndefined();
});

/** What can still be read of a stream from its beginning on. */
const isWhole = ({ find }: ReturnType<typeof ring>, { start }: EventStream): boolean => find(start) !== undefined;

test("sessions share a budget: whoever keeps most gives room, and the newest of it stays", () => {
  const budget = roomFor(10_000);
  const [greedy, modest] = [ring(budget), ring(budget)];
  const [much, little] = [greedy.open(), modest.open()];
  for (let event = 0; event < 60; event++) say(much, "x".repeat(100));
  say(little, "small");
  for (let event = 0; event < 100; event++) say(much, "x".repeat(100));
  expect([isWhole(greedy, much), isWhole(modest, little)]).toEqual([false, true]);
  expect(greedy.find(much.start.replace(/0$/, "159"))?.after).toBe(159);
  expect(budget.bytes).toBeLessThanOrEqual(10_000);
  greedy.close();
  modest.close();
  expect(budget.bytes).toBe(0);
});

test("a session that comes when all room is taken keeps its share, whoever took it", () => {
  const budget = roomFor(10_000);
  const early = [1, 2, 3].map(() => ring(budget));
  for (const one of early) {
    const stream = one.open();
    for (let event = 0; event < 15; event++) say(stream, "x".repeat(120));
  }
  const late = ring(budget);
  const stream = late.open();
  say(stream, "x".repeat(1_000));
  expect(isWhole(late, stream)).toBe(true);
});

test("however many sessions one principal has, they cannot push out what another's single one keeps", () => {
  const budget = roomFor(20_000);
  const [many, one] = [principal("many"), principal("one")];
  const alone = ring(budget, one);
  const stream = alone.open();
  for (let event = 0; event < 20; event++) say(stream, "x".repeat(120));
  for (let session = 0; session < 100; session++) {
    const other = ring(budget, many).open();
    for (let event = 0; event < 5; event++) say(other, "x".repeat(120));
  }
  expect(isWhole(alone, stream)).toBe(true);
  expect(budget.bytes).toBeLessThanOrEqual(20_000);
});

test("an event larger than a session may keep takes nothing from the others", () => {
  const budget = roomFor(2 * RING.maxBytes);
  const [one, other] = [ring(budget), ring(budget)];
  const [stream, large] = [one.open(), other.open()];
  say(stream, "x".repeat(RING.maxBytes - 1_000));
  say(large, "before", "x".repeat(3 * RING.maxBytes));
  expect([isWhole(one, stream), isWhole(other, large)]).toEqual([true, false]);
  expect(other.find(large.start.replace(/0$/, "2"))?.after).toBe(2);
  say(large, "after");
  expect(other.find(large.start.replace(/0$/, "2"))?.after).toBe(2);
});

test("the end of a session ends the streams that are being read, and nothing is kept after it", () => {
  const { open, close, find, budget } = ring();
  const stream = open();
  const live = reader();
  stream.attach(live, 0);
  close();
  expect(live.ended).toBe(true);
  expect(find(stream.start)).toBeUndefined();
  say(stream, "too late");
  expect(budget.bytes).toBe(0);
});
