import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { httpFront } from "../../test/fixtures/front/http.ts";
import { LINGER } from "./linger.ts";

const MB = 1024 * 1024;
const TOO_LARGE = Buffer.alloc(6 * MB, 0x20);
const HEADERS = { "content-type": "application/json" };

/** A connection on which bytes are sent as they are, closed by us only in the end; what came back is gathered. */
function raw(base: string) {
  const { port } = new URL(base);
  const socket = connect({ port: Number(port), host: "127.0.0.1", allowHalfOpen: true }).on("error", () => {});
  onTestFinished(() => void socket.destroy());
  let text = "";
  socket.on("data", chunk => {
    text += chunk;
  });
  return {
    socket,
    ended: new Promise<string>(resolve => void socket.once("end", () => resolve(text))),
    closed: new Promise<string>(resolve => void socket.once("close", () => resolve(text))),
    send: (bytes: string | Buffer) => new Promise<void>(resolve => void socket.write(bytes, () => resolve())),
  };
}
const head = (base: string, ...lines: string[]): string =>
  [`POST /mcp HTTP/1.1`, `host: ${new URL(base).host}`, ...lines, "", ""].join("\r\n");
const chunk = `${(64 * 1024).toString(16)}\r\n${" ".repeat(64 * 1024)}\r\n`;

describe("a body that is not wanted is taken to its end, so that every agent sees the answer", () => {
  const stream = () =>
    new ReadableStream({
      start(controller) {
        for (let at = 0; at < 6; at++) controller.enqueue(TOO_LARGE.subarray(at * MB, (at + 1) * MB));
        controller.close();
      },
    });

  test.each<[string, RequestInit & { duplex?: "half" }, number, number]>([
    ["too large", { headers: HEADERS, body: TOO_LARGE }, 413, -31011],
    ["too large, its length unannounced", { headers: HEADERS, body: stream(), duplex: "half" }, 413, -31011],
    ["of another type", { headers: { "content-type": "text/plain" }, body: TOO_LARGE }, 415, -32600],
    ["compressed", { headers: { ...HEADERS, "content-encoding": "gzip" }, body: TOO_LARGE }, 415, -32600],
    ["with too many headers", { headers: Object.fromEntries(numbered(101)), body: TOO_LARGE }, 431, -32600],
  ])("by fetch: %s", async (_what, sent, status, code) => {
    const { url } = await httpFront();
    const response = await fetch(url, { method: "POST", ...sent } as RequestInit);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ jsonrpc: "2.0", error: { code } });
  });

  test("by an agent that reads only when it has sent everything", async () => {
    const { base } = await httpFront();
    const { socket, send, ended } = raw(base);
    socket.pause();
    await send(head(base, "content-type: application/json", `content-length: ${TOO_LARGE.length}`));
    await send(TOO_LARGE);
    socket.resume();
    expect(await ended).toMatch(/^HTTP\/1\.1 413 [\s\S]*connection: close[\s\S]*"code":-31011/i);
  });

  test("when so many large ones come that there is no room", async () => {
    const { url } = await httpFront({ limits: { bodyBytes: 100_000 } });
    const response = await fetch(url, { method: "POST", headers: HEADERS, body: TOO_LARGE.subarray(0, 3 * MB) });
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
  });

  test("but not for ever: neither what never ends nor what never comes", async () => {
    const { base, http } = await httpFront();
    const endless = raw(base);
    await endless.send(head(base, "content-type: application/json", "transfer-encoding: chunked"));
    let sent = 0;
    for (; sent <= 4 * LINGER.bytes && !endless.socket.destroyed; sent += 64 * 1024) await endless.send(chunk);
    expect(await endless.closed).toMatch(/^HTTP\/1\.1 413 /);
    expect(sent).toBeGreaterThan(LINGER.bytes);
    expect(sent).toBeLessThan(2 * LINGER.bytes);
    const silent = raw(base);
    await silent.send(head(base, "content-type: application/json", `content-length: ${TOO_LARGE.length}`));
    expect(await silent.ended).toMatch(/^HTTP\/1\.1 413 /);
    expect(http.inFlight).toBe(1);
    // The connection goes although this side of it stays open.
    await expect.poll(() => http.inFlight, { timeout: 30_000 }).toBe(0);
  });
});

describe("an agent that asks for leave to send its body", () => {
  const CALL = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" });
  const asking = (base: string, length: number, type = "application/json") =>
    head(base, `content-type: ${type}`, `content-length: ${length}`, "expect: 100-continue", "connection: close");

  test("gets it, and then its answer", async () => {
    const { base } = await httpFront();
    const { socket, send, ended } = raw(base);
    await send(asking(base, CALL.length));
    const [leave] = await once(socket, "data");
    expect(String(leave)).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    await send(CALL);
    // It is no session's; that it was read is what counts.
    expect(await ended).toMatch(/100 Continue\r\n\r\nHTTP\/1\.1 400 [\s\S]*"id":1/);
  });

  test.each([
    ["too large", (base: string) => asking(base, TOO_LARGE.length), 413],
    ["of another type", (base: string) => asking(base, CALL.length, "text/plain"), 415],
    ["for nobody", (base: string) => asking(base, CALL.length).replace("/mcp", "/nothing"), 404],
    ["from another origin", (base: string) => asking(base, CALL.length).replace("expect", "origin: x\r\nexpect"), 403],
  ])(
    "gets the answer instead where it is %s, and no request can follow that could be the body",
    async (_, text, status) => {
      const { base } = await httpFront();
      const { send, ended } = raw(base);
      await send(text(base).replace("connection: close\r\n", ""));
      expect(await ended).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [\\s\\S]*connection: close`, "i"));
    },
  );
});

describe("what is no request is told what is wrong", () => {
  test.each([
    [
      "a long address",
      (host: string) => `GET /${"x".repeat(17_000)} HTTP/1.1\r\nhost: ${host}\r\n\r\n`,
      431,
      /larger than 16384 bytes/,
    ],
    [
      "long headers",
      (host: string) => `GET / HTTP/1.1\r\nhost: ${host}\r\nx: ${"y".repeat(17_000)}\r\n\r\n`,
      431,
      /larger than 16384/,
    ],
    ["no HTTP at all", () => "HELLO\r\n\r\n", 400, /no HTTP/],
    ["HTTPS", () => Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03]), 400, /no HTTP/],
  ])("%s", async (_what, text, status, why) => {
    const { base } = await httpFront();
    const { send, ended } = raw(base);
    await send(text(new URL(base).host));
    const answer = await ended;
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    const [, body = ""] = answer.split("\r\n\r\n");
    expect((JSON.parse(body) as { error: { message: string } }).error.message).toMatch(why);
  });
});

function* numbered(count: number): Generator<readonly [string, string]> {
  for (let at = 0; at < count; at++) yield [`x-${at}`, "y"];
}
