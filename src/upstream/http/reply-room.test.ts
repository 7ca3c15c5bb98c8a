import { afterEach, describe, expect, it } from "vitest";
import { startChannel } from "../../../test/fixtures/http-channel.ts";
import { eventText, outbound, type Seen } from "../../../test/fixtures/http-peer.ts";
import { manualClock } from "../../../test/fixtures/manual-clock.ts";
import { poll } from "../../../test/fixtures/poll.ts";
import { Aborter } from "../../core/signal.ts";
import { requestOn } from "../channel/channel.ts";
import { createReplyRooms } from "../channel/inbound-memory.ts";

const LARGE = 3_000_000;
let end: () => Promise<void> = async () => {};
afterEach(() => end());

const SHAPES = {
  json: { type: "application/json", frame: (text: string) => text },
  "event stream": { type: "text/event-stream", frame: (text: string) => eventText(text) },
};

/** An upstream of which two answers are asked for: of the first only a part has come, and the second finds no room. */
async function twoLarge(shape: keyof typeof SHAPES, timeoutMs = 60_000) {
  const { type, frame } = SHAPES[shape];
  const waits = manualClock();
  const rooms = createReplyRooms({ clock: waits, totalBytes: 500_000 });
  const { peer, channel, clock, close } = await startChannel(() => {}, { room: rooms.room() });
  end = close;
  const whole = ({ id }: Seen) => frame(JSON.stringify({ jsonrpc: "2.0", id, result: { text: "x".repeat(LARGE) } }));
  const abort = new Aborter();
  const first = requestOn(channel, outbound({ signal: abort.signal }));
  const one = await peer.request(0);
  one.response.writeHead(200, { "content-type": type }).write(whole(one).slice(0, 450_000));
  expect(await poll(() => rooms.bytes === 450_000)).toBe(true);
  const second = requestOn(channel, outbound({ timeoutMs, maxTimeoutMs: timeoutMs }));
  const two = await peer.request(1);
  two.response.writeHead(200, { "content-type": type }).end(whole(two));
  // Its wait is the only timer of that clock.
  expect(await poll(() => waits.pending === 1)).toBe(true);
  return {
    ...{ first, second, clock, waits, rooms, abort },
    finishFirst: () => one.response.end(whole(one).slice(450_000)),
  };
}

describe.each(Object.keys(SHAPES) as (keyof typeof SHAPES)[])("a large answer (%s) that finds no room", shape => {
  it("is read on when an earlier one is complete", async () => {
    const { first, second, rooms, finishFirst } = await twoLarge(shape);
    expect(rooms.bytes).toBeLessThan(1_000_000);
    finishFirst();
    for (const reply of [await first, await second]) {
      expect(reply.kind === "result" && reply.result.size).toBeGreaterThan(LARGE);
    }
    expect(rooms.bytes).toBe(0);
  });

  it("is refused after a while, and the earlier one still comes", async () => {
    const { first, second, waits, rooms, finishFirst } = await twoLarge(shape);
    waits.advance(3_000);
    expect(await second).toMatchObject({ kind: "failed", fault: "no_room", delivery: "answered" });
    finishFirst();
    expect(await first).toMatchObject({ kind: "result" });
    expect([rooms.bytes, waits.pending]).toEqual([0, 0]);
  });

  it("does not look like an upstream that was late, when its call's time is over before", async () => {
    const { second, clock } = await twoLarge(shape, 1_000);
    clock.advance(1_000);
    expect(await second).toMatchObject({ kind: "failed", fault: "no_room", delivery: "answered" });
  });

  it("is read on when the agent of an earlier one no longer waits", async () => {
    const { first, second, rooms, abort } = await twoLarge(shape);
    abort.abort();
    expect(await first).toMatchObject({ fault: "cancelled" });
    expect(await second).toMatchObject({ kind: "result" });
    expect(rooms.bytes).toBe(0);
  });
});
