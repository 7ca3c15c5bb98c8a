import { expect, test } from "vitest";
import { manualClock } from "../../test/fixtures/manual-clock.ts";
import { ANONYMOUS } from "../core/names.ts";
import { systemClock } from "../lib/clock.ts";
import { createSealer } from "../lib/seal.ts";
import { createEventRing, type EventStream, RING, type Sink } from "./resume.ts";
import { createSessionIds } from "./session-ids.ts";

const SESSIONS = createSessionIds(createSealer(Buffer.alloc(32, 1), { clock: systemClock }));

function ring(budget = { bytes: RING.totalBytes }) {
  const clock = manualClock();
  const ids = SESSIONS.streams(SESSIONS.session(ANONYMOUS), ANONYMOUS);
  return { clock, budget, ...createEventRing({ clock, budget, ids }) };
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
  expect(budget.bytes).toBe(RING.totalBytes);
  say(stream, "c");
  stream.end();
  expect(budget.bytes).toBeLessThan(RING.totalBytes);
  clock.advance(RING.maxAgeMs + 1);
  sweep();
  expect(budget.bytes).toBe(RING.totalBytes);
  expect(find(stream.start.replace(/0$/, "4"))).toBeUndefined();
});

test("sessions share a budget, and give back what they held when they end", () => {
  const budget = { bytes: 100 };
  const [one, two] = [ring(budget), ring(budget)];
  say(one.open(), "x".repeat(50));
  const stream = two.open();
  say(stream, "x".repeat(50));
  expect(two.find(stream.start)).toBeUndefined();
  one.close();
  expect(budget.bytes).toBe(100);
});

test("the end of a session ends the streams that are being read", () => {
  const { open, close, find } = ring();
  const stream = open();
  const live = reader();
  stream.attach(live, 0);
  close();
  expect(live.ended).toBe(true);
  expect(find(stream.start)).toBeUndefined();
});
