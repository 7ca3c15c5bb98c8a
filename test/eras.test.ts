import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connect, type EraAgent } from "./eras/agents.ts";
import { EXPECTED_FAILURES, expectedFailure } from "./eras/expected-failures.ts";
import { type Cell, FEATURES, type Feature, uri } from "./eras/features.ts";
import { AGENTS, UPSTREAMS } from "./eras/kinds.ts";
import { QUESTION_FEATURES } from "./eras/questions.ts";
import { type RunningUpstream, startKind } from "./eras/upstreams.ts";
import { configToml, type GatewayRun, startGateway } from "./fixtures/gateway.ts";
import { poll } from "./fixtures/poll.ts";
import type { RpcMessage } from "./fixtures/upstream/contract.ts";

/**
 * Every agent with every upstream, all of them on one gateway (agents on stdio have one of their own, with the same
 * configuration), every feature in every cell.
 */
const ALL: readonly (readonly [name: string, run: Feature, applies: (typeof QUESTION_FEATURES)[string]["applies"]])[] =
  [
    ...Object.entries(FEATURES).map(([name, run]) => [name, run, () => true] as const),
    ...Object.entries(QUESTION_FEATURES).map(([name, { run, applies }]) => [name, run, applies] as const),
  ];
const FEEDS = ["tools/list_changed", "resource subscription"] as const;

/** How long one cell may take; every step of it is milliseconds long. */
const LIMIT_MS = Number(process.env.CELL_LIMIT_MS ?? 20_000);

let gateway: GatewayRun;
const upstreams = new Map<string, RunningUpstream>();
const agents = new Map<string, EraAgent>();
const watched = new Map<string, readonly string[]>();
const used = new Set<object>();

beforeAll(async () => {
  for (const kind of UPSTREAMS) upstreams.set(kind.name, await startKind(kind));
  const tables = [...upstreams.values()].map(({ table }) => table);
  gateway = await startGateway({ toml: configToml(tables, { security: { rate_limit_per_minute: 0 } }) });
  await gateway.until();
  await Promise.all(AGENTS.map(async kind => agents.set(kind.name, await connect(kind, gateway))));
  await Promise.all([...agents.values()].map(seesAll));
  // From now on nobody is alone with the child that all share.
  for (const { name } of UPSTREAMS.filter(({ shared }) => shared)) {
    const params = { name: `${name}__echo`, arguments: {} };
    for (const agent of agents.values()) await agent.request("tools/call", params);
  }
  const uris = UPSTREAMS.map(({ name }) => `${name}://watched-resource`);
  const listening = [...agents.values()].map(async agent => {
    watched.set(agent.kind.name, await agent.listen(uris));
  });
  await Promise.all(listening);
});

afterAll(async () => {
  await Promise.all([...agents.values()].map(agent => agent.close()));
  await gateway?.close();
  await Promise.all([...upstreams.values()].map(upstream => upstream.close()));
});

/** A gateway of an agent's own has just begun to look at its upstreams. */
async function seesAll(agent: EraAgent): Promise<void> {
  const complete = async () => {
    const { raw } = await agent.request("tools/list");
    return UPSTREAMS.every(({ name }) => raw.includes(`"${name}__echo"`));
  };
  if (!(await poll(complete, { withinMs: 30_000 }))) throw new Error(`${agent.kind.name} never saw every upstream`);
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const late = new AbortController();
  const timeout = sleep(ms, undefined, { signal: late.signal }).then(() => {
    throw new Error(`nothing happened for ${ms} ms`);
  });
  timeout.catch(() => {});
  return Promise.race([work, timeout]).finally(() => late.abort());
}

/** Runs one cell; where a failure is expected, anything else fails. */
async function check(feature: string, cell: Cell, run: () => Promise<void>): Promise<void> {
  const expected = expectedFailure(feature, cell.agent.kind, cell.upstream.kind);
  if (!expected) return within(LIMIT_MS, run());
  used.add(expected);
  const failed = await within(Math.min(LIMIT_MS, 4_000), run()).then(
    () => false,
    () => true,
  );
  expect(failed, `passes, so its entry is stale: ${expected.reason}`).toBe(true);
}

const cellOf = (agent: string, upstream: string, nonce: string): Cell => ({
  agent: agents.get(agent) as EraAgent,
  upstream: upstreams.get(upstream) as RunningUpstream,
  nonce,
});

let nonces = 0;

describe.each(AGENTS)("an agent of $name", agent => {
  describe.each(UPSTREAMS)("with $name", upstream => {
    for (const [feature, run, applies] of ALL) {
      if (!applies(agent, upstream)) continue;
      test(feature, async () => {
        const cell = cellOf(agent.name, upstream.name, `n${++nonces}`);
        await check(feature, cell, () => run(cell));
      });
    }
  });
});

describe.each(UPSTREAMS)("what happens at $name", upstream => {
  const name = `grown-at-${upstream.name}`;
  const [listChanged, updated] = ["notifications/tools/list_changed", "notifications/resources/updated"];
  const from = new Map<string, number>();

  beforeAll(() => {
    for (const agent of agents.values()) from.set(agent.kind.name, agent.told.all.length);
    upstreams.get(upstream.name)?.grow(name);
  });

  const heard = (agent: EraAgent, fits: (message: RpcMessage) => boolean) =>
    agent.told.next(message => agent.told.all.indexOf(message) >= (from.get(agent.kind.name) ?? 0) && fits(message));

  test.each(AGENTS)("$name hears that tools came", async agent => {
    const cell = cellOf(agent.name, upstream.name, "");
    await check(FEEDS[0], cell, async () => {
      await heard(cell.agent, ({ method }) => method === listChanged);
      const seen = async () => (await cell.agent.request("tools/list")).raw.includes(`"${name}"`);
      expect(await poll(seen), `tools/list never had ${name}`).toBe(true);
    });
  });

  test.each(AGENTS)("$name hears that its resource has changed", async agent => {
    const cell = cellOf(agent.name, upstream.name, "");
    await check(FEEDS[1], cell, async () => {
      const resource = uri(cell, "watched-resource");
      expect(watched.get(agent.name)).toContain(resource);
      await heard(cell.agent, ({ method, params }) => method === updated && params?.uri === resource);
    });
  });
});

describe.each(AGENTS.filter(({ transport }) => transport === "http"))("a batch of an agent of $name", agent => {
  const echo = (id: number, nonce: string) => {
    const params = { name: "http-2511__echo", arguments: { nonce } };
    return { jsonrpc: "2.0", id, method: "tools/call", params };
  };

  test(agent.revision === "2025-03-26" ? "is answered, each request of it" : "is refused", async () => {
    const { agent: era, upstream } = cellOf(agent.name, "http-2511", "");
    await check("batch", { agent: era, upstream, nonce: "" }, async () => {
      const posted = await era.post?.(JSON.stringify([echo(901, "b1"), echo(902, "b2")]));
      const messages = (posted?.texts ?? []).flatMap(text => JSON.parse(text) as RpcMessage | RpcMessage[]);
      if (agent.revision === "2025-03-26") {
        const results = new Map(messages.map(({ id, result }) => [id, result?.structuredContent]));
        expect(results).toEqual(
          new Map([
            [901, { nonce: "b1" }],
            [902, { nonce: "b2" }],
          ]),
        );
      } else {
        expect(posted?.status).toBe(400);
        expect(messages).toMatchObject([{ error: { code: -32600 } }]);
      }
    });
  });
});

test("every expected failure is one of a cell that exists", () => {
  expect(EXPECTED_FAILURES.filter(entry => !used.has(entry)).map(({ reason }) => reason)).toEqual([]);
});
