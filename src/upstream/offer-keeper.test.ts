import { expect, it } from "vitest";
import { manualClock } from "../../test/fixtures/manual-clock.ts";
import { upstreamName } from "../core/names.ts";
import { Payload } from "../core/payload.ts";
import type { Link } from "./link.ts";
import { createOfferKeeper } from "./offer-keeper.ts";

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

const flush = () => new Promise(resolve => setImmediate(resolve));

it("reads once now and once after it, however often an upstream says that its lists have changed", async () => {
  const clock = manualClock();
  const keeper = createOfferKeeper({
    ...{ upstream: upstreamName("u"), clock, known: undefined },
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
