import { connect } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { createInbox } from "../../test/fixtures/agents/wire.ts";
import { done } from "../../test/fixtures/front/fake-front.ts";
import { httpFront } from "../../test/fixtures/front/http.ts";
import { Payload } from "../core/payload.ts";

type Front = Awaited<ReturnType<typeof httpFront>>;

const _meta = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientCapabilities": {},
  progressToken: 9,
};
const SHORT = { headersTimeout: 300, requestTimeout: 600, connectionsCheckingInterval: 50 };
const SHORT_HEAD = { ...SHORT, requestTimeout: 3_600_000 };

/** A connection on which bytes are sent as they are. */
function agentOf({ base }: Pick<Front, "base">) {
  const socket = connect({ port: Number(new URL(base).port), host: "127.0.0.1", allowHalfOpen: true });
  onTestFinished(() => void socket.destroy());
  let text = "";
  socket
    .on("error", () => {})
    .on("data", chunk => {
      text += chunk;
    });
  socket.once("end", () => socket.end());
  return {
    socket,
    closed: new Promise<string>(resolve => socket.once("close", () => resolve(text))),
    statuses: () => [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status)),
    text: () => text,
    send: (bytes: string) => new Promise<void>(resolve => void socket.write(bytes, () => resolve())),
  };
}

function callTo({ base }: Pick<Front, "base">, { id = 1, host = new URL(base).host, more = "" } = {}): string {
  const body = JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params: { name: "run", _meta } });
  const head = [
    ...["POST /mcp HTTP/1.1", `host: ${host}`, "content-type: application/json", `${more}mcp-method: tools/call`],
    ...["accept: application/json, text/event-stream", "mcp-protocol-version: 2026-07-28", "mcp-name: run"],
  ];
  return `${head.join("\r\n")}\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
}
const health = ({ base }: Front) => `GET /healthz HTTP/1.1\r\nhost: ${new URL(base).host}\r\n\r\n`;
/** What was sent on another connection before has been read. */
const elsewhere = async ({ base }: Front) => expect(await (await fetch(`${base}/healthz`)).text()).toBe("ok\n");

/** A front whose calls are answered when the test says so. */
async function slowFront() {
  const calls = createInbox<{ finish(): void; tell(): void; readonly signal: { readonly aborted: boolean } }>();
  const front = await httpFront({
    handle: ({ notify, signal }) =>
      new Promise(resolve =>
        calls.push({
          signal,
          finish: () => resolve(done({ content: [] })),
          tell: () =>
            void notify({ method: "notifications/progress", params: Payload.of({ progressToken: 9, progress: 1 }) }),
        }),
      ),
  });
  return { front, calls };
}

describe("one connection carries", () => {
  test("calls one after the other, whole and in pieces", async () => {
    const front = await httpFront();
    const agent = agentOf(front);
    for (let id = 1; id <= 12; id++) {
      const call = callTo(front, { id });
      const at = Math.floor((call.length * id) / 12);
      await agent.send(call.slice(0, at));
      await elsewhere(front);
      await agent.send(call.slice(at));
      await expect.poll(() => agent.text()).toContain(`"id":${id},"result"`);
    }
    expect(agent.statuses()).toEqual(Array.from({ length: 12 }, () => 200));
  });

  test("calls that run at one time, answered in the order in which they came", async () => {
    const { front, calls } = await slowFront();
    const agent = agentOf(front);
    await agent.send(callTo(front, { id: 1 }) + callTo(front, { id: 2 }) + callTo(front, { id: 3 }));
    const [one, two, three] = [
      await calls.next(() => true),
      await calls.next(() => true, 1),
      await calls.next(() => true, 2),
    ];
    three.finish();
    two.tell();
    two.finish();
    await elsewhere(front);
    expect(agent.text()).toBe("");
    one.finish();
    await expect.poll(() => agent.text()).toContain('"id":3,"result"');
    expect(agent.text()).toMatch(
      /"id":1,"result"[\s\S]*"progress":1[\s\S]*"id":2,"result"[\s\S]*\r\n0\r\n\r\n[\s\S]*"id":3,"result"/,
    );
  });

  test("what is for node:http behind calls that run, also where more of it comes with their answer", async () => {
    const { front, calls } = await slowFront();
    const agent = agentOf(front);
    const other = health(front);
    await agent.send(callTo(front, { id: 1 }) + callTo(front, { id: 2 }) + other.slice(0, 10));
    const [one, two] = [await calls.next(() => true), await calls.next(() => true, 1)];
    await agent.send(other.slice(10, 20));
    await elsewhere(front);
    expect(agent.text()).toBe("");
    // Between the answer and what waits behind it.
    agent.socket.once("data", () => void agent.send(other.slice(20) + callTo(front, { id: 3 })));
    one.finish();
    two.finish();
    (await calls.next(() => true, 2)).finish();
    await expect.poll(() => agent.text()).toContain('"id":3,"result"');
    expect(agent.text()).toMatch(/"id":1,"result"[\s\S]*"id":2,"result"[\s\S]*ok\n[\s\S]*"id":3,"result"/);
    expect(agent.statuses()).toEqual([200, 200, 200, 200]);
  });

  test("heads that are judged each by itself", async () => {
    const front = await httpFront();
    const agent = agentOf(front);
    for (const host of [undefined, "evil.example", undefined, undefined, "evil.example"]) {
      const before = agent.statuses().length;
      await agent.send(callTo(front, { ...(host && { host }) }));
      await expect.poll(() => agent.statuses().length).toBe(before + 1);
    }
    expect(agent.statuses()).toEqual([200, 403, 200, 200, 403]);
  });

  test("an answer for a page that the door lets in, which may read it", async () => {
    const front = await httpFront();
    const agent = agentOf(front);
    await agent.send(callTo(front, { more: "origin: http://localhost:6274\r\n" }));
    await expect.poll(() => agent.text()).toContain('"id":1,"result"');
    expect(agent.text()).toMatch(/^access-control-allow-origin: http:\/\/localhost:6274\r$/m);
    expect(agent.text()).toMatch(/^vary: Origin\r$/m);
  });
});

describe("an agent that", () => {
  test("leaves while its calls run is noticed at once, and they are given up", async () => {
    const { front, calls } = await slowFront();
    const agent = agentOf(front);
    await agent.send(callTo(front, { id: 1 }) + callTo(front, { id: 2 }));
    const [one, two] = [await calls.next(() => true), await calls.next(() => true, 1)];
    agent.socket.destroy();
    await expect.poll(() => [one.signal.aborted, two.signal.aborted]).toEqual([true, true]);
    await expect.poll(() => front.http.inFlight).toBe(0);
    one.finish();
    two.finish();
  });

  test("leaves within a body is noticed, and nothing runs", async () => {
    const { front, calls } = await slowFront();
    const agent = agentOf(front);
    await agent.send(callTo(front).slice(0, -10));
    await expect.poll(() => front.http.inFlight).toBe(1);
    agent.socket.destroy();
    await expect.poll(() => front.http.inFlight).toBe(0);
    expect(calls.all).toEqual([]);
  });

  test("reads nothing gets no more of its many calls done, until it does", async () => {
    const text = "x".repeat(32_000);
    const front = await httpFront({ handle: () => done({ content: [{ type: "text", text }] }) });
    const agent = agentOf(front);
    agent.socket.pause();
    const many = 2_000;
    void agent.send(Array.from({ length: many }, (_, id) => callTo(front, { id: id + 1 })).join(""));
    await expect.poll(() => front.front.calls.length).toBeGreaterThan(100);
    let seen = 0;
    do {
      seen = front.front.calls.length;
      for (let turn = 0; turn < 20; turn++) await elsewhere(front);
    } while (front.front.calls.length > seen);
    expect(seen).toBeLessThan(many);
    agent.socket.resume();
    await expect.poll(() => agent.statuses().length, { timeout: 50_000 }).toBe(many);
    expect(front.front.calls).toHaveLength(many);
  });

  test("sends what is for node:http behind a call that runs, and more than any request has, is cut off", async () => {
    const { front, calls } = await slowFront();
    const agent = agentOf(front);
    await agent.send(callTo(front));
    const running = await calls.next(() => true);
    void agent.send(`GET /mcp HTTP/1.1\r\n${" ".repeat(6 * 1024 * 1024)}`);
    await agent.closed;
    expect(running.signal.aborted).toBe(true);
    running.finish();
  });
});

describe("limits in time", () => {
  test("a connection on which nothing comes is closed, and told why", async () => {
    const agent = agentOf(await httpFront({ limits: SHORT_HEAD }));
    expect(await agent.closed).toMatch(/^HTTP\/1\.1 408 /);
  });

  test.each([
    ["a head", SHORT_HEAD, (call: string) => call.slice(0, 60)],
    ["a body", SHORT, (call: string) => call.slice(0, -5)],
  ])("so is one on which %s does not come to its end", async (_what, limits, part) => {
    const front = await httpFront({ limits });
    const agent = agentOf(front);
    await agent.send(callTo(front));
    await expect.poll(() => agent.statuses()).toEqual([200]);
    await agent.send(part(callTo(front, { id: 2 })));
    await agent.closed;
    expect(agent.statuses()).toEqual([200, 408]);
  });

  test("a call that runs takes as long as it takes, and one that does not come to its end behind it waits for that", async () => {
    const front = await httpFront({
      handle: async () => {
        await new Promise(resolve => void setTimeout(resolve, 3 * SHORT.requestTimeout));
        return done({ content: [] });
      },
      limits: SHORT,
    });
    const [alone, followed] = [agentOf(front), agentOf(front)];
    await alone.send(callTo(front));
    await followed.send(callTo(front) + callTo(front, { id: 2 }).slice(0, 60));
    expect(await followed.closed).toMatch(/^HTTP\/1\.1 200 [\s\S]*"id":1,"result"[^}]*}}$/);
    await expect.poll(() => alone.text()).toMatch(/^HTTP\/1\.1 200 [\s\S]*"id":1,"result"/);
    expect(alone.socket.destroyed).toBe(false);
  });

  test("a connection that was used and on which nothing happens is closed after a while, without a word", async () => {
    const front = await httpFront({ limits: { keepAliveTimeout: 300, connectionsCheckingInterval: 50 } });
    const agent = agentOf(front);
    await agent.send(callTo(front));
    await agent.closed;
    expect(agent.statuses()).toEqual([200]);
  });
});

describe("when the gateway ends", () => {
  test("connections that carry nothing are closed, and others with their answer", async () => {
    const { front, calls } = await slowFront();
    const [idle, busy] = [agentOf(front), agentOf(front)];
    await idle.send(callTo(front));
    (await calls.next(() => true)).finish();
    await expect.poll(() => idle.statuses()).toEqual([200]);
    await busy.send(callTo(front));
    const running = await calls.next(() => true, 1);
    const drained = front.http.drain(60_000);
    await idle.closed;
    expect(busy.socket.destroyed).toBe(false);
    running.finish();
    expect(await drained).toBe(0);
    await busy.send(callTo(front, { id: 2 }));
    expect(await busy.closed).toMatch(/"id":1,"result"[\s\S]*HTTP\/1\.1 503 [\s\S]*connection: close/);
  });
});
