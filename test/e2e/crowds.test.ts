import { Agent, request } from "node:http";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { legacyAgent, modernAgent } from "../fixtures/agents/http.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { poll } from "../fixtures/poll.ts";
import type { Json } from "../fixtures/upstream/contract.ts";
import { startUpstream } from "../fixtures/upstream/upstream.ts";

const keep = useCleanup();

async function behind(proxy: Json, env: Record<string, string> = {}): Promise<GatewayRun> {
  const upstream = keep(await startUpstream({ era: "legacy", tools: ["echo"] }));
  const toml = configToml([{ name: "fixture", transport: "http", url: upstream.url }], proxy);
  const gateway = keep(await startGateway({ toml, env }));
  await gateway.until();
  return gateway;
}

const uriOf = (session: number, at: number): string => `test://template/${session}-${at}-${"u".repeat(8_000)}/data`;
const isServed = async (gateway: GatewayRun): Promise<boolean> => {
  const answered = await modernAgent(gateway.url, { name: "good" }).request("tools/call", { name: "echo" });
  return answered.message?.result !== undefined;
};

describe("T-24 one client without a name", () => {
  const SMALL = { NODE_OPTIONS: "--max-old-space-size=96" };

  test.each([
    ["one name", () => "greedy"],
    ["ever other names", (session: number) => `greedy ${session}`],
  ])("cannot fill the memory with what it watches, under %s, and is told why", async (_, nameOf) => {
    const gateway = await behind({}, SMALL);
    const good = await legacyAgent(gateway.url, "2025-11-25", { name: "good" });
    expect((await good.request("tools/call", { name: "echo" })).message?.result).toBeDefined();
    const refusals: (object | undefined)[] = [];
    for (let session = 0; session < 40; session++) {
      const greedy = await legacyAgent(gateway.url, "2025-11-25", { name: nameOf(session) });
      const asked = Array.from({ length: 40 }, (_, at) =>
        greedy.request("resources/subscribe", { uri: uriOf(session, at) }),
      );
      for (const { message, headers } of await Promise.all(asked)) {
        if (message?.error) refusals.push({ ...message.error, retryAfter: headers["retry-after"] });
      }
    }
    expect(refusals.length).toBeGreaterThan(100);
    expect(refusals[0]).toMatchObject({
      code: -31005,
      message: expect.stringMatching(/unsubscribe/),
      data: { gateway: { reason: "crowded", retryable: true, retryAfterMs: 5_000 } },
      retryAfter: "5",
    });
    const { shares, overloaded } = await gateway.status();
    expect(overloaded).toBe(false);
    expect(shares.bytes).toBeLessThanOrEqual(shares.maxBytes);
    expect(shares.most[0]?.agent).toContain("greedy");
    expect(shares.refused.kept).toBe(refusals.length);
    expect((await good.request("tools/call", { name: "echo" })).message?.result).toBeDefined();
    expect(
      (await good.request("resources/subscribe", { uri: "test://watched-resource" })).message?.error?.code,
    ).not.toBe(-32600);
    expect((await legacyAgent(gateway.url, "2025-11-25", { name: "late" })).opening.message?.result).toBeDefined();
    await good.close();
  });

  test("cannot keep others out with connections that it keeps, however often it uses them", async () => {
    const gateway = await behind({ max_connections: 50 });
    const agents = Array.from({ length: 50 }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
    const touch = (agent: Agent): Promise<number> =>
      new Promise(resolve => {
        request(`${gateway.base}/mcp`, { method: "POST", agent }, response => {
          response.resume().on("end", () => resolve(response.statusCode ?? 0));
        })
          .on("error", () => resolve(0))
          .end("{}");
      });
    try {
      await Promise.all(agents.map(touch));
      await sleep(1_100);
      for (let at = 0; at < 40; at++) expect(await isServed(gateway)).toBe(true);
      const { shares } = await gateway.status();
      expect(shares.shed.connections).toBeGreaterThan(0);
      expect(shares.refused.connections).toBe(0);
      expect(shares.connections).toBeLessThanOrEqual(50);
    } finally {
      for (const agent of agents) agent.destroy();
    }
  });

  test("cannot keep others out with connections on which it says nothing", async () => {
    const gateway = await behind({ max_connections: 50 });
    const sockets = Array.from({ length: 60 }, () =>
      connect(gateway.port, "127.0.0.1")
        .on("error", () => {})
        .resume(),
    );
    try {
      await sleep(300);
      for (let at = 0; at < 40; at++) expect(await isServed(gateway)).toBe(true);
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  });
});

describe("T-63 requests that are no tool calls", () => {
  test("are limited by agent, and answered as calls are", async () => {
    const gateway = await behind({ security: { other_requests_per_minute: 6 } });
    const busy = await legacyAgent(gateway.url, "2025-11-25", { name: "busy" });
    const all = await Promise.all(Array.from({ length: 16 }, () => busy.request("tools/list")));
    const refused = all.filter(({ message }) => message?.error);
    expect(refused).toHaveLength(10);
    expect(refused[0]?.message?.error).toMatchObject({
      code: -31004,
      message: expect.stringMatching(/6 requests a minute that are no tool calls/),
      data: { gateway: { reason: "rate_limited", retryable: true, retryAfterMs: expect.any(Number) } },
    });
    expect(Number(refused[0]?.headers["retry-after"])).toBeGreaterThanOrEqual(1);
    const others = ["resources/read", "completion/complete", "resources/subscribe", "prompts/get"];
    const asked = await Promise.all(others.map(method => busy.request(method, { uri: "test://static-text" })));
    expect(asked.map(({ message }) => message?.error?.code)).toEqual(others.map(() => -31004));
    expect((await busy.request("tools/call", { name: "echo" })).message?.result).toBeDefined();
    expect((await busy.request("ping")).message?.result).toEqual({});
    const other = await legacyAgent(gateway.url, "2025-11-25", { name: "other" });
    expect((await other.request("tools/list")).message?.result).toBeDefined();
    const modern = modernAgent(gateway.url, { name: "modern" });
    const listed = await Promise.all(Array.from({ length: 11 }, () => modern.request("tools/list")));
    expect(listed.filter(({ message }) => message?.error?.code === -31004)).toHaveLength(5);
    await Promise.all([busy.close(), other.close()]);
  });

  test("and new sessions by address, whatever their agents call themselves", async () => {
    const gateway = await behind({ security: { other_requests_per_minute: 6 } });
    const opened = await Promise.all(
      Array.from({ length: 16 }, (_, at) => legacyAgent(gateway.url, "2025-11-25", { name: `name ${at}` })),
    );
    const refused = opened.filter(({ opening }) => opening.message?.error);
    expect(refused).toHaveLength(10);
    expect(refused[0]?.opening.message?.error).toMatchObject({
      code: -31004,
      message: expect.stringMatching(/6 new sessions a minute for this address/),
    });
    expect(await isServed(gateway)).toBe(true);
    await Promise.all(opened.map(agent => agent.close()));
  });

  test("have no limit where calls have none", async () => {
    const gateway = await behind({ security: { rate_limit_per_minute: 0 } });
    const agent = await legacyAgent(gateway.url, "2025-11-25", { name: "busy" });
    for (let round = 0; round < 70; round++) {
      const all = await Promise.all(Array.from({ length: 100 }, () => agent.request("ping")));
      expect(all.every(({ message }) => message?.result)).toBe(true);
    }
    const lists = await Promise.all(Array.from({ length: 200 }, () => agent.request("prompts/list")));
    expect(lists.every(({ message }) => message?.result)).toBe(true);
    await agent.close();
  });

  test("a hundred agents of one name on one machine can start at once", async () => {
    const gateway = await behind({});
    const started = await Promise.all(
      Array.from({ length: 100 }, async () => {
        const agent = await legacyAgent(gateway.url, "2025-11-25", { name: "claude-code" });
        const lists = ["tools/list", "prompts/list", "resources/list", "resources/templates/list"];
        const answers = [];
        for (const method of [...lists, ...lists]) answers.push(await agent.request(method));
        return { agent, answers };
      }),
    );
    const wrong = started.flatMap(({ answers }) => answers.filter(({ message }) => !message?.result));
    expect(wrong).toEqual([]);
    const { shares } = await gateway.status();
    expect(await poll(async () => (await gateway.status()).shares.most[0]?.sessions === 100)).toBe(true);
    expect(shares.shed).toEqual({ events: 0, sessions: 0, streams: 0, connections: 0 });
    await Promise.all(started.map(({ agent }) => agent.close()));
  });
});
