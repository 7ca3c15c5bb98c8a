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

  test("are counted when they begin, also those that were asked for at one time", async () => {
    let promise: (subscription: Subscription) => void = () => {};
    const promised = new Promise<Subscription>(resolve => {
      promise = resolve;
    });
    let asked = 0;
    const { url } = await httpFront({
      maxConnections: 2,
      subscribe() {
        if (++asked === 2) promise({ kind: "open", close: () => {} });
        return promised;
      },
    });
    const listen = () => listenTo(url, { resourceSubscriptions: ["test://one"] });
    const both = await Promise.all([listen(), listen()]);
    for (const stream of both) expect((await stream.next()).data).toContain("acknowledged");
    // One of them ends at once.
    expect((await Promise.race(both.map(stream => stream.next()))).data).toContain('"resultType":"complete"');
  });
});
