import { expect, it } from "vitest";
import { manualClock } from "../../../test/fixtures/manual-clock.ts";
import { Payload } from "../../core/payload.ts";
import { UPSTREAM_TEXT } from "../../core/scan-limits.ts";
import { Aborter } from "../../core/signal.ts";
import type { Channel } from "../channel/channel.ts";
import { createParking } from "../conversation/suspended-calls.ts";
import { negotiate } from "./negotiate.ts";

/** A channel whose upstream answers every request in the same way. */
function channelThatSays(text: string): Channel {
  const result = Payload.parse(Buffer.from(text), UPSTREAM_TEXT);
  return {
    request: (_request, done) => done({ kind: "result", result }),
    notify: async () => {},
    close: async () => {},
    discard: async () => {},
    cancels: true,
    attributes: true,
    heard: 0,
  };
}

const negotiateWith = (channel: Channel) => {
  const clock = manualClock();
  const never = new Aborter().signal;
  const identity = { name: "gateway", version: "1" };
  const parking = createParking(clock);
  const world = { channel, identity, clock, parking, signal: never, declared: Payload.of({}), timeoutMs: 1_000 };
  const silence = new Promise<void>(() => {});
  const ears = { silence, asked: () => {}, unclaimed: () => {}, early: () => {}, late: () => {} };
  return negotiate({ ...world, ...ears }, { first: "modern", other: "after_anything" });
};

it("opens a conversation with an upstream that says what it speaks", async () => {
  const text = '{"supportedVersions":["2026-07-28"],"capabilities":{},"instructions":"x"}';
  expect((await negotiateWith(channelThatSays(text))).kind).toBe("open");
});
