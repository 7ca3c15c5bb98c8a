import { expect, test } from "vitest";
import { manualClock } from "../../../test/fixtures/manual-clock.ts";
import type { Caller } from "../../core/call.ts";
import { ANONYMOUS } from "../../core/names.fixture.ts";
import { ownerId, upstreamName } from "../../core/names.ts";
import { Payload } from "../../core/payload.ts";
import { legacyUpstream } from "../../wire/legacy.ts";
import type { Reply } from "../channel/channel.ts";
import type { Link } from "../conversation/link.ts";
import { createSubscriptions } from "./subscriptions.ts";

const CALLER: Caller = {
  principal: ANONYMOUS,
  agent: "test",
  owner: ownerId("ann"),
  capabilities: Payload.of({}),
  converses: false,
};
const DONE: Reply = { kind: "result", result: Payload.of({}) };
const LATE: Reply = { kind: "failed", fault: "timeout", delivery: "sent_unknown", detail: "no answer" };
const REFUSED: Reply = { kind: "error", error: Payload.of({ code: -32002, message: "no such resource" }) };

function linkWith(...replies: Reply[]) {
  const asked: string[] = [];
  const link = {
    ...{ channel: {}, era: legacyUpstream, version: "2025-11-25" },
    capabilities: Payload.of({ resources: { subscribe: true } }),
    ask: async (method: string) => {
      asked.push(method);
      return replies.shift() ?? DONE;
    },
  } as unknown as Link;
  return { link, asked };
}

async function watching() {
  const clock = manualClock();
  const first = linkWith();
  const told: unknown[] = [];
  const nothing = (): void => {};
  const subscriptions = createSubscriptions({
    ...{ upstream: upstreamName("a"), clock, random: () => 0.5, message: nothing, drop: nothing, stale: nothing },
    main: async () => ({ kind: "open", link: first.link }),
    tenantOf: () => undefined,
    own: () => ({ kind: "open", link: first.link }),
    reopen: () => ({ kind: "open", link: first.link }),
  });
  const topic = { kind: "resource", name: "file:///a" } as const;
  const listener = { topic, told: (params: Payload) => void told.push(params.value()), missed: false };
  const subscription = await subscriptions.subscribe(CALLER, listener);
  expect(subscription.kind).toBe("open");
  const turns = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  };
  const replaceBy = async (link: Link): Promise<void> => {
    subscriptions.lost(first.link);
    subscriptions.opened(link, undefined);
    await turns();
  };
  return { clock, subscriptions, subscription, told, turns, replaceBy };
}

test("what could not be watched on a new link is tried again until it is, and counts as changed then", async () => {
  const { clock, subscriptions, told, turns, replaceBy } = await watching();
  const { link, asked } = linkWith(LATE, LATE);
  await replaceBy(link);
  expect([asked.length, told]).toEqual([1, []]);
  for (let round = 0; round < 3; round++) {
    clock.advance(30_000);
    await turns();
  }
  expect(asked).toEqual(Array(3).fill("resources/subscribe"));
  expect(told).toEqual([{ uri: "file:///a" }]);
  subscriptions.stop();
  expect(clock.pending).toBe(0);
});

test("nothing is tried again for whoever has had enough", async () => {
  const { clock, subscription, turns, replaceBy } = await watching();
  const { link, asked } = linkWith(LATE);
  await replaceBy(link);
  if (subscription.kind === "open") subscription.close();
  clock.advance(30_000);
  await turns();
  expect(asked).toEqual(["resources/subscribe"]);
  expect(clock.pending).toBe(0);
});

test("what an upstream no longer watches counts as changed once: reading it shows what became of it", async () => {
  const { clock, told, replaceBy } = await watching();
  await replaceBy(linkWith(REFUSED).link);
  expect(told).toEqual([{ uri: "file:///a" }]);
  expect(clock.pending).toBe(0);
});

test("nothing is begun for whoever subscribes while the upstream stops", async () => {
  const { clock, subscriptions, told } = await watching();
  const topic = { kind: "resource", name: "file:///b" } as const;
  const late = subscriptions.subscribe(CALLER, { topic, told: () => {}, missed: false });
  subscriptions.stop();
  expect(await late).toMatchObject({ kind: "failed" });
  subscriptions.updated(undefined, Payload.of({ uri: "file:///b" }));
  expect([told, clock.pending]).toEqual([[], 0]);
});
