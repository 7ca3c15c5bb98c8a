import { expect, it } from "vitest";
import { manualClock } from "../../../test/fixtures/manual-clock.ts";
import { upstreamName } from "../../core/names.ts";
import { Payload } from "../../core/payload.ts";
import type { Link } from "../conversation/link.ts";
import { createOfferKeeper, LEAST_AGE_MS, NOTICE_MAY_FOLLOW_MS } from "./offer-keeper.ts";

/** A link on which lists are answered when the test says so. */
function linkOf(name: string) {
  const asked: (() => void)[] = [];
  const link = {
    capabilities: Payload.of({ tools: {} }),
    serverInfo: undefined,
    instructions: name,
    ask: () =>
      new Promise(resolve => asked.push(() => resolve({ kind: "result", result: Payload.of({ tools: [{ name }] }) }))),
  } as unknown as Link;
  return { link, asked };
}

const NEVER = Number.NEGATIVE_INFINITY;

function keeping({ hint, tools }: { hint: object; tools: object }) {
  const clock = manualClock();
  const keeper = createOfferKeeper({
    ...{ upstream: upstreamName("u"), clock, known: undefined, inspect: async () => false },
    ...{ changed: () => {}, trouble: () => {} },
  });
  const link = {
    capabilities: Payload.of({ tools }),
    ask: async () => ({ kind: "result", result: Payload.of({ tools: [], ...hint }) }),
  } as unknown as Link;
  return { clock, keeper, link };
}

const flush = () => new Promise(resolve => setImmediate(resolve));

it("reads once now and once after it, however often an upstream says that its lists have changed", async () => {
  const clock = manualClock();
  const keeper = createOfferKeeper({
    ...{ upstream: upstreamName("u"), clock, known: undefined, inspect: async () => false },
    ...{ changed: () => {}, trouble: () => {} },
  });
  const { link, asked } = linkOf("old");
  for (let flood = 0; flood < 1_000; flood++) void keeper.refresh(link);
  expect(asked).toHaveLength(1);
  asked[0]?.();
  await flush();
  expect(asked).toHaveLength(1);
  const { link: newer, asked: askedNewer } = linkOf("new");
  void keeper.refresh(newer);
  clock.advance(499);
  await flush();
  expect([asked.length, askedNewer.length]).toEqual([1, 0]);
  clock.advance(1);
  await flush();
  // The link that was told of first may be gone by now.
  expect([asked.length, askedNewer.length]).toEqual([1, 1]);
  askedNewer[0]?.();
  await flush();
  expect(keeper.offer?.instructions).toBe("new");
  expect(clock.pending).toBe(0);
});

it("reads once when it is told again in the very moment in which a reading falls due", async () => {
  const clock = manualClock();
  const keeper = createOfferKeeper({
    ...{ upstream: upstreamName("u"), clock, known: undefined, inspect: async () => false },
    ...{ changed: () => {}, trouble: () => {} },
  });
  const { link, asked } = linkOf("busy");
  void keeper.refresh(link);
  asked[0]?.();
  await flush();
  void keeper.refresh(link);
  await flush();
  clock.after(500, () => void keeper.refresh(link));
  clock.advance(500);
  await flush();
  expect([asked.length, clock.pending]).toEqual([2, 0]);
});

it.each([
  // A minute, by its own word; then it is read while it is given out once more.
  [{ ttlMs: 60_000 }, { listChanged: true }, [60_000, "aging"]],
  [{ ttlMs: 60_000 }, {}, [60_000, "aging"]],
  // No time at all, whatever else it says.
  [{ ttlMs: 0 }, {}, [0, "outdated"]],
  [{ ttlMs: 0 }, { listChanged: true }, [0, "outdated"]],
  // It says nothing, and would not say when it changes; or would.
  [{}, {}, [LEAST_AGE_MS, "aging"]],
  [{}, { listChanged: true }, undefined],
] as const)("takes a list with %j of an upstream with %j for %j", async (hint, tools, expected) => {
  const { clock, keeper, link } = keeping({ hint, tools });
  expect(keeper.freshness("tool", NEVER)).toBe("doubtful");
  await keeper.reread(link);
  const [ageMs, freshness] = expected ?? [3_600_000, "fresh"];
  if (ageMs > 0) {
    clock.advance(ageMs - 1);
    expect(keeper.freshness("tool", NEVER)).toBe("fresh");
    clock.advance(1);
  }
  expect([keeper.freshness("tool", NEVER), keeper.freshness("prompt", NEVER)]).toEqual([freshness, "fresh"]);
});

it("does not rely on a list that a call may have changed since it was read", async () => {
  const silent = keeping({ hint: {}, tools: {} });
  const telling = keeping({ hint: {}, tools: { listChanged: true } });
  for (const { clock, keeper, link } of [silent, telling]) {
    clock.advance(10);
    await keeper.reread(link);
    expect(keeper.freshness("tool", clock.now() - 1)).toBe("fresh");
    clock.advance(1);
    expect(keeper.freshness("tool", clock.now())).toBe("outdated");
  }
  // A notice has had the time to come.
  const answeredAt = telling.clock.now();
  telling.clock.advance(NOTICE_MAY_FOLLOW_MS);
  expect(telling.keeper.freshness("tool", answeredAt)).toBe("fresh");
  expect(silent.keeper.freshness("tool", answeredAt)).toBe("outdated");
});

it("reads at once for who asks, once for all of them, and again for what came up while it read", async () => {
  const clock = manualClock();
  const keeper = createOfferKeeper({
    ...{ upstream: upstreamName("u"), clock, known: undefined, inspect: async () => false },
    ...{ changed: () => {}, trouble: () => {} },
  });
  const { link, asked } = linkOf("a");
  const first = keeper.refresh(link);
  keeper.doubt();
  const others = [keeper.reread(link), keeper.reread(link)];
  expect(asked).toHaveLength(1);
  asked[0]?.();
  await first;
  await flush();
  expect(asked).toHaveLength(2);
  asked[1]?.();
  await Promise.all(others);
  expect([asked.length, keeper.freshness("tool", NEVER)]).toEqual([2, "fresh"]);
});

it("goes on after a list that it stumbled over, and says so", async () => {
  const clock = manualClock();
  const told: (string | undefined)[] = [];
  const keeper = createOfferKeeper({
    ...{ upstream: upstreamName("u"), clock, known: undefined, inspect: async () => false, changed: () => {} },
    trouble: detail => told.push(detail),
  });
  const broken = linkOf("broken").link;
  Object.assign(broken, { ask: () => Promise.reject(new Error("not foreseen")) });
  const { link, asked } = linkOf("sound");
  const first = keeper.refresh(broken);
  const second = keeper.refresh(link);
  await first;
  expect(told).toEqual(["its lists could not be read: not foreseen"]);
  for (const reading of [second, keeper.refresh(link)]) {
    await flush();
    clock.advance(500);
    await flush();
    asked.shift()?.();
    await reading;
  }
  expect([keeper.offer?.instructions, told.at(-1), clock.pending]).toEqual(["sound", undefined, 0]);
});

it("shows an offer that takes long to look at with what is known of it, and once more when all is known", async () => {
  const clock = manualClock();
  const shown: string[] = [];
  let looked = (_isNews: boolean): void => {};
  const keeper = createOfferKeeper({
    ...{ upstream: upstreamName("u"), clock, known: undefined, trouble: () => {} },
    inspect: () => new Promise(resolve => (looked = resolve)),
    changed: offer => shown.push(String(offer.instructions)),
  });
  const { link, asked } = linkOf("odd");
  const reading = keeper.refresh(link);
  asked[0]?.();
  await flush();
  expect([shown, keeper.offer]).toEqual([[], undefined]);
  clock.advance(3_000);
  await reading;
  expect(shown).toEqual(["odd"]);
  looked(true);
  await flush();
  expect([shown, clock.pending]).toEqual([["odd", "odd"], 0]);
});

it("shows what was known before this process again only when there was something to find out", async () => {
  const { link, asked } = linkOf("known");
  const base = { upstream: upstreamName("u"), clock: manualClock(), trouble: () => {} };
  const first = createOfferKeeper({ ...base, known: undefined, inspect: async () => false, changed: () => {} });
  const reading = first.refresh(link);
  asked[0]?.();
  await reading;
  for (const isNews of [true, false]) {
    const shown: unknown[] = [];
    createOfferKeeper({
      ...base,
      known: first.offer,
      inspect: async () => isNews,
      changed: offer => shown.push(offer),
    });
    await flush();
    expect(shown).toEqual(isNews ? [first.offer] : []);
  }
});

it("keeps a list that could not be read again, whatever became of the others", async () => {
  const clock = manualClock();
  const keeper = createOfferKeeper({
    ...{ upstream: upstreamName("u"), clock, known: undefined, inspect: async () => false },
    ...{ changed: () => {}, trouble: () => {} },
  });
  const answers = new Map([
    ["tools/list", [{ name: "t" }]],
    ["prompts/list", [{ name: "p" }]],
  ]);
  const link = {
    capabilities: Payload.of({ tools: {}, prompts: {} }),
    ask: async (method: string) => {
      const list = answers.get(method);
      if (!list) return { kind: "error", error: Payload.of({ code: -32603, message: "busy" }) };
      return { kind: "result", result: Payload.of({ [method.split("/")[0]!]: list }) };
    },
  } as unknown as Link;
  const names = () => [keeper.offer?.definitions.tool, keeper.offer?.definitions.prompt].map(list => list?.length);
  await keeper.reread(link);
  expect([names(), keeper.offer?.unread]).toEqual([[1, 1], []]);
  answers.delete("tools/list");
  answers.set("prompts/list", []);
  keeper.doubt();
  await keeper.reread(link);
  expect([names(), keeper.offer?.unread]).toEqual([[1, 0], []]);
});

it("says of which kinds it could never read the list", async () => {
  const keeper = createOfferKeeper({
    ...{ upstream: upstreamName("u"), clock: manualClock(), known: undefined, inspect: async () => false },
    ...{ changed: () => {}, trouble: () => {} },
  });
  const link = {
    capabilities: Payload.of({ tools: {}, prompts: {} }),
    ask: async (method: string) =>
      method === "tools/list"
        ? { kind: "result", result: Payload.of({ tools: [] }) }
        : { kind: "error", error: Payload.of({ code: -32603, message: "busy" }) },
  } as unknown as Link;
  await keeper.reread(link);
  expect(keeper.offer?.unread).toEqual(["prompt"]);
});
