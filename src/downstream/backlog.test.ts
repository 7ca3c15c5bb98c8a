import { once } from "node:events";
import { createServer, type Server, ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { createInbox } from "../../test/fixtures/agents/wire.ts";
import { systemClock } from "../lib/clock.ts";
import { type BacklogLimits, createBacklog } from "./backlog.ts";
import { createBodyRoom } from "./body-room.ts";
import type { Inbound } from "./inbound.ts";
import type { Outbound } from "./outbound.ts";
import { openReaders } from "./readers.ts";

const PIECE = Buffer.alloc(64 * 1024, 0x78);

/** Who reads the requests and writes the responses. */
const READERS: Readonly<Record<string, (receive: (request: Inbound, response: Outbound) => void) => Server>> = {
  "node:http": receive => createServer((request, response) => receive(request, response)),
  "the strict reader": receive => {
    const bodies = createBodyRoom({ clock: systemClock, maxBytes: 1024 });
    return openReaders({ ...READ_LIMITS, maxHeaderSize: 16_384 }, { bodies, receive }).server;
  },
};
const READ_LIMITS = {
  ...{ headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 65_000 },
  connectionsCheckingInterval: 5_000,
};

/** Responses to agents that read only when told to. */
async function responses(limits: Partial<BacklogLimits> = {}, reader = "node:http") {
  const backlog = createBacklog(systemClock, limits);
  const received = createInbox<Outbound>();
  const server = READERS[reader]!((_request, response) => received.push(response)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  return {
    ...{ backlog, received },
    async open(): Promise<{ response: Outbound; agent: Socket; closed: Promise<unknown> }> {
      const agent = connect(port, "127.0.0.1").pause();
      agent.on("error", () => {});
      onTestFinished(() => void agent.destroy());
      agent.write("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n");
      const response = await received.next(() => true, received.all.length);
      response.writeHead(200, { "content-type": "text/event-stream" });
      return { response, agent, closed: new Promise<void>(resolve => response.once("close", resolve)) };
    },
  };
}

/** Writes until the kernel takes no more and so much waits with us. */
async function fill(response: Outbound, bytes: number): Promise<void> {
  while (response.writableLength < bytes) {
    response.write(PIECE);
    await new Promise(setImmediate);
  }
}

describe.each(Object.keys(READERS))("an agent that does not read what %s writes", reader => {
  test("lets whoever fills its stream wait, and go on once it reads again", async () => {
    const { backlog, open } = await responses({}, reader);
    const { response, agent } = await open();
    expect(backlog.write(response, [PIECE])).toBeUndefined();
    await fill(response, 300 * 1024);
    const behind = backlog.write(response, [PIECE]);
    expect(backlog.bytes).toBeGreaterThan(256 * 1024);
    const caughtUp = new Promise<void>(resolve => behind?.caughtUp(resolve));
    agent.resume();
    await caughtUp;
    expect(backlog.bytes).toBe(0);
    expect(backlog.write(response, [PIECE])).toBeUndefined();
  });

  test("is cut off when too much waits, and whoever waited for it goes on", async () => {
    const { backlog, open } = await responses({}, reader);
    const { response, closed } = await open();
    await fill(response, 1024 * 1024 + 1);
    const behind = backlog.write(response, []);
    expect(behind).toBeUndefined();
    expect(response.destroyed).toBe(true);
    await closed;
    expect(backlog.bytes).toBe(0);
  });

  test("is cut off when it has taken nothing for a while, also of an answer that was written whole", async () => {
    const { backlog, open } = await responses({ stallMs: 200 }, reader);
    const { agent, response, closed } = await open();
    response.end(Buffer.alloc(16 * 1024 * 1024));
    backlog.written(response);
    expect(backlog.bytes).toBeGreaterThan(0);
    await closed;
    expect(backlog.bytes).toBe(0);
    expect(agent.bytesRead).toBeLessThan(16 * 1024 * 1024);
  });

  test("is cut off when the time is over, and not when it is over twice", async () => {
    const { backlog, open } = await responses({ stallMs: 3_000 }, reader);
    const { response, closed } = await open();
    response.end(Buffer.alloc(16 * 1024 * 1024));
    backlog.written(response);
    const begun = performance.now();
    // What the kernel took at first is no sign that the agent reads.
    const late = new AbortController();
    const first = await Promise.race([
      closed.then(() => "cut off"),
      sleep(5_000, "too late", { signal: late.signal }).catch(() => "aborted"),
    ]);
    late.abort();
    expect(first).toBe("cut off");
    expect(performance.now() - begun).toBeGreaterThan(2_900);
  });

  test("is cut off with its connection, also where an earlier answer is still to come", async () => {
    const { backlog, received, open } = await responses({ totalBytes: 4 * 1024 * 1024 }, reader);
    const { agent } = await open();
    agent.resume().write("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n");
    const second = await received.next(() => true, 1);
    second.end(Buffer.alloc(2 * 1024 * 1024));
    backlog.written(second);
    const third = await open();
    const closed = once(agent, "close");
    third.response.end(Buffer.alloc(16 * 1024 * 1024));
    backlog.written(third.response);
    await closed;
  });

  test("that has waited for longest is cut off when too much waits for all", async () => {
    const { backlog, open } = await responses({ totalBytes: 20 * 1024 * 1024 }, reader);
    const agents = [await open(), await open(), await open()];
    for (const { response } of agents) {
      response.end(Buffer.alloc(12 * 1024 * 1024));
      backlog.written(response);
    }
    expect(agents.map(({ response }) => response.destroyed)).toEqual([true, true, false]);
    expect(backlog.bytes).toBeLessThanOrEqual(20 * 1024 * 1024);
  });
});

describe.each(Object.keys(READERS))("an agent that reads what %s writes", reader => {
  test("slowly is not cut off, however long that takes", async () => {
    const stallMs = 1_500;
    const bytes = 32 * 1024 * 1024;
    const { backlog, open } = await responses({ stallMs }, reader);
    const { agent, response } = await open();
    let read = 0;
    agent.on("data", chunk => {
      read += chunk.length;
      agent.pause();
    });
    const from = performance.now();
    const reading = setInterval(() => void agent.resume(), 10);
    onTestFinished(() => clearInterval(reading));
    response.end(Buffer.alloc(bytes));
    backlog.written(response);
    await new Promise<void>(resolve => response.once("finish", resolve));
    expect(performance.now() - from).toBeGreaterThan(1.5 * stallMs);
    await expect.poll(() => read, { timeout: 30_000 }).toBeGreaterThan(bytes);
    expect(backlog.bytes).toBe(0);
  });

  test("gets a message of any size, and the next one on the same connection", async () => {
    const { backlog, open } = await responses({ stallMs: 5_000 }, reader);
    const { response, agent } = await open();
    let read = 0;
    agent.on("data", chunk => {
      read += chunk.length;
    });
    agent.resume();
    const behind = backlog.write(response, [Buffer.alloc(8 * 1024 * 1024)]);
    await new Promise<void>(resolve => (behind ? behind.caughtUp(resolve) : resolve()));
    expect(backlog.write(response, [Buffer.alloc(8 * 1024 * 1024)])).toBeDefined();
    response.end();
    backlog.written(response);
    await new Promise<void>(resolve => response.once("finish", resolve));
    await expect.poll(() => read).toBeGreaterThan(16 * 1024 * 1024);
    expect(agent.destroyed).toBe(false);
    expect(backlog.bytes).toBe(0);
    if (response instanceof ServerResponse) expect(response.listenerCount("timeout")).toBe(0);
  });
});
