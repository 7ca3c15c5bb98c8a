import { expect, it, vi } from "vitest";
import { manualClock } from "../../test/fixtures/manual-clock.ts";
import type { Call, Handle, Outcome } from "../core/call.ts";
import type { Resolution } from "../core/catalog.ts";
import { nativeName, ownerId, principal, publicName, upstreamName } from "../core/names.ts";
import { bringing, promised } from "../core/pass.fixture.ts";
import { Payload } from "../core/payload.ts";
import type { Store } from "../core/ports.ts";
import { Aborter } from "../core/signal.ts";
import { memoryStore } from "../lib/memory-store.ts";
import { rateLimit } from "./rate-limit.ts";

const NOTHING = Payload.of({});
const done: Outcome = { kind: "done", result: NOTHING };

function found(upstream: string, native: string, name = native): Resolution {
  const holder = { upstream: upstreamName(upstream), native: nativeName(native), priority: 1, definition: NOTHING };
  return { kind: "found", entry: { kind: "tool", name: publicName(name), holders: [holder], definition: NOTHING } };
}

function call(subject: Resolution, { who = "ann", method = "tools/call" } = {}): Call {
  return {
    caller: {
      principal: principal(who),
      agent: "test",
      owner: ownerId("o"),
      capabilities: Payload.of({}),
      converses: false,
    },
    view: { kind: "all" },
    method,
    target: "x",
    subject,
    params: NOTHING,
    continues: undefined,
    signal: new Aborter().signal,
    logLevel: undefined,
    notify() {},
  };
}

const ANSWERS: Handle = bringing(() => done);
const limitedHandle = (perMinute: number, next: Handle = ANSWERS): Handle =>
  rateLimit({ store: memoryStore({ clock: manualClock(), maxBuckets: 100 }), perMinute })(next);
const limited = (perMinute: number): ((call: Call) => Promise<Outcome>) => promised(limitedHandle(perMinute));

it("refuses the call after the last token and says when to come again", async () => {
  const handle = limited(2);
  const one = call(found("a", "echo"));
  expect([(await handle(one)).kind, (await handle(one)).kind]).toEqual(["done", "done"]);
  expect(await handle(one)).toEqual({
    kind: "failed",
    failure: { kind: "rate_limited", retryAfterMs: 30_000, limit: 2 },
  });
});

it("counts each principal and each tool for itself", async () => {
  const handle = limited(1);
  await handle(call(found("a", "echo")));
  expect((await handle(call(found("a", "echo"), { who: "bob" }))).kind).toBe("done");
  expect((await handle(call(found("a", "other")))).kind).toBe("done");
  expect((await handle(call(found("b", "echo")))).kind).toBe("done");
});

it("counts a tool once, whatever name it was called by", async () => {
  const handle = limited(1);
  await handle(call(found("a", "echo", "a__echo")));
  expect((await handle(call(found("a", "echo", "echo")))).kind).toBe("failed");
});

it("counts all made-up names of a principal together", async () => {
  const handle = limited(1);
  await handle(call({ kind: "unknown", nearest: [] }));
  expect((await handle(call({ kind: "ambiguous", choices: ["a:x"] }))).kind).toBe("failed");
  expect((await handle(call({ kind: "unknown", nearest: [] }, { who: "bob" }))).kind).toBe("done");
});

it("limits tool calls only", async () => {
  const handle = limited(1);
  const read = call(found("a", "echo"), { method: "resources/read" });
  expect([(await handle(read)).kind, (await handle(read)).kind]).toEqual(["done", "done"]);
});

it("is not there at all when the limit is 0", () => {
  const next = ANSWERS;
  expect(limitedHandle(0, next)).toBe(next);
});

it("passes a call on in the same turn when the store answers at once", () => {
  const next = vi.fn(ANSWERS);
  limitedHandle(1, next)(call(found("a", "echo")), () => {});
  expect(next).toHaveBeenCalledOnce();
});

it("waits for a store that answers later", async () => {
  const store: Store = { take: async () => ({ ok: false, retryAfterMs: 7 }) };
  const handle = promised(rateLimit({ store, perMinute: 5 })(ANSWERS));
  expect(await handle(call(found("a", "echo")))).toMatchObject({ failure: { retryAfterMs: 7, limit: 5 } });
});

it("lets a call go on that was admitted before", async () => {
  const handle = limited(1);
  const one = call(found("a", "echo"));
  expect((await handle(one)).kind).toBe("done");
  const continues = { upstream: upstreamName("a"), ticket: "t", answers: NOTHING, refusals: NOTHING };
  expect((await handle({ ...one, continues })).kind).toBe("done");
  expect((await handle(one)).kind).toBe("failed");
});

it("does not let a ticket that is good more than once open a way around the limit", async () => {
  const handle = limited(1);
  const continues = { upstream: upstreamName("a"), ticket: "t", answers: NOTHING, refusals: NOTHING };
  const going = { ...call(found("a", "echo")), continues };
  const outcomes = [];
  for (let rounds = 0; rounds < 11; rounds++) outcomes.push((await handle(going)).kind);
  expect(outcomes).toEqual([...Array(10).fill("done"), "failed"]);
});

it("fails the call, and nothing else, when the store cannot tell", async () => {
  const next = vi.fn(ANSWERS);
  let isAway = true;
  const store: Store = {
    take: async () => {
      if (isAway) throw new Error("the store is away");
      return { ok: true };
    },
  };
  const handle = promised(rateLimit({ store, perMinute: 2 })(next));
  expect(await handle(call(found("a", "echo")))).toMatchObject({
    kind: "failed",
    failure: { kind: "internal", detail: "Error: the store is away" },
  });
  expect(next).not.toHaveBeenCalled();
  isAway = false;
  expect((await handle(call(found("a", "echo")))).kind).toBe("done");
});
