import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { httpFront, openEvents } from "../../test/fixtures/front/http.ts";
import { SHED_ORDER } from "../core/pressure.ts";

const JSON_TYPE = "content-type: application/json\r\n";

/** A connection on which bytes are sent as they are; what came back is gathered. */
function raw(base: string): { socket: Socket; answer: Promise<string> } {
  const { port } = new URL(base);
  const socket = connect(Number(port), "127.0.0.1").on("error", () => {});
  onTestFinished(() => void socket.destroy());
  let text = "";
  socket.on("data", chunk => {
    text += chunk;
  });
  return { socket, answer: once(socket, "close").then(() => text) };
}
const head = (base: string, more = ""): string => `POST /mcp HTTP/1.1\r\nhost: ${new URL(base).host}\r\n${more}`;

describe("a request that costs more than it may", () => {
  test("by the length of its body is refused before the body is sent (T-25)", async () => {
    const { base } = await httpFront();
    const { socket, answer } = raw(base);
    socket.write(`${head(base, JSON_TYPE)}content-length: ${4 * 1024 * 1024 + 1}\r\n\r\n`);
    expect(await answer).toMatch(/^HTTP\/1\.1 413 [\s\S]*connection: close[\s\S]*"code":-31011/i);
  });

  test("by the number of its headers is refused, and not told to come back", async () => {
    const { base } = await httpFront();
    const { socket, answer } = raw(base);
    socket.write(`${head(base, "x: y\r\n".repeat(100))}\r\n`);
    const refused = await answer;
    expect(refused).toMatch(/^HTTP\/1\.1 431 [\s\S]*connection: close/i);
    expect(refused).not.toMatch(/retry-after/i);
  });

  test("by a body without an announced length is refused while it comes (T-25)", async () => {
    const { base } = await httpFront();
    const { socket, answer } = raw(base);
    socket.write(`${head(base, JSON_TYPE)}transfer-encoding: chunked\r\n\r\n`);
    const chunk = `10000\r\n${" ".repeat(65_536)}\r\n`;
    for (let chunks = 0; chunks < 64; chunks++) socket.write(chunk);
    // The body might go on for ever; this byte is one too many.
    socket.write("1\r\n \r\n");
    expect(await answer).toMatch(/^HTTP\/1\.1 413 /);
  });

  test("as one of many large bodies at one time is told to come back, and small ones are read (T-25)", async () => {
    const { base, agent } = await httpFront({ limits: { bodyBytes: 300_000 } });
    const part = (bytes: number) => `${head(base, JSON_TYPE)}content-length: 500000\r\n\r\n${" ".repeat(bytes)}`;
    const first = raw(base);
    first.socket.write(part(200_000));
    const second = raw(base);
    second.socket.write(part(200_000));
    const refused = Promise.race([first.answer, second.answer]);
    expect(await refused).toMatch(/^HTTP\/1\.1 503 [\s\S]*retry-after: 1[\s\S]*"code":-31005/i);
    const session = await agent("2025-11-25");
    expect((await session.request("tools/call", { name: "run" })).message?.result).toBeDefined();
    first.socket.destroy();
    second.socket.destroy();
    // What they held is free again.
    const params = { name: "run", arguments: { text: "x".repeat(250_000) } };
    await expect.poll(async () => (await session.request("tools/call", params)).message?.result).toBeDefined();
  });

  test("by what would be kept for long is refused: capabilities of a session, parameters of a subscription", async () => {
    const { url, agent } = await httpFront();
    const large = { experimental: { junk: { text: "x".repeat(70_000) } } };
    const refused = await agent("2025-11-25", { capabilities: large });
    expect(refused.opening.message?.error?.code).toBe(-31011);
    const meta = { "io.modelcontextprotocol/protocolVersion": "2026-07-28" };
    const _meta = { ...meta, "io.modelcontextprotocol/clientCapabilities": {}, junk: "x".repeat(300_000) };
    const subscription = await openEvents(url, {
      body: JSON.stringify({
        jsonrpc: "2.0",
        id: 1,
        method: "subscriptions/listen",
        params: { _meta, notifications: {} },
      }),
      headers: { "mcp-protocol-version": "2026-07-28", "mcp-method": "subscriptions/listen" },
    });
    expect(JSON.parse(await subscription.text())).toMatchObject({ error: { code: -31011 } });
  });

  test.each(["gzip", "br", "deflate"])("by a compression (%s) is refused unread (T-25)", async encoding => {
    const { base } = await httpFront();
    const { socket, answer } = raw(base);
    socket.write(`${head(base, JSON_TYPE)}content-encoding: ${encoding}\r\ncontent-length: 1000\r\n\r\n`);
    expect(await answer).toMatch(/^HTTP\/1\.1 415 /);
  });

  test("by its headers is refused: their size, and their number", async () => {
    const { base } = await httpFront();
    const large = raw(base);
    large.socket.write(`${head(base)}x: ${"y".repeat(17_000)}\r\n\r\n`);
    expect(await large.answer).toMatch(/^HTTP\/1\.1 431 /);
    const many = raw(base);
    many.socket.write(`${head(base)}${Array.from({ length: 101 }, (_, at) => `x-${at}: y\r\n`).join("")}\r\n`);
    expect(await many.answer).toMatch(/^HTTP\/1\.1 431 /);
  });
});

describe("connections that drip", () => {
  const SHORT = { headersTimeout: 700, requestTimeout: 1_500, connectionsCheckingInterval: 100 };

  test("hold no place longer because they do not close either", async () => {
    const { base } = await httpFront({ maxConnections: 1, limits: SHORT });
    const port = Number(new URL(base).port);
    const dripper = connect({ port, host: "127.0.0.1", allowHalfOpen: true }).on("error", () => {});
    onTestFinished(() => void dripper.destroy());
    dripper.write(head(base));
    const [answer] = await once(dripper, "data");
    expect(String(answer)).toMatch(/^HTTP\/1\.1 408 /);
    await expect.poll(async () => (await fetch(`${base}/mcp`, { headers: { connection: "close" } })).status).toBe(405);
  });

  test("are closed in time, and agents beside them are all served (T-24, G-19)", async () => {
    const { base, agent } = await httpFront({ maxConnections: 1_000, limits: SHORT });
    const drippers = Array.from({ length: 200 }, (_, at) => {
      const dripper = raw(base);
      // Half of them never finish their headers, the others never their body.
      dripper.socket.write(at % 2 === 0 ? head(base) : `${head(base, JSON_TYPE)}content-length: 1000\r\n\r\n`);
      const timer = setInterval(() => dripper.socket.write(at % 2 === 0 ? "x: y\r\n" : " "), 100);
      onTestFinished(() => clearInterval(timer));
      return { ...dripper, end: dripper.answer.finally(() => clearInterval(timer)) };
    });
    let gone = false;
    const all = Promise.all(drippers.map(({ end }) => end)).finally(() => {
      gone = true;
    });
    const one = await agent("2025-11-25");
    let served = 0;
    do {
      const { message } = await one.request("tools/call", { name: "run" });
      expect(message?.result).toBeDefined();
      served++;
    } while (!gone);
    for (const text of await all) expect(text).toMatch(/^HTTP\/1\.1 408 /);
    expect(served).toBeGreaterThan(5);
  });
});

describe("under pressure", () => {
  const under = (level: number) => {
    let now = level;
    return {
      relieve: () => {
        now = 0;
      },
      pressure: {
        get level() {
          return now;
        },
        get closing() {
          return now > 0;
        },
        sheds: (what: (typeof SHED_ORDER)[number]) => now > SHED_ORDER.indexOf(what),
        whenCalm: (_key: object, run: () => void) => run(),
        stop() {},
      },
    };
  };

  test("new sessions and lists are refused, health is told, and connections close after their answer", async () => {
    const { pressure, relieve } = under(3);
    const { base, agent } = await httpFront({ pressure });
    const refused = await agent("2025-11-25");
    expect(refused.opening.message?.error).toMatchObject({ code: -31005, data: { gateway: { retryAfterMs: 1_000 } } });
    expect(refused.opening.headers).toMatchObject({ connection: "close", "retry-after": "1" });
    expect((await fetch(`${base}/sse`)).status).toBe(503);
    expect((await fetch(`${base}/healthz`)).status).toBe(200);
    relieve();
    const session = await agent("2025-11-25");
    expect((await session.request("tools/list")).message?.result).toBeDefined();
  });

  test("a session that is open gets no lists, but its calls go on", async () => {
    let level = 0;
    const { pressure } = under(0);
    const { agent } = await httpFront({
      pressure: { ...pressure, sheds: what => level > SHED_ORDER.indexOf(what) },
    });
    const session = await agent("2025-11-25");
    level = 3;
    expect((await session.request("tools/list")).message?.error?.code).toBe(-31005);
    expect((await session.request("tools/call", { name: "run" })).message?.result).toBeDefined();
  });
});
