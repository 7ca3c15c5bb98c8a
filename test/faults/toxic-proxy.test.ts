import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { poll } from "../fixtures/poll.ts";
import { mulberry32, startToxicProxy, type ToxicProxy } from "./toxic-proxy.ts";

/** Sends back what it gets, and keeps count. */
let server: Server;
let proxy: ToxicProxy;
let served: { socket: Socket; text: () => string; ended: () => boolean; error: () => string | undefined }[] = [];
const clients: Socket[] = [];

beforeEach(async () => {
  served = [];
  server = createServer({ allowHalfOpen: true }, socket => {
    let [text, ended] = ["", false];
    let error: string | undefined;
    socket.on("data", bytes => {
      text += bytes.toString();
      if (socket.writable) socket.write(bytes);
    });
    socket.on("end", () => {
      ended = true;
      socket.end();
    });
    socket.on("error", (failed: NodeJS.ErrnoException) => {
      error = failed.code;
    });
    served.push({ socket, text: () => text, ended: () => ended, error: () => error });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  proxy = await startToxicProxy({ port: (server.address() as AddressInfo).port });
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await proxy.close();
  for (const { socket } of served) socket.destroy();
  server.close();
});

async function open() {
  const socket = connect({ port: proxy.port, host: "127.0.0.1", allowHalfOpen: true });
  clients.push(socket);
  const pieces: string[] = [];
  let [ended, closed] = [false, false];
  let error: string | undefined;
  socket.on("data", bytes => pieces.push(bytes.toString()));
  socket.on("end", () => {
    ended = true;
  });
  socket.on("close", () => {
    closed = true;
  });
  socket.on("error", (failed: NodeJS.ErrnoException) => {
    error = failed.code;
  });
  await once(socket, "connect");
  return {
    socket,
    pieces,
    text: () => pieces.join(""),
    ended: () => ended,
    closed: () => closed,
    error: () => error,
    say: (text: string) => socket.write(text),
    until: async (check: () => boolean) => expect(await poll(check, { everyMs: 5 })).toBe(true),
  };
}

describe("the proxy", () => {
  test("passes everything on, both ways, and the end of each direction", async () => {
    const client = await open();
    client.say("hello");
    await client.until(() => client.text() === "hello");
    expect(proxy.passed).toEqual({ up: 5, down: 5 });
    client.socket.end();
    await client.until(client.closed);
    expect([served[0]?.ended(), client.ended(), client.error()]).toEqual([true, true, undefined]);
    expect(await poll(() => proxy.connections.open === 0)).toBe(true);
    expect(proxy.connections.total).toBe(1);
  });

  test("carries more than fits into its buffers, unchanged", async () => {
    const client = await open();
    const text = "0123456789abcdef".repeat(256 * 1024);
    client.say(text);
    await client.until(() => client.text().length === text.length);
    expect(client.text() === text).toBe(true);
  });

  test("refuses while it is down, and is back on the same port", async () => {
    const client = await open();
    const { port } = proxy;
    await proxy.down();
    await client.until(client.closed);
    await expect(open()).rejects.toThrow(/ECONNREFUSED/);
    await proxy.up();
    expect(proxy.port).toBe(port);
    const again = await open();
    again.say("back");
    await again.until(() => again.text() === "back");
  });

  test("resets what is open, and takes new connections", async () => {
    const client = await open();
    client.say("a");
    await client.until(() => client.text() === "a");
    proxy.resetAll();
    await client.until(client.closed);
    expect(client.error()).toBe("ECONNRESET");
    await open();
  });

  test("passes a reset of either side on as a reset", async () => {
    const client = await open();
    client.say("a");
    await client.until(() => client.text() === "a");
    served[0]?.socket.resetAndDestroy();
    await client.until(client.closed);
    expect(client.error()).toBe("ECONNRESET");
  });
});

describe("a toxic", () => {
  test("latency delays, and keeps the order whatever the jitter", async () => {
    proxy.add("up", { kind: "latency", ms: 60, jitterMs: 50 });
    const client = await open();
    const start = performance.now();
    for (const letter of "abcdefgh") {
      client.say(letter);
      await new Promise(setImmediate);
    }
    await client.until(() => client.text().length === 8);
    expect(client.text()).toBe("abcdefgh");
    expect(performance.now() - start).toBeGreaterThan(9);
  });

  test("latency is gone as soon as it is taken back", async () => {
    const takeBack = proxy.add("down", { kind: "latency", ms: 600_000 });
    takeBack();
    const client = await open();
    client.say("now");
    await client.until(() => client.text() === "now");
  });

  test("bandwidth makes bytes cost time", async () => {
    proxy.add("down", { kind: "slicer", bytes: 100 });
    proxy.add("down", { kind: "bandwidth", bytesPerSecond: 5_000 });
    const client = await open();
    const start = performance.now();
    client.say("x".repeat(1_000));
    await client.until(() => client.text().length === 1_000);
    // The last piece need not be waited for.
    expect(performance.now() - start).toBeGreaterThan(150);
  });

  test("slicer cuts, the same way for the same seed", async () => {
    proxy.add("down", { kind: "slicer", bytes: 3, varyBytes: 2, delayMs: 2 });
    const client = await open();
    client.say("abcdefghijklmnopqrstuvwxyz");
    await client.until(() => client.text().length === 26);
    expect(client.text()).toBe("abcdefghijklmnopqrstuvwxyz");
    expect(client.pieces.length).toBeGreaterThan(3);
    const [a, b] = [mulberry32(7), mulberry32(7)];
    const drawn = Array.from({ length: 100 }, a);
    expect(drawn).toEqual(Array.from({ length: 100 }, b));
    expect(drawn.every(number => number >= 0 && number < 1)).toBe(true);
    expect(new Set(drawn).size).toBe(100);
  });

  test("reset strikes at the first byte, or after so many", async () => {
    proxy.add("down", { kind: "reset", afterBytes: 4 });
    const client = await open();
    client.say("abcd");
    await client.until(() => client.text() === "abcd");
    client.say("e");
    await client.until(client.closed);
    expect([client.text(), client.error()]).toEqual(["abcd", "ECONNRESET"]);
    expect(served[0]?.text()).toBe("abcde");
    await client.until(() => served[0]?.error() === "ECONNRESET");
    proxy.clear();
    proxy.add("up", { kind: "reset" });
    const other = await open();
    other.say("f");
    await other.until(other.closed);
    expect([served[1]?.text(), other.error()]).toEqual(["", "ECONNRESET"]);
  });

  test("reset strikes each connection somewhere else, where it may vary", async () => {
    proxy.add("up", { kind: "reset", afterBytes: 1, varyBytes: 1_000 });
    const struckAt: (number | undefined)[] = [];
    for (let at = 0; at < 6; at++) {
      const client = await open();
      client.say("x".repeat(1_001));
      await client.until(client.closed);
      await client.until(() => served[at]?.error() === "ECONNRESET");
      struckAt.push(served[at]?.text().length);
    }
    expect(struckAt.every(bytes => bytes !== undefined && bytes <= 1_000)).toBe(true);
    expect(new Set(struckAt).size).toBeGreaterThan(1);
  });

  test("half_close ends one direction and leaves the other open", async () => {
    proxy.add("down", { kind: "half_close", afterBytes: 2 });
    const client = await open();
    client.say("abc");
    await client.until(client.ended);
    expect(client.text()).toBe("ab");
    client.say("more");
    await client.until(() => served[0]?.text() === "abcmore");
    expect([client.closed(), client.text()]).toEqual([false, "ab"]);
  });

  test("blackhole swallows on open connections too, and says nothing", async () => {
    const client = await open();
    client.say("a");
    await client.until(() => client.text() === "a");
    const takeBack = proxy.add("up", { kind: "blackhole" });
    client.say("b");
    const other = await open();
    other.say("c");
    await client.until(() => served.length === 2);
    takeBack();
    client.say("d");
    other.say("e");
    await client.until(() => client.text() === "ad" && other.text() === "e");
    expect(client.closed() || other.closed()).toBe(false);
  });

  test("limit_data ends the connection in good order after so many bytes", async () => {
    proxy.add("down", { kind: "limit_data", bytes: 3 });
    const client = await open();
    client.say("abcdef");
    await client.until(() => client.ended() && served[0]?.ended() === true);
    client.socket.end("unheard");
    await client.until(client.closed);
    expect([client.text(), client.error(), served[0]?.text()]).toEqual(["abc", undefined, "abcdef"]);
  });

  test("timeout swallows, and ends the connection some time later", async () => {
    proxy.add("down", { kind: "timeout", ms: 30 });
    const client = await open();
    client.say("abc");
    await client.until(client.ended);
    client.socket.end();
    await client.until(client.closed);
    expect([client.text(), client.error(), served[0]?.text()]).toEqual(["", undefined, "abc"]);
  });
});
