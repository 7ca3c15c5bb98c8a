import { describe, expect, test } from "vitest";
import { type Listening, modernAgent } from "../../test/fixtures/agents/http.ts";
import { httpFront, openEvents } from "../../test/fixtures/front/http.ts";
import { poll } from "../../test/fixtures/poll.ts";
import { Payload } from "../core/payload.ts";
import { LISTEN } from "./listen.ts";

const ACKNOWLEDGED = "notifications/subscriptions/acknowledged";
const stamp = { "io.modelcontextprotocol/subscriptionId": 1 };
const methods = ({ inbox }: Listening) => inbox.all.map(({ method }) => method);
const acknowledgement = ({ inbox }: Listening) => inbox.next(({ method }) => method === ACKNOWLEDGED);

describe("a subscription", () => {
  test("is acknowledged first, with what is really heard of", async () => {
    const { url } = await httpFront({
      subscribe: ({ uri }) =>
        uri === "test://no"
          ? Promise.resolve({ kind: "failed", failure: { kind: "invalid", message: "" } })
          : undefined,
    });
    const asked = {
      toolsListChanged: true,
      promptsListChanged: false,
      resourceSubscriptions: ["test://one", "test://no"],
    };
    const listening = await modernAgent(url).listen(asked);
    expect((await acknowledgement(listening)).params).toEqual({
      _meta: stamp,
      notifications: { toolsListChanged: true, resourceSubscriptions: ["test://one"] },
    });
  });

  test("does not wait for an upstream that does not answer", async () => {
    const { url, clock, front } = await httpFront({
      subscribe: ({ uri }) => (uri === "test://slow" ? new Promise(() => {}) : undefined),
    });
    const opening = modernAgent(url).listen({ resourceSubscriptions: ["test://slow", "test://one"] });
    await poll(() => front.subscribed.length === 1);
    clock.advance(LISTEN.patienceMs);
    const { params } = await acknowledgement(await opening);
    expect(params?.notifications).toEqual({ resourceSubscriptions: ["test://one"] });
  });

  test("brings what was asked for, stamped with its own id, and nothing else", async () => {
    const { url, front } = await httpFront();
    const listening = await modernAgent(url).listen({
      resourcesListChanged: true,
      resourceSubscriptions: ["test://one"],
    });
    await acknowledgement(listening);
    front.changed(["tool", "prompt"]);
    front.changed(["resource"], { kind: "upstream", name: "other" as never });
    front.changed(["resource", "template"]);
    front.subscribed[0]?.updated(Payload.of({ uri: "test://one", _meta: { own: true } }));
    const last = await listening.inbox.next(({ method }) => method === "notifications/resources/updated");
    expect(last.params).toEqual({ uri: "test://one", _meta: { own: true, ...stamp } });
    expect(methods(listening)).toEqual([
      ACKNOWLEDGED,
      "notifications/resources/list_changed",
      "notifications/resources/updated",
    ]);
    expect(listening.inbox.all[1]?.params).toEqual({ _meta: stamp });
  });

  test("tells what changed before the acknowledgement after it, once", async () => {
    const { url, front } = await httpFront({
      async subscribe({ updated }) {
        updated(Payload.of({ uri: "test://one" }));
        updated(Payload.of({ uri: "test://one" }));
        return { kind: "open", close() {} };
      },
    });
    const listening = await modernAgent(url).listen({ toolsListChanged: true, resourceSubscriptions: ["test://one"] });
    await acknowledgement(listening);
    front.changed(["tool"]);
    await listening.inbox.next(({ method }) => method === "notifications/tools/list_changed");
    expect(methods(listening)).toEqual([
      ACKNOWLEDGED,
      "notifications/resources/updated",
      "notifications/tools/list_changed",
    ]);
  });

  test("ends when the agent hangs up", async () => {
    const { url, front } = await httpFront();
    const listening = await modernAgent(url).listen({ resourceSubscriptions: ["test://one"] });
    await acknowledgement(listening);
    listening.close();
    expect(await poll(() => front.subscribed[0]?.closed === true)).toBe(true);
  });

  test("ends with an empty result when the gateway stops", async () => {
    const { url, http } = await httpFront();
    const listening = await modernAgent(url).listen({ toolsListChanged: true });
    await acknowledgement(listening);
    await http.drain(10_000);
    const end = await listening.inbox.next(({ id }) => id !== undefined);
    expect(end).toEqual({ jsonrpc: "2.0", id: 1, result: { resultType: "complete", _meta: stamp } });
  });

  test.each([
    ["no filter", {}],
    ["URIs that are no texts", { notifications: { resourceSubscriptions: [1] } }],
    ["too many URIs", { notifications: { resourceSubscriptions: Array(1001).fill("a") } }],
  ])("with %s is refused", async (_name, params) => {
    const { url } = await httpFront();
    const { message } = await modernAgent(url).request("subscriptions/listen", params);
    expect(message?.error?.code).toBe(-32602);
  });
});

test("a subscription that is quiet is kept alive", async () => {
  const { url, clock, http, front } = await httpFront();
  const meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  const params = { notifications: { resourceSubscriptions: ["test://one"] }, _meta: meta };
  const body = JSON.stringify({ jsonrpc: "2.0", id: "x", method: "subscriptions/listen", params });
  const headers = { "mcp-protocol-version": "2026-07-28", "mcp-method": "subscriptions/listen" };
  const stream = await openEvents(url, { body, headers });
  expect(front.subscribed).toHaveLength(1);
  clock.advance(45_000);
  await http.drain(10_000);
  expect((await stream.text()).match(/^:$/gm)).toHaveLength(3);
});
