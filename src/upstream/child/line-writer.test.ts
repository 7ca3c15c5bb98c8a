import { Writable } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { manualClock } from "../../../test/fixtures/manual-clock.ts";
import { createLineWriter, type Outgoing } from "./line-writer.ts";

const KIB = 1024;

/** A stream whose reader takes one batch each time the test says so. */
function setUp(limits: { maxQueuedBytes?: number } = {}) {
  const clock = manualClock();
  const batches: string[] = [];
  const events: string[] = [];
  let release: (error?: Error) => void = () => {};
  const accept = (text: Buffer, done: (error?: Error | null) => void): void => {
    batches.push(text.toString());
    release = done;
  };
  const stream = new Writable({
    highWaterMark: 16 * KIB,
    write: (chunk: Buffer, _, done) => accept(chunk, done),
    writev: (chunks, done) => accept(Buffer.concat(chunks.map(({ chunk }) => chunk)), done),
  });
  stream.on("error", () => events.push("stream error"));
  const writer = createLineWriter({
    ...{ stream, clock, stallMs: 3_000, maxQueuedBytes: 100, ...limits },
    onStall: () => events.push("stall"),
    onError: () => events.push("error"),
  });
  const send = (text: string): Outgoing | undefined => writer.send([Buffer.from(text)]);
  const read = async (error?: Error): Promise<void> => {
    await nextTurn();
    release(error);
    await nextTurn();
  };
  return { clock, batches, events, writer, send, read };
}

const states = (...messages: (Outgoing | undefined)[]): unknown[] => messages.map(message => message?.state);

describe("a line writer", () => {
  test("writes what one turn brings as one batch, a line each", async () => {
    const { batches, send, writer, read } = setUp();
    const first = writer.send([Buffer.from("a"), Buffer.from("b")]);
    const second = send("c");
    expect(states(first, second)).toEqual(["waiting", "waiting"]);
    await nextTurn();
    expect(batches).toEqual(["ab\nc\n"]);
    const third = send("d");
    expect(states(first, second, third)).toEqual(["writing", "writing", "waiting"]);
    await read();
    expect(batches).toEqual(["ab\nc\n", "d\n"]);
    expect(states(first, second, third)).toEqual(["written", "written", "writing"]);
  });

  test("refuses what exceeds its bytes, but takes one larger message when nothing waits", async () => {
    const { send, read } = setUp();
    expect(send("x".repeat(500))).toBeDefined();
    expect(send("y")).toBeUndefined();
    await read();
    expect(send("y".repeat(98))).toBeDefined();
    expect(send("z")).toBeUndefined();
    await read();
    expect(send("z")).toBeDefined();
  });

  test("takes a message back as long as nothing of it was written", async () => {
    const { send, writer, batches, read } = setUp();
    const first = send("one")!;
    await nextTurn();
    const second = send("two")!;
    const third = send("three")!;
    expect([writer.withdraw(first), writer.withdraw(second), writer.withdraw(second)]).toEqual([false, true, false]);
    await read();
    expect(batches).toEqual(["one\n", "three\n"]);
    expect(states(first, second, third)).toEqual(["written", "dropped", "writing"]);
  });

  test("sees a reader that takes a large message slowly, and one that stops", async () => {
    const { send, clock, events, read } = setUp();
    const large = send("x".repeat(200 * KIB));
    for (let piece = 0; piece < 3; piece++) {
      await nextTurn();
      clock.advance(2_999);
      await read();
    }
    expect(states(large)).toEqual(["writing"]);
    expect(events).toEqual([]);
    clock.advance(3_000);
    expect(events).toEqual(["stall"]);
  });

  test("knows which messages a broken pipe cannot have delivered whole", async () => {
    const { send, events, read, writer } = setUp();
    const [first, second] = [send("one"), send("two")];
    await nextTurn();
    const third = send("three");
    await read(new Error("EPIPE"));
    expect(states(first, second)).toEqual(["written", "dropped"]);
    expect(events).toContain("error");
    writer.close();
    expect(states(third)).toEqual(["dropped"]);
    expect(send("four")).toBeUndefined();
  });

  test("drops a message that was cut in the middle", async () => {
    const { send, writer, clock } = setUp();
    const large = send("x".repeat(100 * KIB));
    await nextTurn();
    let settled = 0;
    writer.close();
    writer.send([], () => settled++);
    expect([...states(large), clock.pending, settled]).toEqual(["dropped", 0, 0]);
  });
});
