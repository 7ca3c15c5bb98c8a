import { lookup } from "node:dns/promises";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { legacyAgent } from "../fixtures/agents/http.ts";
import { type Between, type Deal, startBetween } from "../fixtures/between.ts";
import { expectToWork, failureOf, gatewayTo, statusOf } from "../fixtures/client-lab.ts";
import type { GatewayRun } from "../fixtures/gateway.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { type StartOptions, startUpstream, type Upstream } from "../fixtures/upstream/upstream.ts";

const keep = useCleanup();
const fixture = async (options: StartOptions = {}): Promise<Upstream> =>
  keep(await startUpstream({ era: "legacy", anyHost: true, ...options }));
const between = async (deal: Deal): Promise<Between> => keep(await startBetween(deal));
const behind = async (...about: Parameters<typeof gatewayTo>): Promise<GatewayRun> => keep(await gatewayTo(...about));

describe("an upstream that redirects", () => {
  test.each<[string, number, (base: string) => string]>([
    ["as Starlette does", 307, base => `${base}/mcp/`],
    ["with a path", 308, () => "/v1/mcp"],
    ["as routers correct an address", 301, () => "/mcp/"],
  ])("within its origin is followed with every method: %s", async (_, status, location) => {
    const upstream = await fixture();
    const gate: Between = await between((request, response, pass) => {
      if (request.url === "/mcp") response.writeHead(status, { location: location(gate.base) }).end();
      else pass(upstream.port, { path: "/mcp" });
    });
    const gateway = await behind({ url: `${gate.base}/mcp`, headers: { "X-Api-Key": "k" } });
    await expectToWork(gateway);
    const answered = gate.seen.filter(({ url }) => url !== "/mcp");
    expect(new Set(answered.map(({ headers }) => headers["x-api-key"]))).toEqual(new Set(["k"]));
    expect(answered.map(({ method }) => method)).toContain("GET");
    await gateway.stop();
    expect(answered.length).toBeGreaterThan(0);
    expect(upstream.sessions()).toBe(0);
  });

  test("to another origin gets nothing there, and the address to write is named", async () => {
    const upstream = await fixture();
    const far = await between((_request, _response, pass) => pass(upstream.port));
    const gate = await between(
      (_, response) => void response.writeHead(307, { location: `${far.base}/mcp?canary` }).end(),
    );
    const gateway = await behind({ url: `${gate.base}/mcp`, headers: { Authorization: "Bearer secret" } });
    const lastError = await failureOf(gateway);
    expect(lastError).toContain(`${far.base}/mcp`);
    expect(lastError).not.toContain("canary");
    expect(far.seen).toEqual([]);
  });
});

describe("an upstream behind a load balancer that sets a cookie", () => {
  test("is used by each agent on the node that it got, and by no agent with another's cookie", async () => {
    const nodes = [await fixture({ name: "a" }), await fixture({ name: "b" })];
    let next = 0;
    const gate = await between((request, response, pass) => {
      const node = /(?:^|; )node=(\d)/.exec(request.headers.cookie ?? "")?.[1] ?? String(next++ % 2);
      response.setHeader("set-cookie", `node=${node}; Path=/; HttpOnly`);
      pass(nodes[Number(node)]!.port);
    });
    const gateway = await behind({ url: `${gate.base}/mcp` });
    await statusOf(gateway, "ready");
    const agents = await Promise.all(Array.from({ length: 4 }, () => legacyAgent(gateway.url)));
    for (let round = 0; round < 3; round++) {
      for (const agent of agents) {
        const reply = await agent.request("tools/call", { name: "echo", arguments: { text: "hello" } });
        expect(reply.message?.error).toBeUndefined();
      }
    }
    for (const { headers } of gate.seen) {
      if (headers["mcp-session-id"] !== undefined) expect(headers.cookie).toMatch(/^node=\d$/);
    }
    await Promise.all(agents.map(agent => agent.remove()));
  });

  test("without sessions keeps agents apart all the same", async () => {
    const upstream = await fixture({ sessions: false });
    let given = 0;
    const gate = await between((request, response, pass) => {
      if (request.headers.cookie === undefined && request.method === "POST") {
        response.setHeader("set-cookie", `who=${++given}`);
      }
      pass(upstream.port);
    });
    const gateway = await behind({ url: `${gate.base}/mcp` });
    await statusOf(gateway, "ready");
    const cookiesOf = async (agent: Awaited<ReturnType<typeof legacyAgent>>): Promise<Set<string | undefined>> => {
      const before = gate.seen.length;
      await agent.request("tools/call", { name: "echo", arguments: { text: "1" } });
      await agent.request("tools/call", { name: "echo", arguments: { text: "2" } });
      const since = gate.seen.slice(before).filter(({ headers }) => headers["mcp-protocol-version"] !== undefined);
      return new Set(since.map(({ headers }) => headers.cookie));
    };
    const [first, second] = [await legacyAgent(gateway.url), await legacyAgent(gateway.url)];
    const [one, two] = [await cookiesOf(first), await cookiesOf(second)];
    expect([...one, ...two]).not.toContain(undefined);
    expect([one.size, two.size]).toEqual([1, 1]);
    expect(one).not.toEqual(two);
    await Promise.all([first.remove(), second.remove()]);
  });
});

describe("credentials in a URL", () => {
  test("are sent as Basic and shown nowhere", async () => {
    const upstream = await fixture();
    const basic = `Basic ${Buffer.from("me:ca nary").toString("base64")}`;
    let refuses = false;
    const gate = await between((request, response, pass) => {
      if (refuses) response.destroy();
      else if (request.headers.authorization === basic) pass(upstream.port);
      else response.writeHead(401, { "www-authenticate": "Basic" }).end();
    });
    const url = `http://me:ca%20nary@127.0.0.1:${gate.port}/mcp`;
    const gateway = await behind({ url, health_check_interval: 1 });
    await expectToWork(gateway);
    const texts = [
      JSON.stringify(await gateway.status()),
      (await gateway.rad("mcp", "proxy", "status")).stdout,
      (await gateway.rad("mcp", "proxy", "validate")).stdout,
    ];
    refuses = true;
    await gateway.until(({ upstreams }) => upstreams[0]?.lastError !== null);
    texts.push(JSON.stringify(await gateway.status()));
    await gateway.stop();
    texts.push(gateway.output(), ...filesIn(join(gateway.dir, ".radium", "run")));
    expect(texts.length).toBeGreaterThan(4);
    for (const text of texts) {
      for (const secret of ["ca%20nary", "ca nary", basic.slice("Basic ".length)]) expect(text).not.toContain(secret);
    }
  });
});

describe("a wrong `transport`", () => {
  test("`sse` for a server of Streamable HTTP works all the same", async () => {
    const upstream = await fixture();
    await expectToWork(await behind({ transport: "sse", url: upstream.url }));
  });

  test("`http` for a server of HTTP+SSE works all the same, and again after it was away", async () => {
    const upstream = await fixture({ transport: "sse" });
    const gateway = await behind({ url: upstream.url, health_check_interval: 1 });
    await expectToWork(gateway);
    await upstream.restart();
    await expectToWork(gateway);
  });

  test("is not looked for where an address leads nowhere", async () => {
    const upstream = await fixture();
    const gateway = await behind({ url: `${new URL(upstream.url).origin}/elsewhere` });
    expect(await failureOf(gateway)).toContain("404");
  });
});

describe("what an HTTP library does without being asked", () => {
  test("says who asks, and lets `headers` say something else", async () => {
    const upstream = await fixture();
    const gate = await between((_request, _response, pass) => pass(upstream.port));
    await expectToWork(await behind({ url: `${gate.base}/mcp` }));
    expect(gate.seen[0]?.headers["user-agent"]).toMatch(/^radium-mcp-proxy\/\d+\.\d+\.\d+/);
    const first = gate.seen.length;
    const headers = { "User-Agent": "mine/1", Host: "inner.example", Accept: "text/plain", Cookie: "a=1" };
    await expectToWork(await behind({ url: `${gate.base}/mcp`, headers }));
    const { rawHeaders } = gate.seen[first]!;
    const values = (name: string) =>
      rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === name);
    expect(["user-agent", "host", "cookie"].map(values)).toEqual([["mine/1"], ["inner.example"], ["a=1"]]);
    expect(values("accept")).toEqual(["text/plain, application/json, text/event-stream"]);
  });

  test("reads what was compressed without being asked", async () => {
    const upstream = await fixture();
    const gate = await between((_request, _response, pass) => pass(upstream.port, { gzip: true }));
    await expectToWork(await behind({ url: `${gate.base}/mcp` }));
  });

  test.for([
    ["IPv4", "127.0.0.1"],
    ["IPv6", "::1"],
  ] as const)("finds `localhost` where it listens on %s only", async ([, host], { skip }) => {
    if (!(await resolves(host))) skip(`localhost does not lead to ${host} on this machine`);
    const upstream = await fixture();
    const gate = keep(await startBetween((_request, _response, pass) => pass(upstream.port), host));
    await expectToWork(await behind({ url: `http://localhost:${gate.port}/mcp` }));
  });

  test("keeps blanks, percent signs and queries of an address, and drops its fragment", async () => {
    const upstream = await fixture();
    const gate = await between((_request, _response, pass) => pass(upstream.port, { path: "/mcp" }));
    await expectToWork(await behind({ url: `${gate.base}/a b/%2Fc/ä?key=x%20y&z=%C3%A4#part` }));
    expect(new Set(gate.seen.map(({ url }) => url))).toEqual(new Set(["/a%20b/%2Fc/%C3%A4?key=x%20y&z=%C3%A4"]));
  });
});

const resolves = async (address: string): Promise<boolean> =>
  (await lookup("localhost", { all: true })).some(found => found.address === address);

/** The texts of all files in a folder and below. */
function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map(name => join(folder, name))
    .filter(path => statSync(path).isFile())
    .map(path => readFileSync(path, "latin1"));
}
