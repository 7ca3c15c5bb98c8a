import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Payload } from "../src/core/payload.ts";
import { OF_REQUESTS, OF_RESULTS } from "./differential/changes.ts";
import { jsonObject, jsonValue, meta, result } from "./differential/messages.ts";
import { expectedVerdict, posting, type Verdict } from "./differential/requests.ts";
import type { Agent } from "./fixtures/agents/answered.ts";
import { legacyAgent, modernAgent, POST_HEADERS } from "./fixtures/agents/http.ts";
import { readAll, send } from "./fixtures/agents/wire.ts";
import { configToml, type GatewayRun, startGateway } from "./fixtures/gateway.ts";
import { type Json, RawResult, type RpcMessage } from "./fixtures/upstream/contract.ts";
import { startUpstream, type Upstream } from "./fixtures/upstream/upstream.ts";

/** What is sent directly and what is sent through the gateway arrive the same, but for the documented changes. */
const RUNS = Number(process.env.MESSAGES ?? 60);
const ERAS = ["legacy", "modern"] as const;
type Era = (typeof ERAS)[number];

const upstreams = {} as Record<Era, Upstream>;
const direct = {} as Record<Era, Agent>;
const through = {} as Record<Era, Record<Era, Agent>>;
let gateway: GatewayRun;
let given = "{}";

const open = (era: Era, url: string): Promise<Agent> | Agent =>
  era === "legacy" ? legacyAgent(url) : modernAgent(url);

beforeAll(async () => {
  for (const era of ERAS) {
    const upstream = await startUpstream({ era, name: era, scheme: era });
    const definition = { name: "give", description: "Gives what the test says", inputSchema: { type: "object" } };
    upstream.tools.set("give", { definition, run: () => new RawResult(given) });
    upstreams[era] = upstream;
    direct[era] = await open(era, upstream.url);
  }
  const tables = ERAS.map(era => ({ name: era, transport: "http", url: upstreams[era].url, group: era }));
  gateway = await startGateway({ toml: configToml(tables, { security: { rate_limit_per_minute: 0 } }) });
  await gateway.until(({ upstreams: all }) => all.every(({ state }) => state === "ready"));
  for (const agent of ERAS) {
    const to = {} as Record<Era, Agent>;
    for (const upstream of ERAS) to[upstream] = await open(agent, gateway.of(upstream));
    through[agent] = to;
  }
});

afterAll(async () => {
  for (const agent of [...Object.values(direct), ...Object.values(through).flatMap(Object.values)] as Agent[]) {
    await agent.close();
  }
  await gateway?.close();
  for (const upstream of Object.values(upstreams)) await upstream.close();
});

/** Members as the text that they came in, in their order; `_meta` as a value, since it is put together on the way. */
function membersOf(text: Buffer | string, documented: readonly string[]): [string, unknown][] {
  const object = Payload.parse(text);
  const all = [...object.keys()].filter(key => !documented.includes(key) && key !== "_meta");
  const own = Object.entries(object.object("_meta")?.value() ?? {}).filter(
    ([key]) => !documented.includes(`_meta.${key}`),
  );
  const rest = own.length === 0 ? [] : [["_meta", Object.fromEntries(own)] as [string, unknown]];
  return [...all.map((key): [string, unknown] => [key, object.raw(key)?.toString()]), ...rest];
}

async function arriving(agent: Agent, upstream: Upstream, call: { rawParams: string; meta: Json }) {
  upstream.journal.clear();
  const answer = await agent.request("tools/call", { _meta: call.meta }, { rawParams: call.rawParams });
  const [sent] = upstream.journal.sent("tools/call");
  return { answer, params: sent && Payload.parse(sent.body).raw("params") };
}

describe.each(ERAS)("a %s agent", agentEra => {
  describe.each(ERAS)("and a %s upstream", upstreamEra => {
    test("send and get the same as without the gateway", async () => {
      const upstream = upstreams[upstreamEra];
      const message = fc.record({ args: jsonObject, own: jsonValue, meta, result });
      const property = fc.asyncProperty(message, async generated => {
        const metaText = `,"_meta":${JSON.stringify(generated.meta)}`;
        const metaFor = (era: Era) => (era === "legacy" ? metaText : "");
        // The modern fixture says in `_meta` who it is.
        given = `${generated.result.slice(0, -1)}${metaFor(upstreamEra)}}`;
        const params = `{"x-own":${generated.own},"arguments":${generated.args},"name":"give"`;
        const alone = await arriving(direct[upstreamEra], upstream, {
          rawParams: `${params}${metaFor(upstreamEra)}}`,
          meta: generated.meta,
        });
        const forwarded = await arriving(through[agentEra][upstreamEra], upstream, {
          rawParams: `${params}${metaFor(agentEra)}}`,
          meta: generated.meta,
        });
        expect(membersOf(forwarded.params ?? "{}", OF_REQUESTS)).toEqual(membersOf(alone.params ?? "{}", OF_REQUESTS));
        const [without, behind] = [alone.answer.resultText, forwarded.answer.resultText];
        expect(without).toBeDefined();
        expect(membersOf(behind ?? `{"error":${forwarded.answer.raw}}`, OF_RESULTS)).toEqual(
          membersOf(without ?? "{}", OF_RESULTS),
        );
      });
      await fc.assert(property, { numRuns: RUNS });
    });
  });
});

describe("a request with any headers, envelope and body", () => {
  const refusals = [-32600, -32602, -32020, -32022];

  test("gets the verdict that the SDK gives, but for a handshake in a modern envelope", async () => {
    const verdicts = new Map<Verdict, number>();
    const property = fc.asyncProperty(posting, async one => {
      const headers = { ...POST_HEADERS, ...one.headers };
      const response = await send(gateway.of("modern"), { method: "POST", headers, body: JSON.stringify(one.body) });
      const { result, error } = JSON.parse(await readAll(response)) as RpcMessage;
      const status = response.statusCode ?? 0;
      const opened = response.headers["mcp-session-id"] !== undefined;
      const verdict: Verdict = status === 400 ? "refused" : opened ? "session" : "answered";
      expect(verdict, JSON.stringify({ status, error })).toBe(expectedVerdict(one));
      verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
      if (verdict === "refused") expect(refusals).toContain(error?.code);
      else expect(result ?? error).toBeDefined();
    });
    await fc.assert(property, { numRuns: 10 * RUNS });
    expect([...verdicts.keys()].sort()).toEqual(["answered", "refused", "session"]);
  });
});
