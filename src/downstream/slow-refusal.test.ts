import { expect, test } from "vitest";
import { modernAgent } from "../../test/fixtures/agents/http.ts";
import { httpFront } from "../../test/fixtures/front/http.ts";
import { keeper } from "../../test/fixtures/ledger.ts";
import { manualClock } from "../../test/fixtures/manual-clock.ts";
import { createRequestLimit } from "../guard/request-limit.ts";
import { memoryStore } from "../lib/memory-store.ts";
import { isLimited, refusalOf } from "./slow-refusal.ts";

test("calls, which have a limit of their own, and pings are not counted", () => {
  expect(["tools/call", "ping", "tools/list", "resources/read", "x/own"].map(isLimited)).toEqual([
    ...[false, false, true, true, true],
  ]);
});

test("who is refused is told after a while, but never very many at a time", async () => {
  const clock = manualClock();
  const limit = createRequestLimit({ store: memoryStore({ clock, maxBuckets: 10 }), perMinute: 1 });
  const asking = { front: { limit }, clock, keeper: keeper() };
  expect(await refusalOf("tools/list", asking)).toBeUndefined();
  const all = Array.from({ length: 1_500 }, () => refusalOf("tools/list", asking));
  let told = 0;
  for (const one of all)
    void one.then(answer => {
      expect(answer).toMatchObject({ kind: "error", error: { code: -31004 } });
      told++;
    });
  await new Promise(setImmediate);
  expect(told).toBe(500);
  clock.advance(1_000);
  await Promise.all(all);
  expect([told, limit.delayed.count]).toEqual([1_500, 0]);
});

test("a store that cannot tell fails the request that asked, and nothing else", async () => {
  const store = { isAway: false };
  const take = async () => {
    if (store.isAway) throw new Error("the store is away");
    return { ok: true } as const;
  };
  const { url, agent } = await httpFront({ limit: createRequestLimit({ store: { take }, perMinute: 10 }) });
  const [session, modern] = [await agent("2025-11-25"), modernAgent(url)];
  store.isAway = true;
  for (const one of [session, modern]) {
    const { status, message } = await one.request("tools/list");
    expect(message?.error).toMatchObject({ code: -32603 });
    expect(JSON.stringify(message)).not.toContain("away");
    expect(status).toBe(200);
  }
  expect((await modern.request("tools/call", { name: "run" })).message?.result).toBeDefined();
  store.isAway = false;
  for (const one of [session, modern]) expect((await one.request("tools/list")).message?.result).toBeDefined();
});
