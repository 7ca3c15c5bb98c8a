import { expect, test } from "vitest";
import { type FakeFrontOptions, fakeFront } from "../../test/fixtures/front/fake-front.ts";
import { call, message, recorder } from "../../test/fixtures/front/session.ts";
import { manualClock } from "../../test/fixtures/manual-clock.ts";
import type { Outcome } from "../core/call.ts";
import { Payload } from "../core/payload.ts";
import type { Session } from "./session.ts";
import { createSessions } from "./sessions.ts";

const ALL = { kind: "all" } as const;

/** Room for ten sessions, which whoever calls itself so opens one after the other. */
function tenSessions(options: FakeFrontOptions = {}) {
  const clock = manualClock();
  const sessions = createSessions({ front: fakeFront(options), clock, max: 10 });
  const open = async (name: string, times = 1, address = "127.0.0.1"): Promise<Session[]> => {
    const all: Session[] = [];
    for (let at = 0; at < times; at++) {
      clock.advance(1);
      const clientInfo = { name, version: "1" };
      const params = Payload.of({ protocolVersion: "2025-11-25", capabilities: {}, clientInfo });
      const { session } = await sessions.open({ view: ALL, address, params });
      if (!session) throw new Error("there is no room");
      all.push(session);
    }
    return all;
  };
  const left = (all: readonly Session[]): boolean[] => all.map(({ id }) => sessions.get(id, ALL) !== undefined);
  const count = (all: readonly Session[]): number => left(all).filter(Boolean).length;
  return { clock, sessions, open, left, count };
}

test("one principal may have all sessions while nobody else wants any, and its idlest makes room", async () => {
  const { sessions, open, left } = tenSessions();
  const mine = await open("one", 12);
  expect(sessions.size).toBe(10);
  expect(left(mine)).toEqual([false, false, ...Array(10).fill(true)]);
});

test("a flood of sessions of one principal costs the others none of theirs", async () => {
  const { open, count, left } = tenSessions();
  const before = await open("honest", 3);
  const flood = await open("flood", 500);
  expect([count(before), count(flood)]).toEqual([3, 7]);
  const late = await open("late", 2);
  expect([left(before), left(late), count(flood)]).toEqual([[true, true, true], [true, true], 5]);
});

test("agents of one name at two addresses are two principals", async () => {
  const { open, count } = tenSessions();
  const here = await open("agent", 4, "10.0.0.1");
  const there = await open("agent", 100, "10.0.0.2");
  expect([count(here), count(there)]).toEqual([4, 6]);
});

test("where nobody has more than others, the one that was not used for longest goes", async () => {
  const { clock, sessions, open, left } = tenSessions();
  const all: Session[] = [];
  for (let at = 0; at < 10; at++) all.push(...(await open(`agent-${at}`)));
  clock.advance(1);
  sessions.get(all[0]!.id, ALL);
  await open("newcomer");
  expect(left(all)).toEqual([true, false, ...Array(8).fill(true)]);
});

test("a session with a stream or a call under way is not the one that goes", async () => {
  let end = (): void => {};
  const handle = () =>
    new Promise<Outcome>(resolve => {
      end = () => resolve({ kind: "failed", failure: { kind: "cancelled" } });
    });
  const { sessions, open, left } = tenSessions({ handle });
  const mine = await open("one", 10);
  const release = sessions.holdStream(mine[0]!.id);
  const running = new Promise<void>(done => mine[1]!.receive(message(call(1)), recorder().exchange, done));
  await open("one");
  expect(left(mine).slice(0, 4)).toEqual([true, true, false, true]);
  end();
  await running;
  release();
});

test("closed sessions leave nothing behind that counts", async () => {
  const { sessions, open, count } = tenSessions();
  for (const { id } of await open("gone", 10)) sessions.close(id);
  expect(sessions.size).toBe(0);
  const mine = await open("one", 10);
  expect(count(mine)).toBe(10);
});
