import { describe, expect, it } from "vitest";
import { configSchema, type UpstreamConfig } from "../config/schema.ts";
import { likenesses, newTwins } from "./likeness.ts";

type Table = Readonly<Record<string, unknown>>;

const parsed = (...tables: readonly Table[]): readonly UpstreamConfig[] =>
  configSchema.parse({ upstreams: tables.map((table, at) => ({ name: `u${at}`, ...table })) }).upstreams;

/** Whether the first two of these may be replicas without being told. */
function alike(...tables: readonly Table[]): boolean {
  const found = likenesses(parsed(...tables));
  const [a, b] = [found.get("u0"), found.get("u1")];
  const same = a !== undefined && a.fingerprint === b?.fingerprint;
  if (same) expect([a.hasTwin, b.hasTwin]).toEqual([true, true]);
  return same;
}

const http = (url: string, more: Table = {}): Table => ({ transport: "http", url, ...more });
const stdio = (more: Table = {}): Table => ({ transport: "stdio", command: "server", args: ["--x"], ...more });
const oauth = (more: Table = {}): Table => ({
  auth: { auth_type: "oauth", token_url: "https://id.test/token", client_id: "c", client_secret: "s", ...more },
});
const [ONE, TWO] = ["http://127.0.0.1:1/mcp", "http://localhost:2/mcp"] as const;

describe("the owner of two places is one", () => {
  it.each([
    [ONE, TWO],
    ["http://127.9.9.9:1/a", "https://[::1]:2/b"],
    ["http://127.1:1", "http://0x7f.0.0.1:2"],
    ["http://[::ffff:127.0.0.1]:1", "http://LOCALHOST.:2"],
    ["http://[::ffff:127.20.30.40]:1", "http://127.200.30.40:2"],
    ["https://mcp.test/a", "https://mcp.test:443/b"],
    ["https://MCP.test/a", "https://mcp.test/b"],
  ])("for %s and %s", (a, b) => {
    expect(alike(http(a), http(b))).toBe(true);
  });

  it.each([
    ["https://bank.test/mcp", "https://weather.test/mcp"],
    ["https://mcp.test/mcp", "https://mcp.test:8443/mcp"],
    ["https://mcp.test/mcp", "http://mcp.test/mcp"],
    ["https://mcp.test/mcp", "https://mcp.test.evil.test/mcp"],
    ["https://a.mcp.test/mcp", "https://b.mcp.test/mcp"],
    [ONE, "https://weather.test/mcp"],
    [ONE, "http://x.localhost:2/mcp"],
    [ONE, "http://127.0.0.1.nip.test:2/mcp"],
    [ONE, "http://localhost.test:2/mcp"],
    [ONE, "http://0.0.0.0:2/mcp"],
    [ONE, "http://10.0.0.1:2/mcp"],
    [ONE, "http://[::ffff:10.0.0.1]:2/mcp"],
    ["https://mcp.test/mcp?project=a", "https://mcp.test/mcp?project=b"],
  ])("but not for %s and %s", (a, b) => {
    expect(alike(http(a), http(b))).toBe(false);
  });
});

describe("replicas that nobody declared", () => {
  it.each([
    [{}, { priority: 3, health_check_interval: 7 }],
    [{ headers: { Authorization: "a" } }, { headers: { authorization: "b" } }],
    [{ headers: { "X-Api-Key": "a" } }, {}],
    [
      { headers: { apikey: "a", "X-One": "1", "X-Two": "2" } },
      { headers: { "x-two": "2", "x-one": "1", api_key: "b" } },
    ],
    [{ tool_timeouts: { a: 1, b: 2 } }, { tool_timeouts: { b: 2, a: 1 } }],
    [oauth(), oauth({ client_id: "d", client_secret: "t" })],
  ])("may have %j and %j", (a, b) => {
    expect(alike(http(ONE, a), http(TWO, b))).toBe(true);
  });

  it.each([
    [oauth(), oauth({ token_url: "https://evil.test/token" })],
    [oauth(), oauth({ token_url: "https://id.test/other-tenant/token" })],
    [oauth(), oauth({ audience: "other" })],
    [oauth(), {}],
    [{ headers: { "X-Tenant": "a" } }, { headers: { "X-Tenant": "b" } }],
    [{ timeout: 1 }, { timeout: 2 }],
    [{ trust_annotations: true }, {}],
    [{ resources: ["a"] }, { resources: ["b"] }],
    [{ group: "g" }, {}],
  ])("may not have %j and %j", (a, b) => {
    expect(alike(http(ONE, a), http(TWO, b))).toBe(false);
  });

  it("do not speak over different transports", () => {
    expect(alike(http(ONE), { transport: "sse", url: TWO })).toBe(false);
  });

  it("are not two accounts at one address, nor a third beside them", () => {
    const as = (Authorization: string): Table => http(ONE, { headers: { Authorization } });
    expect(alike(as("me"), as("me"))).toBe(true);
    expect(alike(as("me"), as("you"))).toBe(false);
    expect(alike(http("http://me:x@127.0.0.1:1/mcp"), http("http://you:y@127.0.0.1:1/mcp"))).toBe(false);
    expect(alike(as("me"), http(TWO, { headers: { Authorization: "she" } }), as("you"))).toBe(false);
    expect(alike(as("me"), http(TWO, { headers: { Authorization: "me" } }), as("you"))).toBe(true);
  });

  it("are children of one command with the same surroundings", () => {
    expect(alike(stdio(), stdio({ priority: 2 }))).toBe(true);
    for (const other of [
      { command: "other" },
      { args: ["--y"] },
      { env: { API_TOKEN: "b" } },
      { inherit_env: ["HOME"] },
      { cwd: "/tmp" },
    ]) {
      expect(alike(stdio(), stdio(other)), JSON.stringify(other)).toBe(false);
    }
  });
});

it("nobody has a twin alone, beside another server, or beside members of a group", () => {
  const twins = (...tables: readonly Table[]) =>
    [...likenesses(parsed(...tables)).values()].map(({ hasTwin }) => hasTwin);
  expect(twins(http(ONE))).toEqual([false]);
  expect(twins(http(ONE), http("https://weather.test/mcp"))).toEqual([false, false]);
  expect(twins(http(ONE), http(TWO, { group: "g" }))).toEqual([false]);
  expect(twins(http(ONE), http("https://weather.test/mcp"), http(TWO))).toEqual([true, false, true]);
  expect(twins(stdio(), stdio())).toEqual([true, true]);
});

it("what is known of an upstream is that of its place, whoever else is configured", () => {
  const identity = (...tables: readonly Table[]): string | undefined =>
    likenesses(parsed(...tables)).get("u0")?.identity;
  const before = identity(http(ONE), http(TWO));
  expect(identity(http(ONE, { priority: 2, headers: { Cookie: "x" } }), http(ONE, { headers: { Cookie: "y" } }))).toBe(
    before,
  );
  expect(identity(http(TWO))).not.toBe(before);
});

describe("what an upstream is known by", () => {
  const identity = (table: Table): unknown => likenesses(parsed(table)).get("u0")?.identity;

  it.each([{ timeout: 9 }, { tools: ["a"] }, { max_concurrency: 2 }, { priority: 2 }, { trust_annotations: true }])(
    "stays with %j",
    more => {
      expect(identity(http(ONE, more))).toBe(identity(http(ONE)));
      expect(identity(stdio(more))).toBe(identity(stdio()));
    },
  );

  it.each([
    [http(ONE), http(TWO)],
    [http(ONE), http(`${ONE}?project=a`)],
    [http(ONE), http(ONE, { headers: { "X-Tenant": "a" } })],
    [http(ONE), http(ONE, oauth())],
    [http(ONE), http(ONE, { protocol: "legacy" })],
    [http(ONE), { ...http(ONE), transport: "sse" }],
    [stdio(), stdio({ command: "other" })],
    [stdio(), stdio({ args: ["--y"] })],
    [stdio(), stdio({ env: { A: "1" } })],
    [stdio(), stdio({ inherit_env: ["A"] })],
    [stdio(), stdio({ cwd: "x" })],
  ])("is another for %j and %j", (one, other) => {
    expect(identity(one)).not.toBe(identity(other));
  });
});

describe("twins that come of a change", () => {
  const newOnes = (before: readonly Table[], after: readonly Table[]): string[] => [
    ...newTwins(parsed(...before), parsed(...after)),
  ];
  const [slow, fast] = [{ timeout: 60 }, { timeout: 50 }];

  it("are both, whoever of them was changed", () => {
    expect(newOnes([http(ONE, fast), http(TWO, slow)], [http(ONE, fast), http(TWO, fast)])).toEqual(["u0", "u1"]);
  });

  it("are none where they were twins before, or are none afterwards", () => {
    expect(newOnes([http(ONE, slow), http(TWO, slow)], [http(ONE, fast), http(TWO, fast)])).toEqual([]);
    expect(newOnes([http(ONE, slow), http(TWO, slow)], [http(ONE, fast), http(TWO, slow)])).toEqual([]);
    expect(newOnes([http(ONE, slow), stdio()], [http(ONE, fast), stdio()])).toEqual([]);
  });

  it("include one that leaves its twin for another", () => {
    const three = (...timeouts: number[]) =>
      timeouts.map((timeout, at) => http(`http://127.0.0.1:${at + 1}`, { timeout }));
    expect(newOnes(three(60, 60, 50), three(60, 50, 50))).toEqual(["u1", "u2"]);
  });
});
