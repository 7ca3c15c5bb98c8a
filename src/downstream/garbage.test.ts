import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { createInbox } from "../../test/fixtures/agents/wire.ts";
import { done } from "../../test/fixtures/front/fake-front.ts";
import { httpFront } from "../../test/fixtures/front/http.ts";
import { Payload } from "../core/payload.ts";
import type { Signal } from "../core/signal.ts";

const _meta = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientCapabilities": {},
  progressToken: 9,
};
const bodyOf = (id: number) =>
  JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params: { name: "run", _meta } });
const headOf = (host: string, ...more: string[]) =>
  [
    "POST /mcp HTTP/1.1",
    `host: ${host}`,
    "content-type: application/json",
    "accept: application/json, text/event-stream",
    "mcp-protocol-version: 2026-07-28",
    "mcp-method: tools/call",
    "mcp-name: run",
    ...more,
    "",
    "",
  ].join("\r\n");
const callOf = (host: string, id: number) => {
  const body = bodyOf(id);
  return headOf(host, `content-length: ${body.length}`) + body;
};

/** What no server can read as a request. */
const GARBAGE: Readonly<Record<string, (host: string) => string | Buffer>> = {
  words: () => "GARBAGE\r\n\r\n",
  "the beginning of TLS": () => Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03]),
  zeros: () => Buffer.alloc(2_000),
  "HTTP/2": () => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "a header without a colon": host => `POST /mcp HTTP/1.1\r\nhost: ${host}\r\nnonsense\r\n\r\n`,
  "a header with a zero": host => `POST /mcp HTTP/1.1\r\nhost: ${host}\r\nx: a\0b\r\n\r\n`,
  "two lengths": host => headOf(host, "content-length: 1", "content-length: 2"),
  "a length and pieces": host => `${headOf(host, "content-length: 5", "transfer-encoding: chunked")}0\r\n\r\n`,
  "a piece without a size": host => `${headOf(host, "transfer-encoding: chunked")}xyz\r\n{}\r\n`,
  "a long head": host => headOf(host, `x: ${"y".repeat(17_000)}`),
  "a tunnel": () => "CONNECT example.com:443 HTTP/1.1\r\nhost: example.com:443\r\n\r\n",
};
const KINDS = Object.entries(GARBAGE);

interface Running {
  tell(): void;
  finish(): void;
  readonly signal: Signal;
}

async function front() {
  const calls = createInbox<Running>();
  const { base, http } = await httpFront({
    handle: ({ notify, signal }) =>
      new Promise(resolve =>
        calls.push({
          signal,
          tell: () =>
            void notify({ method: "notifications/progress", params: Payload.of({ progressToken: 9, progress: 1 }) }),
          finish: () => resolve(done({ content: [] })),
        }),
      ),
  });
  const host = new URL(base).host;
  return { base, http, host, next: (from = 0) => calls.next(() => true, from), agent: () => agent(base) };
}

/** A connection on which bytes are sent as they are, and that the agent closes only after us. */
function agent(base: string) {
  const { port } = new URL(base);
  const socket = connect({ port: Number(port), host: "127.0.0.1", allowHalfOpen: true }).on("error", () => {});
  onTestFinished(() => void socket.destroy());
  socket.once("end", () => socket.end());
  let text = "";
  socket.on("data", chunk => {
    text += chunk;
  });
  const ended = new Promise<string>(resolve => {
    socket.once("end", () => resolve(text));
    socket.once("close", () => resolve(text));
  });
  return {
    socket,
    ended,
    text: () => text,
    send: (bytes: string | Buffer) => new Promise<void>(resolve => void socket.write(bytes, () => resolve())),
  };
}

/** What came later on another connection has been answered: the garbage has been read, and nobody else is disturbed. */
const elsewhere = async (base: string) => expect(await (await fetch(`${base}/healthz`)).text()).toBe("ok\n");
const statuses = (text: string) => [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status));

describe.each(KINDS)("%s", (_what, garbage) => {
  test("before any request is refused, and the connection ends", async () => {
    const { base, host, agent } = await front();
    const { send, ended } = agent();
    await send(garbage(host));
    await elsewhere(base);
    const [status, ...more] = statuses(await ended);
    expect([400, 431, 501]).toContain(status);
    expect(more).toEqual([]);
  });

  test("after an answer is refused, and the connection ends", async () => {
    const { base, host, next, agent } = await front();
    const { send, ended, socket } = agent();
    await send(callOf(host, 1));
    (await next()).finish();
    await once(socket, "data");
    await send(garbage(host));
    await elsewhere(base);
    const [first, second, ...more] = statuses(await ended);
    expect(first).toBe(200);
    expect([400, 431, 501]).toContain(second);
    expect(more).toEqual([]);
  });

  test.each(["alone", "in a stream", "with more of it", "at once"])(
    "while a call runs does not take its answer away (%s)",
    async how => {
      const { base, host, next, agent } = await front();
      const { send, ended, socket } = agent();
      if (how === "at once") await send(Buffer.concat([Buffer.from(callOf(host, 7)), Buffer.from(garbage(host))]));
      else await send(callOf(host, 7));
      const running = await next();
      if (how === "in a stream") {
        running.tell();
        await once(socket, "data");
      }
      if (how !== "at once") await send(garbage(host));
      await elsewhere(base);
      if (how === "with more of it") {
        for (let at = 0; at < 20; at++) {
          await send(garbage(host));
          await elsewhere(base);
        }
      }
      expect(running.signal.aborted).toBe(false);
      running.finish();
      const text = await ended;
      expect(statuses(text)).toEqual([200]);
      expect(text).toMatch(/"id":7,"result":\{"content":\[\]/);
      // Nothing is in the stream but what belongs there.
      if (how === "in a stream") expect(text.endsWith("\r\n0\r\n\r\n")).toBe(true);
    },
  );

  test("does not take away the answers of several that run on one connection", async () => {
    const { base, host, next, agent } = await front();
    const { send, ended } = agent();
    await send(callOf(host, 1) + callOf(host, 2));
    const [one, two] = [await next(), await next(1)];
    await send(garbage(host));
    await elsewhere(base);
    two.finish();
    one.finish();
    const text = await ended;
    expect(statuses(text)).toEqual([200, 200]);
    expect(text).toMatch(/"id":1,"result"[\s\S]*"id":2,"result"/);
  });

  test("within a body that comes in pieces ends that request, and nothing runs", async () => {
    const { base, host, http, agent } = await front();
    const { send, ended } = agent();
    await send(`${headOf(host, "transfer-encoding: chunked")}5\r\n{"jso\r\n`);
    await send(garbage(host));
    await elsewhere(base);
    const [status, ...more] = statuses(await ended);
    expect([400, 431]).toContain(status);
    expect(more).toEqual([]);
    await expect.poll(() => http.inFlight).toBe(0);
  });

  test("within the body of a request that follows one that runs does not take that one's answer away", async () => {
    const { base, host, next, agent } = await front();
    const { send, ended } = agent();
    await send(`${callOf(host, 1)}${headOf(host, "transfer-encoding: chunked")}5\r\n{"jso\r\n`);
    const running = await next();
    await send(garbage(host));
    await elsewhere(base);
    running.finish();
    const text = await ended;
    expect(statuses(text)[0]).toBe(200);
    expect(text).toMatch(/"id":1,"result"/);
  });
});

test("an agent that leaves after its garbage is noticed, and its call given up", async () => {
  const { base, host, http, next, agent } = await front();
  const { send, socket } = agent();
  await send(callOf(host, 1));
  const running = await next();
  await send("GARBAGE\r\n\r\n");
  await elsewhere(base);
  socket.destroy();
  await expect.poll(() => running.signal.aborted).toBe(true);
  running.finish();
  await expect.poll(() => http.inFlight).toBe(0);
});

test("an agent that closes its side while its call runs hears nothing but the end", async () => {
  const { base, host, next, agent } = await front();
  const { send, socket, ended } = agent();
  await send(callOf(host, 1));
  const running = await next();
  socket.end();
  await elsewhere(base);
  running.finish();
  expect(statuses(await ended)).toEqual([]);
});

test("a stream that never ends by itself goes on after garbage", async () => {
  const { base, host, agent } = await front();
  const { send, socket, text } = agent();
  const params = { notifications: { toolsListChanged: true }, _meta };
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "subscriptions/listen", params });
  const head = headOf(host, `content-length: ${body.length}`)
    .replace("mcp-method: tools/call", "mcp-method: subscriptions/listen")
    .replace("mcp-name: run\r\n", "");
  await send(head + body);
  await once(socket, "data");
  await send("GARBAGE\r\n\r\n");
  await elsewhere(base);
  expect(statuses(text())).toEqual([200]);
  expect(socket.readableEnded).toBe(false);
});

test("garbage without end is not read for ever", async () => {
  const { host, next, agent } = await front();
  const { send, socket } = agent();
  await send(callOf(host, 1));
  await next();
  const piece = Buffer.alloc(4 * 1024 * 1024, 0x20);
  let sent = 0;
  for (; sent < 512 * 1024 * 1024 && !socket.destroyed; sent += piece.length) await send(piece);
  expect(socket.destroyed).toBe(true);
});
