import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { pipeTo } from "./pipe.ts";

const LARGE = Buffer.alloc(300 * 1024, 0x78);

test("nothing is taken from an agent that does not read, until it has", async () => {
  const input = new PassThrough().on("data", () => {});
  const output = new PassThrough();
  const send = pipeTo(output, input);
  expect(send(Buffer.from("{}"))).toBeUndefined();
  expect(input.isPaused()).toBe(false);
  send(LARGE);
  const behind = send(LARGE);
  expect(input.isPaused()).toBe(true);
  const caughtUp = new Promise<void>(resolve => behind?.caughtUp(resolve));
  output.resume();
  await caughtUp;
  expect(input.isPaused()).toBe(false);
  expect([output.listenerCount("drain"), send(Buffer.from("{}"))]).toEqual([0, undefined]);
});

test("whoever waits for an agent that is gone goes on", async () => {
  const output = new PassThrough();
  const send = pipeTo(output, new PassThrough());
  send(LARGE);
  const behind = send(LARGE);
  const caughtUp = new Promise<void>(resolve => behind?.caughtUp(resolve));
  output.destroy();
  await caughtUp;
});
