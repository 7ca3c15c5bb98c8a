import { Readable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { readBody } from "../src/downstream/body.ts";
import { createBodyRoom } from "../src/downstream/body-room.ts";
import { readReply } from "../src/upstream/http/reply.ts";
import { lineSplitter } from "../src/wire/lines.ts";
import { sseParser } from "../src/wire/sse.ts";
import { manualClock } from "./fixtures/manual-clock.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const PIECES = 1_000_000;
const MB = 1024 * 1024;
const nothing = (): undefined => {};

const context = {
  ...{ id: "1", maxMessageBytes: 10 * MB, hadSession: false, wall: () => 0 },
  ...{ onMessage: nothing, onCursor: nothing, onReply: nothing, onDropped: nothing, onHeld: nothing },
};
const replyOf = (type: string) => readReply({ status: 200, headers: { "content-type": type } }, context);

/** Whatever reads a peer's bytes; takes one piece and waits for more. */
const READERS: Readonly<Record<string, () => (piece: Buffer) => void>> = {
  "the line splitter": () => lineSplitter({ maxBytes: 10 * MB, onLine: nothing, onTooLong: nothing }).push,
  "a line of an event stream": () => sseParser({ maxEventBytes: 10 * MB, onEvent: nothing, onTooLong: nothing }),
  "an upstream's JSON": () => {
    const reader = replyOf("application/json");
    return piece => reader.data(piece);
  },
  "an agent's body": () => {
    const request = Object.assign(new Readable({ read: nothing }), { headers: { "content-type": "application/json" } });
    readBody(
      { request, response: {} } as unknown as Parameters<typeof readBody>[0],
      createBodyRoom({ clock: manualClock(), maxBytes: 10 * MB }),
      nothing,
    );
    return piece => void request.emit("data", piece);
  },
};

describe("bytes that come one by one take no more memory than those that come at once", () => {
  async function heldAfter(push: (piece: Buffer) => void, piece: Buffer, pieces: number): Promise<number> {
    // What the test before has left goes first.
    await setImmediate();
    collectGarbage();
    const before = process.memoryUsage();
    for (let at = 0; at < pieces; at++) push(Buffer.from(piece));
    collectGarbage();
    const after = process.memoryUsage();
    // Still in use: what it holds must be there when it is measured.
    push(piece);
    return (after.heapUsed - before.heapUsed + after.arrayBuffers - before.arrayBuffers) / MB;
  }

  test.each(Object.entries(READERS))("%s", async (_, open) => {
    expect(await heldAfter(open(), Buffer.from("a"), PIECES)).toBeLessThan(20);
  });

  test("the empty lines of one event", async () => {
    const push = sseParser({ maxEventBytes: 10 * MB, onEvent: nothing, onTooLong: nothing });
    expect(await heldAfter(push, Buffer.from("data:\n".repeat(100)), PIECES / 100)).toBeLessThan(20);
  });
});
