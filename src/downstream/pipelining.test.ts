import { connect } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { createInbox } from "../../test/fixtures/agents/wire.ts";
import { done } from "../../test/fixtures/front/fake-front.ts";
import { httpFront } from "../../test/fixtures/front/http.ts";

const meta = { "io.modelcontextprotocol/protocolVersion": "2026-07-28" };
const _meta = { ...meta, "io.modelcontextprotocol/clientCapabilities": {} };

function post(base: string, method: string, params: object): string {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: { ...params, _meta } });
  const head = [
    "POST /mcp HTTP/1.1",
    `host: ${new URL(base).host}`,
    "content-type: application/json",
    "accept: application/json, text/event-stream",
    "mcp-protocol-version: 2026-07-28",
    `mcp-method: ${method}`,
    ...(method === "tools/call" ? ["mcp-name: run"] : []),
    `content-length: ${body.length}`,
  ];
  return `${head.join("\r\n")}\r\n\r\n${body}`;
}

test("requests that were sent before an earlier one was answered are given up with their connection", async () => {
  const calls = createInbox<() => void>();
  const { base, http, front } = await httpFront({
    handle: () => new Promise(resolve => calls.push(() => resolve(done({ content: [] })))),
    maxConnections: 2,
  });
  const { port } = new URL(base);
  const listen = post(base, "subscriptions/listen", { notifications: { resourceSubscriptions: ["test://one"] } });
  const agent = connect(Number(port), "127.0.0.1").on("error", () => {});
  onTestFinished(() => void agent.destroy());
  agent.write(post(base, "tools/call", { name: "run" }) + listen);
  const finish = await calls.next(() => true);
  await expect.poll(() => front.subscribed.length).toBe(1);
  expect(http.inFlight).toBe(2);
  agent.destroy();
  await expect.poll(() => front.subscribed[0]?.closed).toBe(true);
  finish();
  await expect.poll(() => http.inFlight).toBe(0);
  // The place of its stream is free again.
  const next = connect(Number(port), "127.0.0.1").on("error", () => {});
  onTestFinished(() => void next.destroy());
  let answer = "";
  next.on("data", chunk => {
    answer += chunk;
  });
  next.write(listen);
  await expect.poll(() => answer).toContain("acknowledged");
});
