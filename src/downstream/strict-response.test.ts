import { once } from "node:events";
import { type AddressInfo, connect, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { createInbox } from "../../test/fixtures/agents/wire.ts";
import { systemClock } from "../lib/clock.ts";
import { createBodyRoom } from "./body-room.ts";
import type { Outbound } from "./outbound.ts";
import { openReaders } from "./readers.ts";

const LIMITS = {
  ...{ headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 65_000, maxHeaderSize: 16_384 },
  connectionsCheckingInterval: 5_000,
};

/** The response to an agent's request that was read strictly; the agent reads when it is told to. */
async function response(): Promise<{ response: Outbound; agent: Socket }> {
  const received = createInbox<Outbound>();
  const { server, strict } = openReaders(LIMITS, {
    bodies: createBodyRoom({ clock: systemClock, maxBytes: 1_024 }),
    receive: (_request, response) => received.push(response),
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    server.close();
    strict.closeAll();
    await once(server, "close");
  });
  const agent = connect((server.address() as AddressInfo).port, "127.0.0.1").pause();
  onTestFinished(() => void agent.destroy());
  agent.on("error", () => {}).write("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n");
  return { response: await received.next(() => true), agent };
}

async function readAll(agent: Socket): Promise<string> {
  let text = "";
  for await (const chunk of agent) text += chunk;
  return text;
}

test.each(["a\r\nx: y", "a\nb", "a\rb", "a\0b", "\u{1f600}"])("a header with %j is never sent", async value => {
  const { response: refused } = await response();
  expect(() => refused.writeHead(200, { x: value })).toThrow();
});

test("a head is written once", async () => {
  const { response: written } = await response();
  written.writeHead(200);
  expect(() => written.writeHead(200)).toThrow();
  expect(written.headersSent).toBe(true);
});

test("one after which its connection closes says so, and it does", async () => {
  const { response: last, agent } = await response();
  last.shouldKeepAlive = false;
  last.writeHead(200, ["content-length", "2"]);
  last.end("ok");
  expect(await readAll(agent)).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\nConnection: close\r\n\r\nok$/);
});

test("is over when the kernel has taken all of it, and not before", async () => {
  const { response: large, agent } = await response();
  const events: string[] = [];
  for (const event of ["finish", "close"] as const) large.on(event, () => void events.push(event));
  large.writeHead(200);
  large.end(Buffer.alloc(16 * 1024 * 1024));
  await new Promise(setImmediate);
  expect([large.writableEnded, large.writableFinished, large.destroyed]).toEqual([true, false, false]);
  expect(large.writableLength).toBeGreaterThan(0);
  expect(events).toEqual([]);
  agent.resume();
  await new Promise<void>(resolve => large.once("close", resolve));
  expect(large.writableFinished).toBe(true);
  expect(events).toEqual(["finish", "close"]);
});

test("nothing is said after its end, or after it was given up", async () => {
  const { response: ended, agent } = await response();
  ended.writeHead(200, ["content-length", "2", "connection", "close"]);
  ended.end("ok");
  ended.write("late");
  ended.end("late");
  expect(await readAll(agent)).toMatch(/\r\n\r\nok$/);
  const { response: given, agent: gone } = await response();
  given.destroy();
  given.write("late");
  expect(await readAll(gone)).toBe("");
});
