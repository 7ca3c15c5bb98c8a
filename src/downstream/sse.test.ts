import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { expect, test } from "vitest";
import { sseAgent } from "../../test/fixtures/agents/lines.ts";
import { createInbox, send } from "../../test/fixtures/agents/wire.ts";
import { done } from "../../test/fixtures/front/fake-front.ts";
import { httpFront, openEvents } from "../../test/fixtures/front/http.ts";
import { poll } from "../../test/fixtures/poll.ts";

test("a call over HTTP+SSE is answered before the gateway stops", async () => {
  const calls = createInbox<() => void>();
  const { base, http } = await httpFront({
    handle: () => new Promise(resolve => calls.push(() => resolve(done({ content: [] })))),
  });
  const agent = await sseAgent(`${base}/sse`);
  const running = agent.request("tools/call", { name: "run" });
  const finish = await calls.next(() => true);
  const stopped = http.drain(60_000);
  finish();
  expect((await running).message?.result).toEqual({ content: [] });
  expect(await stopped).toBe(0);
});

test("the end of an HTTP+SSE stream ends its session, its calls and what it watches", async () => {
  const { base, front, http } = await httpFront({
    handle: ({ signal }) =>
      new Promise(resolve => signal.onAbort(() => resolve({ kind: "failed", failure: { kind: "cancelled" } }))),
  });
  const agent = await sseAgent(`${base}/sse`);
  await agent.request("resources/subscribe", { uri: "test://one" });
  await agent.close();
  await http.drain(60_000);
  expect(front.subscribed[0]?.closed).toBe(true);
  expect(front.released).toHaveLength(1);
  expect(http.sessions.size).toBe(0);
});

test("a handshake whose stream closes while it is still coming in opens no session", async () => {
  const { base, http } = await httpFront();
  const stream = await openEvents(`${base}/sse`, {});
  const address = base + (await stream.next()).data;
  const params = { protocolVersion: "2024-11-05", capabilities: {}, clientInfo: { name: "slow", version: "1" } };
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params });
  const headers = { "content-type": "application/json", "content-length": body.length, expect: "100-continue" };
  const slow = request(address, { method: "POST", headers, agent: false });
  // Once the server wants the body, it has found the stream.
  slow.flushHeaders();
  await once(slow, "continue");
  stream.hangUp();
  const status = async () => {
    const response = await send(address, { method: "POST", headers: { "content-type": "application/json" }, body });
    response.resume();
    return response.statusCode;
  };
  expect(await poll(async () => (await status()) === 404)).toBe(true);
  slow.end(body);
  const [response] = (await once(slow, "response")) as [IncomingMessage];
  response.resume();
  expect([response.statusCode, http.sessions.size]).toEqual([404, 0]);
});
