import { Agent, request } from "node:http";
import { connect, type Socket } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { httpFront, openEvents } from "../../test/fixtures/front/http.ts";
import type { Subscription } from "../core/front.ts";

const CALL = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" });

/** Connections that stay open and carry one request after the other. */
function connections(url: string) {
  return () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => agent.destroy());
    return {
      post: (path = "", body = CALL) =>
        new Promise<{ status: number; retryAfter: string | undefined; closes: boolean; text: string }>(
          (resolve, reject) => {
            const headers = { "content-type": "application/json", accept: "application/json, text/event-stream" };
            const sent = request(`${url}${path}`, { method: path ? "GET" : "POST", agent, headers }, response => {
              let text = "";
              response.on("data", chunk => {
                text += chunk;
              });
              response.on("end", () =>
                resolve({
                  text,
                  status: response.statusCode ?? 0,
                  retryAfter: response.headers["retry-after"],
                  closes: response.headers.connection === "close",
                }),
              );
            });
            sent.on("error", reject).end(path ? undefined : body);
          },
        ),
      close: () => agent.destroy(),
    };
  };
}

describe("a connection beyond the limit", () => {
  test("is told so, closed, and let in once another one has ended", async () => {
    const { base } = await httpFront({ maxConnections: 2 });
    const open = connections(`${base}/mcp`);
    const [one, two, three] = [open(), open(), open()];
    for (const fine of [one, two]) expect((await fine.post()).status).toBe(400);
    const refused = await three.post();
    expect(refused).toMatchObject({ status: 503, retryAfter: "1", closes: true });
    expect(JSON.parse(refused.text)).toMatchObject({ error: { code: -31005 } });
    expect((await one.post()).status).toBe(400);
    two.close();
    await expect.poll(async () => (await open().post()).status).toBe(400);
  });

  test("still learns how the gateway is doing", async () => {
    const { base } = await httpFront({ maxConnections: 1 });
    const fine = connections(`${base}/mcp`)();
    await fine.post();
    const beyond = connections(base)();
    expect(await beyond.post("/healthz")).toMatchObject({ status: 200, closes: true });
  });

  test("is closed at once where very many are", async () => {
    const { base } = await httpFront({ maxConnections: 1 });
    const { port } = new URL(base);
    const sockets = Array.from({ length: 30 }, () => connect(Number(port), "127.0.0.1"));
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
    });
    const closed = (socket: Socket): Promise<unknown> =>
      new Promise(resolve => socket.on("error", resolve).on("close", resolve).resume());
    await Promise.race([...sockets.slice(9), ...sockets.slice(0, 9)].map(closed));
    await expect.poll(() => sockets.filter(socket => socket.destroyed).length).toBe(30 - 9);
  });
});

describe("T-24 where there are as many connections as there may be", () => {
  /** Connections that were used once, or never, and are idle since. */
  async function crowd(max: number) {
    const { base, clock, http, agent } = await httpFront({ maxConnections: max });
    const open = connections(`${base}/mcp`);
    const silent = (): Socket => {
      const socket = connect(Number(new URL(base).port), "127.0.0.1").on("error", () => {});
      onTestFinished(() => void socket.destroy());
      return socket.resume();
    };
    return { base, clock, http, agent, open, silent };
  }
  const closed = (socket: Socket): Promise<unknown> => new Promise(resolve => socket.once("close", resolve));

  test("a newcomer takes the place of the one that was idle for longest, also while the others are used again and again", async () => {
    const { clock, http, open } = await crowd(20);
    const idle = Array.from({ length: 20 }, open);
    for (const one of idle) expect((await one.post()).status).toBe(400);
    for (let round = 0; round < 5; round++) {
      clock.advance(20_000);
      for (const one of idle.slice(1)) expect((await one.post()).status).toBe(400);
      clock.advance(2_000);
      for (let call = 0; call < 8; call++) expect((await open().post()).status).toBe(400);
    }
    expect(http.connections.open).toBeLessThanOrEqual(20);
    expect(http.connections.counts.refused).toBe(0);
  });

  test("whoever sends nothing, or the head or the body of a request by drops, gives way", async () => {
    const { base, clock, http, open, silent } = await crowd(6);
    const [nothing, head, body] = [
      [silent(), silent()],
      [silent(), silent()],
      [silent(), silent()],
    ];
    const start = `POST /mcp HTTP/1.1\r\nhost: ${new URL(base).host}\r\n`;
    for (const socket of head) socket.write(start);
    let said = "";
    for (const socket of body) {
      socket.write(`${start}content-type: application/json\r\ncontent-length: 1000\r\n\r\n{`);
      socket.on("data", chunk => {
        said += chunk;
      });
    }
    await expect.poll(() => http.inFlight).toBe(2);
    clock.advance(1_001);
    const gone = [...nothing, ...head, ...body].map(closed);
    const callers = Array.from({ length: 6 }, open);
    for (const caller of callers) expect((await caller.post()).status).toBe(400);
    clock.advance(1_001);
    await Promise.all(gone);
    expect(said).toMatch(/^HTTP\/1\.1 503 [\s\S]*connection: close[\s\S]*"code":-31005/i);
  });

  test("one whose request is being answered stays, and one that was used a moment ago", async () => {
    const handle = () => new Promise<never>(() => {});
    const { base, clock, agent } = await httpFront({ maxConnections: 3, handle });
    const session = await agent("2025-11-25");
    const socket = connect(Number(new URL(base).port), "127.0.0.1").on("error", () => {});
    onTestFinished(() => void socket.destroy());
    let ended = false;
    socket.resume().on("close", () => {
      ended = true;
    });
    const body = JSON.stringify({ jsonrpc: "2.0", id: 9, method: "tools/call", params: { name: "run" } });
    socket.write(
      `POST /mcp HTTP/1.1\r\nhost: x.localhost\r\nmcp-session-id: ${session.session}\r\naccept: application/json\r\n` +
        `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    const open = connections(`${base}/mcp`);
    clock.advance(60_000);
    const others = Array.from({ length: 8 }, open);
    const statuses = [];
    for (const other of others) statuses.push((await other.post()).status);
    expect(statuses).toContain(503);
    expect(ended).toBe(false);
  });
});

describe("streams that never end by themselves", () => {
  test("leave connections for calls", async () => {
    const { url, agent } = await httpFront({ maxConnections: 10 });
    const sessions = [];
    for (let at = 0; at < 10; at++) sessions.push(await agent("2025-11-25"));
    const streams = [];
    for (const { session } of sessions) streams.push(await openEvents(url, { session }));
    expect(streams.map(({ status }) => status)).toEqual([...Array.from({ length: 9 }, () => 200), 503]);
    const answered = await sessions[0]?.request("tools/call", { name: "run" });
    expect(answered?.message?.result).toBeDefined();
  });

  const listenTo = (url: string, notifications: object) => {
    const meta = { "io.modelcontextprotocol/protocolVersion": "2026-07-28" };
    const _meta = { ...meta, "io.modelcontextprotocol/clientCapabilities": {} };
    const params = { _meta, notifications };
    return openEvents(url, {
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "subscriptions/listen", params }),
      headers: { "mcp-protocol-version": "2026-07-28", "mcp-method": "subscriptions/listen" },
    });
  };

  test("of agents without sessions count too, and are refused as a JSON-RPC error", async () => {
    const { url } = await httpFront({ maxConnections: 2 });
    const listen = () => listenTo(url, { toolsListChanged: true });
    expect((await (await listen()).next()).data).toContain("acknowledged");
    const refused = await listen();
    expect(refused.type).toBe("application/json");
    expect(JSON.parse(await refused.text())).toMatchObject({ error: { code: -31005 } });
  });

  test("are counted when they are asked for, also while nobody knows yet what can be told on them", async () => {
    let promise: (subscription: Subscription) => void = () => {};
    const promised = new Promise<Subscription>(resolve => {
      promise = resolve;
    });
    const { url } = await httpFront({ maxConnections: 2, subscribe: () => promised });
    const both = [1, 2].map(() => listenTo(url, { resourceSubscriptions: ["test://one"] }));
    const first = await Promise.race(both);
    expect(JSON.parse(await first.text())).toMatchObject({ error: { code: -31005 } });
    promise({ kind: "open", close: () => {} });
    const types = (await Promise.all(both)).map(({ type }) => type);
    expect(types.sort()).toEqual(["application/json", "text/event-stream"]);
  });
});
