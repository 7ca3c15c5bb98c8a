import { expect, test } from "vitest";
import type { Agent } from "../fixtures/agents/answered.ts";
import { legacyAgent, modernAgent } from "../fixtures/agents/http.ts";
import { configToml, startGateway } from "../fixtures/gateway.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { type PlainUpstream, type Posted, startPlainUpstream } from "../fixtures/plain-upstream.ts";

const keep = useCleanup();

/** One gateway in front of a server of each kind. */
async function behind<Name extends string>(kinds: Readonly<Record<Name, Parameters<typeof startPlainUpstream>[0]>>) {
  const started = await Promise.all(
    Object.entries<Parameters<typeof startPlainUpstream>[0]>(kinds).map(
      async ([name, options]) => [name, keep(await startPlainUpstream(options))] as const,
    ),
  );
  const tables = started.map(([name, { url }]) => ({ name, transport: "http", url, health_check_interval: 600 }));
  const toml = configToml(tables, { security: { rate_limit_per_minute: 0 } });
  const gateway = keep(await startGateway({ toml }));
  await gateway.until(({ upstreams }) => upstreams.every(({ state }) => state === "ready"));
  return { gateway, upstreams: Object.fromEntries(started) as Record<Name, PlainUpstream> };
}

const AGENTS: Readonly<Record<string, (url: string) => Promise<Agent>>> = {
  legacy: async url => keep(await legacyAgent(url)),
  modern: async url => modernAgent(url),
};
const call = async (agent: Agent, name = "a") => (await agent.request("tools/call", { name, arguments: {} })).message;
const nameOf = (what: string) => what.toLowerCase().replaceAll(/[^a-z0-9]/g, "-");
const runs = (upstream: PlainUpstream, name = "a") => upstream.count(`tool ${name}`);

const error = (id: unknown, code: number, message: string) => ({ jsonrpc: "2.0", id, error: { code, message } });
const REFUSALS: Readonly<Record<string, (posted: Posted) => void>> = {
  "400 and plain words": ({ answer }) => answer(400, "Bad Request: No valid session ID provided"),
  "400 and nothing": ({ answer }) => answer(400),
  "400 and JSON that is no error": ({ answer }) => answer(400, { detail: "unbekannte Sitzung" }),
  "400 and an error for the request": ({ answer, message }) =>
    answer(400, error(message.id, -32000, "Sitzung unbekannt")),
  "400 and an error for nobody": ({ answer }) => answer(400, error(null, -32000, "nope")),
  "400 and an error for somebody else": ({ answer }) => answer(400, error("server-error", -32600, "nope")),
  "404 and nothing": ({ answer }) => answer(404),
  "404 and an error for the request": ({ answer, message }) => answer(404, error(message.id, -32001, "gone")),
  "404 and an unknown method": ({ answer, message }) => answer(404, error(message.id, -32601, "nope")),
  "401 and nothing": ({ answer }) => answer(401),
  "403 and plain words": ({ answer }) => answer(403, "Forbidden"),
  "410 and HTML": ({ answer }) => answer(410, "<html>"),
  "405 and nothing": ({ answer }) => answer(405),
  "200 and an error for nobody": ({ answer }) => answer(200, error(null, -32001, "nope")),
};

test.each(Object.keys(AGENTS))(
  "an upstream that has forgotten its sessions gets a new one however it says so, and each call of a %s agent runs once",
  async era => {
    const kinds = Object.entries(REFUSALS).map(([what, refuse]) => [nameOf(what), { tools: ["a"], refuse }] as const);
    const { gateway, upstreams } = await behind(Object.fromEntries(kinds));
    for (const what of Object.keys(REFUSALS)) {
      const upstream = upstreams[nameOf(what)]!;
      const agent = await AGENTS[era]!(gateway.of(nameOf(what)));
      expect(await call(agent), what).toHaveProperty("result");
      upstream.forget();
      const opened = upstream.count("initialize");
      expect(await call(agent), what).toHaveProperty("result");
      expect(upstream.count("initialize"), what).toBe(opened + 1);
      expect(await call(agent), what).toHaveProperty("result");
      expect(runs(upstream), what).toBe(3);
    }
  },
);

test("a refusal that does not show that nothing was done costs its call, and the next one is served", async () => {
  const refuse = ({ answer }: Posted) => answer(500, "unknown session");
  const { upstreams, gateway } = await behind({ u: { tools: ["a"], refuse } });
  const upstream = upstreams.u;
  const agent = keep(await legacyAgent(gateway.url));
  await call(agent);
  upstream.forget();
  expect((await call(agent))?.error).toMatchObject({ code: -31003, data: { gateway: { delivery: "unknown" } } });
  expect(await call(agent)).toHaveProperty("result");
  expect(runs(upstream)).toBe(2);
});

test("calls that are refused together get one new session", async () => {
  const { upstreams, gateway } = await behind({ u: { tools: ["a"], refuse: ({ answer }) => answer(400) } });
  const upstream = upstreams.u;
  const agent = keep(await legacyAgent(gateway.url));
  await call(agent);
  upstream.forget();
  const opened = upstream.count("initialize");
  const answers = await Promise.all(Array.from({ length: 8 }, () => call(agent)));
  for (const answer of answers) expect(answer).toHaveProperty("result");
  expect([upstream.count("initialize"), runs(upstream)]).toEqual([opened + 1, 9]);
});

test.each<[string, (posted: Posted) => void, number]>([
  ["400 and an error", ({ answer, message }) => answer(400, error(message.id, -32000, "not today")), 0],
  ["400 and plain words", ({ answer }) => answer(400, "not today"), 0],
  ["404 and nothing", ({ answer }) => answer(404), 1],
])("a tool that always answers %s runs once for each call, and keeps its session", async (_, refuse, renewals) => {
  const instead = (posted: Posted): boolean => {
    const isIts = posted.message.params?.name === "never";
    if (isIts) refuse(posted);
    return isIts;
  };
  const { upstreams, gateway } = await behind({ u: { tools: ["a", "never"], instead } });
  const upstream = upstreams.u;
  const agent = keep(await legacyAgent(gateway.url));
  await call(agent);
  const opened = upstream.count("initialize");
  for (let calls = 0; calls < 5; calls++) {
    const answer = await call(agent, "never");
    expect(answer?.error).toMatchObject({ code: expect.any(Number) });
    if (renewals === 0 && answer?.error?.code === -32000) expect(answer.error.message).toBe("not today");
  }
  expect(upstream.count("initialize") - opened).toBe(renewals);
  expect(runs(upstream, "never")).toBe(5 + renewals);
});

test("a server that knows no session for long is not asked for a new one with every call", async () => {
  let serves = true;
  const instead = ({ message, answer }: Posted): boolean => {
    if (serves || message.method === "initialize" || message.id === undefined) return false;
    answer(400, error(message.id, -32000, "broken"));
    return true;
  };
  const { upstreams, gateway } = await behind({ u: { tools: ["a"], instead } });
  const upstream = upstreams.u;
  const agent = keep(await legacyAgent(gateway.url));
  await call(agent);
  serves = false;
  const opened = upstream.count("initialize");
  for (let calls = 0; calls < 10; calls++) expect((await call(agent))?.error).toMatchObject({ message: "broken" });
  expect(upstream.count("initialize")).toBe(opened + 1);
});
