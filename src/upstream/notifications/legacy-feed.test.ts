import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { manualClock } from "../../../test/fixtures/manual-clock.ts";
import { upstreamName } from "../../core/names.ts";
import { Payload } from "../../core/payload.ts";
import type { Reply } from "../channel/channel.ts";
import type { Link } from "../conversation/link.ts";
import { legacyFeed } from "./legacy-feed.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const REFUSED: Reply = { kind: "error", error: Payload.of({ code: -32002, message: "no such resource" }) };

test("keeps nothing of resources that the upstream does not watch", async () => {
  const asked: string[] = [];
  const link = {
    channel: {},
    ask: async (method: string) => {
      asked.push(method);
      return REFUSED;
    },
  } as unknown as Link;
  const nothing = (): void => {};
  const feed = legacyFeed(link, {
    ...{ upstream: upstreamName("a"), clock: manualClock(), random: () => 0 },
    ...{ message: nothing, task: nothing, gap: nothing, doubt: nothing },
  });
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  for (let at = 0; at < 200; at++) {
    const name = `file:///${at}/${"x".repeat(500_000)}${at}`;
    // One string, not a tree of pieces of others.
    const topic = { kind: "resource", name: Buffer.from(name).toString("latin1") } as const;
    expect(await feed.watch(topic)).toMatchObject({ kind: "answered" });
    feed.unwatch(topic);
    await setImmediate();
  }
  collectGarbage();
  expect((process.memoryUsage().heapUsed - before) / 1e6).toBeLessThan(20);
  expect(new Set(asked)).toEqual(new Set(["resources/subscribe"]));
  feed.stop();
});
