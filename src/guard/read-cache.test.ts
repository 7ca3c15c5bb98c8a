import { describe, expect, it } from "vitest";
import { manualClock } from "../../test/fixtures/manual-clock.ts";
import type { Call, Handle, Outcome } from "../core/call.ts";
import { upstreamName } from "../core/names.ts";
import { bringing, promised } from "../core/pass.fixture.ts";
import { Payload } from "../core/payload.ts";
import { Aborter } from "../core/signal.ts";
import { callOf, done, held } from "./call.fixture.ts";
import { readCache } from "./read-cache.ts";

const A = upstreamName("a");
const contents = (text: string, hints: object): object => ({ contents: [{ uri: "x:1", text }], ...hints });
const PUBLIC = { resultType: "complete", ttlMs: 1_000, cacheScope: "public" };
const PRIVATE = { ...PUBLIC, cacheScope: "private" };

type Plan = Parameters<typeof callOf>[0] & { uri?: string };
function read({ uri = "x:1", params = {}, ...plan }: Plan = {}): Call {
  const subject = held("x:{id}", "a");
  return callOf({ method: "resources/read", target: uri, subject, ...plan, params: { uri, ...(params as object) } });
}

/** An upstream whose every answer is another one, given at once or when it is told to. */
function behindCache({ hints = PUBLIC as object, waits = false } = {}) {
  const clock = manualClock();
  const pending: ((outcome: Outcome) => void)[] = [];
  let calls = 0;
  const next: Handle = (_call, end) => {
    calls++;
    const answer = done(contents(String(calls), hints));
    if (waits) pending.push(end);
    else end(answer);
  };
  const layer = readCache({ clock });
  return { clock, layer, handle: promised(layer(next)), pending, calls: () => calls };
}

const textOf = (outcome: Outcome): unknown =>
  outcome.kind === "done" ? (outcome.result.value().contents as { text: string }[])[0]?.text : outcome;
const ttlOf = (outcome: Outcome): unknown => outcome.kind === "done" && outcome.result.value().ttlMs;

describe("what is for everybody", () => {
  it("is read once and given to all, with the time that is left of it", async () => {
    const { clock, handle, calls } = behindCache();
    expect(ttlOf(await handle(read()))).toBe(1_000);
    clock.advance(400);
    const second = await handle(read({ who: "bob", params: { _meta: { progressToken: 1 } } }));
    expect([textOf(second), ttlOf(second), calls()]).toEqual(["1", 600, 1]);
    expect(second.route).toEqual({ upstream: "a", attempts: 0 });
  });

  it("is read anew when its time is over", async () => {
    const { clock, handle } = behindCache();
    await handle(read());
    clock.advance(1_000);
    expect(textOf(await handle(read()))).toBe("2");
  });

  it.each([
    ["all", undefined, ["3", "4"]],
    ["one", "x:1", ["3", "2"]],
  ] as const)("is forgotten when the upstream says that %s of it changed", async (_, uri, expected) => {
    const { layer, handle } = behindCache();
    await handle(read());
    await handle(read({ uri: "y:1" }));
    layer.forget(A, uri);
    const [x, y] = [textOf(await handle(read())), textOf(await handle(read({ uri: "y:1" })))];
    expect([x, y]).toEqual(expected);
  });

  it("stays when another upstream changed", async () => {
    const { layer, handle } = behindCache();
    await handle(read());
    layer.forget(upstreamName("b"));
    expect(textOf(await handle(read()))).toBe("1");
  });

  it("costs an upstream's talk of changes nothing that grows with what others have in it", async () => {
    const { layer, handle } = behindCache();
    for (let at = 0; at < 5_000; at++) await handle(read({ uri: `x:${at}` }));
    const startedMs = performance.now();
    // Looking at everything each time would take more than ten seconds.
    for (let at = 0; at < 5_000; at++) {
      layer.forget(upstreamName("noisy"));
      layer.forget(A, `y:${at}`);
    }
    expect(performance.now() - startedMs).toBeLessThan(2_000);
    expect(textOf(await handle(read({ uri: "x:0" })))).toBe("1");
  });

  it("is not kept when it changed while it was being read", async () => {
    const { layer, handle, pending } = behindCache({ waits: true });
    const first = handle(read());
    layer.forget(A);
    pending[0]?.(done(contents("old", PUBLIC)));
    expect(textOf(await first)).toBe("old");
    const second = handle(read());
    pending[1]?.(done(contents("new", PUBLIC)));
    expect(textOf(await second)).toBe("new");
  });

  it("does not grow without bound", async () => {
    const clock = manualClock();
    let calls = 0;
    const next: Handle = bringing(() => done(contents("x".repeat(1_000), { ...PUBLIC, n: ++calls })));
    const handle = promised(readCache({ clock, maxBytes: 20_000 })(next));
    for (let at = 0; at < 100; at++) await handle(read({ uri: `x:${at}` }));
    await handle(read({ uri: "x:99" }));
    expect(calls).toBe(100);
    await handle(read({ uri: "x:0" }));
    expect(calls).toBe(101);
  });
});

describe("nothing else is shared", () => {
  it("a URI so long that remembering many of them would fill the memory", async () => {
    const { handle, calls } = behindCache();
    for (let round = 0; round < 2; round++) await handle(read({ uri: `x:${"1".repeat(8_192)}` }));
    expect(calls()).toBe(2);
  });

  it.each<[string, object]>([
    ["private", PRIVATE],
    ["stale at once", { ...PUBLIC, ttlMs: 0 }],
    ["of a time that makes no sense", { ...PUBLIC, ttlMs: "soon" }],
    ["of a scope that nobody named", { resultType: "complete", ttlMs: 1_000 }],
    ["not complete", { ...PUBLIC, resultType: "other" }],
    ["of a revision without hints", { ttlMs: 1_000, cacheScope: "public" }],
  ])("an answer that is %s", async (_, hints) => {
    const { handle, calls } = behindCache({ hints });
    await handle(read());
    await handle(read());
    expect(calls()).toBe(2);
  });

  it.each<[string, Plan]>([
    [
      "that goes on from questions",
      { continues: { upstream: A, ticket: "t", answers: Payload.of({}), refusals: Payload.of({}) } },
    ],
    ["that brings answers of its own accord", { params: { inputResponses: {} } }],
    ["with parameters that nobody knows", { params: { range: "0-9" } }],
    ["of something unknown", { subject: { kind: "unknown", nearest: [] } }],
    ["that is none", { method: "tools/call" }],
  ])("a read %s", async (_, plan) => {
    const { handle, calls } = behindCache();
    await handle(read());
    await handle(read(plan));
    await handle(read(plan));
    expect(calls()).toBe(3);
  });

  it("a read of another upstream's resource of that name", async () => {
    const { handle, calls } = behindCache();
    await handle(read());
    await handle(read({ subject: held("x:{id}", "b") }));
    expect(calls()).toBe(2);
  });
});

describe("reads at the same time", () => {
  async function afterPublic() {
    const cached = behindCache({ waits: true });
    const first = cached.handle(read());
    cached.pending[0]?.(done(contents("first", PUBLIC)));
    await first;
    cached.clock.advance(1_000);
    return cached;
  }

  it("become one once the last answer was for everybody", async () => {
    const { handle, pending, calls } = await afterPublic();
    const reads = ["ann", "bob", "eve"].map(who => handle(read({ who })));
    expect(calls()).toBe(2);
    pending[1]?.(done(contents("second", PUBLIC)));
    expect((await Promise.all(reads)).map(textOf)).toEqual(["second", "second", "second"]);
  });

  it("are each made before that is known", () => {
    const { handle, calls } = behindCache({ waits: true });
    for (const who of ["ann", "bob"]) void handle(read({ who }));
    expect(calls()).toBe(2);
  });

  it.each<[string, Outcome]>([
    ["is private now", done(contents("ann's own", PRIVATE))],
    ["failed", { kind: "failed", failure: { kind: "cancelled" } }],
    ["is a question", { kind: "asks", questions: Payload.of({}), ticket: "ann's" }],
  ])("are each made after all when the answer %s: it goes to whoever asked", async (_, outcome) => {
    const { handle, pending, calls } = await afterPublic();
    const [ann, bob, eve] = ["ann", "bob", "eve"].map(who => handle(read({ who })));
    pending[1]?.(outcome);
    expect(await ann).toBe(outcome);
    expect(calls()).toBe(4);
    pending[2]?.(done(contents("bob's own", PRIVATE)));
    pending[3]?.(done(contents("eve's own", PRIVATE)));
    expect(textOf((await bob) as Outcome)).toBe("bob's own");
    expect(textOf((await eve) as Outcome)).toBe("eve's own");
  });

  it("leave those who came after a change with an answer from after the change", async () => {
    const { layer, handle, pending, calls } = await afterPublic();
    const before = handle(read());
    layer.forget(A);
    const after = handle(read({ who: "bob" }));
    expect(calls()).toBe(3);
    pending[1]?.(done(contents("old", PUBLIC)));
    pending[2]?.(done(contents("new", PUBLIC)));
    expect([textOf(await before), textOf(await after)]).toEqual(["old", "new"]);
    expect(textOf(await handle(read()))).toBe("new");
  });

  it("send nothing for an agent that has gone in the meantime", async () => {
    const { handle, pending, calls } = await afterPublic();
    const gone = new Aborter();
    const leader = handle(read());
    const follower = handle(read({ who: "bob", signal: gone.signal }));
    gone.abort();
    pending[1]?.(done(contents("private", PRIVATE)));
    await leader;
    expect(await follower).toMatchObject({ kind: "failed", failure: { kind: "cancelled" } });
    expect(calls()).toBe(2);
  });
});
