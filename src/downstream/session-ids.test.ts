import { expect, test } from "vitest";
import { ANONYMOUS } from "../core/names.fixture.ts";
import { principal } from "../core/names.ts";
import { createSealer } from "../lib/seal.ts";
import { createSessionIds } from "./session-ids.ts";

const HOUR_MS = 60 * 60_000;

function made() {
  let wall = 1_000_000;
  const sealer = createSealer(Buffer.alloc(32, 7), { clock: { wall: () => 0, now: () => wall } });
  return {
    sealer,
    ids: createSessionIds(sealer),
    later: (hours: number) => {
      wall += hours * HOUR_MS;
    },
  };
}

test("an id of a session is new each time, fits into a header and says nothing to anybody else", () => {
  const { ids } = made();
  const [one, two] = [ids.session(principal("10.0.0.1 ann")), ids.session(principal("10.0.0.1 ann"))];
  expect(one).not.toBe(two);
  expect(one).toMatch(/^[A-Za-z0-9_-]{60,200}$/);
  expect(Buffer.from(one, "base64url").toString("latin1")).not.toContain("ann");
});

test("it says to whoever has the key which process holds the session, and for whom", () => {
  const { sealer, ids } = made();
  const context = { purpose: "session", principal: "", about: "" };
  const read = (id: string) => {
    const opened = sealer.open(context, id);
    return opened.ok ? (JSON.parse(opened.text) as string[]) : [];
  };
  const [process, who] = read(ids.session(principal("ann")));
  expect(who).toBe("ann");
  expect(read(ids.session(ANONYMOUS))[0]).toBe(process);
  expect(read(createSessionIds(sealer).session(ANONYMOUS))[0]).not.toBe(process);
});

test("a stream's id opens for its session and principal only, unchanged, and for a day", () => {
  const { ids, later } = made();
  const session = ids.session(ANONYMOUS);
  const own = ids.streams(session, ANONYMOUS);
  const sealed = own.seal(42);
  expect(own.open(sealed)).toBe(42);
  expect(ids.streams(session, ANONYMOUS).open(sealed)).toBe(42);
  expect(ids.streams(ids.session(ANONYMOUS), ANONYMOUS).open(sealed)).toBeUndefined();
  expect(ids.streams(session, principal("bob")).open(sealed)).toBeUndefined();
  expect(own.open(session)).toBeUndefined();
  for (let at = 0; at < sealed.length; at++) {
    const other = sealed[at] === "A" ? "B" : "A";
    expect(own.open(sealed.slice(0, at) + other + sealed.slice(at + 1)), `changed at ${at}`).toBeUndefined();
  }
  later(23);
  expect(own.open(sealed)).toBe(42);
  later(1);
  expect(own.open(sealed)).toBeUndefined();
});
