import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { describe, expect, it, vi } from "vitest";
import { manualClock } from "../../test/fixtures/manual-clock.ts";
import { steady, systemClock } from "./clock.ts";

it("runs a timer once and never when it was cancelled", async () => {
  const ran: string[] = [];
  const cancel = systemClock.after(1, () => ran.push("cancelled"));
  cancel();
  await new Promise<void>(resolve => systemClock.after(5, resolve));
  expect(ran).toEqual([]);
});

it("lets an answer that has come in be heard before a timer that we slept through", async () => {
  const heard: string[] = [];
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [socket] = (await once(server, "connection")) as [Socket];
  client.on("data", () => heard.push("answer"));
  await new Promise<void>(resolve => {
    systemClock.after(20, () => {
      heard.push("timer");
      resolve();
    });
    const cancel = systemClock.after(20, () => heard.push("cancelled"));
    socket.write("pong", () => {
      client.once("data", cancel);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
    });
  });
  expect(heard).toEqual(["answer", "timer"]);
  client.destroy();
  socket.destroy();
  server.close();
});

it("does not fire early when the delay is longer than a Node timer can hold", () => {
  vi.useFakeTimers();
  try {
    const ran = vi.fn();
    systemClock.after(2 ** 31 + 1_000, ran);
    vi.advanceTimersByTime(2 ** 31);
    expect(ran).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1_000);
    expect(ran).toHaveBeenCalledOnce();
  } finally {
    vi.useRealTimers();
  }
});

it("runs the timers of a manual clock in order of time, each at its own moment", () => {
  const clock = manualClock();
  const ran: string[] = [];
  const note = (name: string) => () => ran.push(`${name}@${clock.now()}`);
  clock.after(20, note("late"));
  clock.after(10, () => {
    note("early")();
    clock.after(5, note("added"));
  });
  clock.after(10, note("same time"))();
  clock.advance(30);
  expect(ran).toEqual(["early@10", "added@15", "late@20"]);
  expect([clock.now(), clock.pending]).toEqual([30, 0]);
});

describe("steady time", () => {
  it("goes on by what has passed, whatever the time of day is set to", () => {
    let [wall, now] = [Date.UTC(2030, 0, 1), 5];
    const time = steady({ wall: () => wall, now: () => now });
    expect(time()).toBe(Date.UTC(2030, 0, 1));
    now += 1_000;
    wall = Date.UTC(1999, 0, 1);
    expect(time()).toBe(Date.UTC(2030, 0, 1) + 1_000);
    wall = Date.UTC(2060, 0, 1);
    expect(time()).toBe(Date.UTC(2030, 0, 1) + 1_000);
  });
});
