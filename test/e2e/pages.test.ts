import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { listAll, namesOf } from "../fixtures/agents/answered.ts";
import { legacyAgent, modernAgent } from "../fixtures/agents/http.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { text } from "../fixtures/upstream/contract.ts";
import { startUpstream, type Upstream } from "../fixtures/upstream/upstream.ts";

const ERAS = ["legacy", "modern"] as const;
const MANY = 1_200;
/** Makes the whole list longer than two pages. */
const DESCRIPTION = "x".repeat(8 * 1024);
const NAMES = ERAS.flatMap(era => Array.from({ length: MANY }, (_, at) => `${era}_${at}`));

let gateway: GatewayRun;
const upstreams: Upstream[] = [];
beforeAll(async () => {
  for (const era of ERAS) {
    const upstream = await startUpstream({ era, scheme: `of-${era}`, tools: [] });
    for (const name of NAMES.filter(name => name.startsWith(era))) {
      upstream.tools.set(name, {
        definition: { name, description: DESCRIPTION, inputSchema: { type: "object" } },
        run: () => text(name),
      });
    }
    upstream.pageSize = 70;
    upstreams.push(upstream);
  }
  const tables = upstreams.map(({ url }, at) => ({ name: `up${at + 1}`, transport: "http", url, group: `g${at}` }));
  gateway = await startGateway({ toml: configToml(tables) });
  await gateway.until();
});
afterAll(async () => {
  await gateway.close();
  for (const upstream of upstreams) await upstream.close();
});

const agentOf = (era: (typeof ERAS)[number], name: string) =>
  era === "legacy" ? legacyAgent(gateway.url, "2025-11-25", { name }) : modernAgent(gateway.url, { name });

describe.each(ERAS)("a %s agent", era => {
  test("gets a long list of upstreams that have it in pages, in pages, each tool once and in order", async () => {
    const agent = await agentOf(era, "ann");
    const { items, raw } = await listAll(agent, "tools/list");
    expect(namesOf(items)).toEqual(NAMES);
    expect(raw).toHaveLength(3);
    if (era === "modern") {
      const hints = raw.map(page => JSON.parse(page) as { ttlMs: number; cacheScope: string });
      expect(new Set(hints.map(({ cacheScope }) => cacheScope)).size).toBe(1);
    }
    await agent.close();
  });

  test.each([
    ["made up", "no-such-cursor"],
    ["an upstream's own", Buffer.from("at:70").toString("base64url")],
    ["no text", 7],
  ])("knows no cursor that is %s", async (_what, cursor) => {
    const agent = await agentOf(era, "ann");
    expect((await agent.request("tools/list", { cursor })).message?.error?.code).toBe(-32602);
    await agent.close();
  });

  test("cannot go on with another agent's cursor, nor in another list", async () => {
    const [ann, bob] = [await agentOf(era, "ann"), await agentOf(era, "bob")];
    const cursor = (await ann.request("tools/list")).message?.result?.nextCursor;
    expect(cursor).toEqual(expect.any(String));
    expect((await bob.request("tools/list", { cursor })).message?.error?.code).toBe(-32602);
    expect((await ann.request("prompts/list", { cursor })).message?.error?.code).toBe(-32602);
    expect((await ann.request("tools/list", { cursor })).message?.result).toHaveProperty("tools");
    for (const agent of [ann, bob]) await agent.close();
  });
});
