import { expect, test } from "vitest";
import { createInbox, readAll, send } from "../../test/fixtures/agents/wire.ts";
import { done } from "../../test/fixtures/front/fake-front.ts";
import { httpFront } from "../../test/fixtures/front/http.ts";
import { settled } from "../../test/fixtures/front/session.ts";
import { SLOW_MS } from "./streams.ts";

const META = "io.modelcontextprotocol/";
const _meta = { [`${META}protocolVersion`]: "2026-07-28", [`${META}clientCapabilities`]: {} };
const BODY = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "run", _meta } });
const HEADERS = {
  "content-type": "application/json",
  "mcp-protocol-version": "2026-07-28",
  "mcp-method": "tools/call",
  "mcp-name": "run",
};

/** One call that ends when the test lets it, after so many looks for slow ones. */
async function callThatWaits(looks: number, accept: string) {
  const calls = createInbox<() => void>();
  const { url, clock } = await httpFront({
    handle: () => new Promise(resolve => calls.push(() => resolve(done({ content: [] })))),
  });
  const sent = send(url, { method: "POST", headers: { ...HEADERS, accept }, body: BODY });
  const finish = await calls.next(() => true);
  for (let look = 0; look < looks; look++) {
    clock.advance(SLOW_MS);
    await settled();
  }
  if (looks < 2 || !accept.includes("event")) finish();
  // A stream begins without the answer.
  const response = await sent;
  finish();
  return { type: response.headers["content-type"], text: await readAll(response) };
}

const BOTH = "application/json, text/event-stream";
const RESULT = '{"jsonrpc":"2.0","id":1,"result":{"content":[],"resultType":"complete"}}';

test("a call that is answered soon is answered as JSON", async () => {
  expect(await callThatWaits(1, BOTH)).toEqual({ type: "application/json", text: RESULT });
});

test("a slow one becomes a stream that is alive, before there is anything to tell", async () => {
  expect(await callThatWaits(2, BOTH)).toEqual({
    type: "text/event-stream",
    text: expect.stringMatching(/^:\n\n.*data: \{.*"result".*\}\n\n$/s),
  });
});

test("but not for an agent that reads no streams", async () => {
  expect(await callThatWaits(3, "application/json")).toEqual({ type: "application/json", text: RESULT });
});
