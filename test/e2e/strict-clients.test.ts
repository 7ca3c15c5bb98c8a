import { AjvJsonSchemaValidator as NewestValidator } from "@modelcontextprotocol/client/validators/ajv";
import { AjvJsonSchemaValidator as OlderValidator } from "@modelcontextprotocol/sdk/validation/ajv-provider.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { listAll } from "../fixtures/agents/answered.ts";
import { legacyAgent, modernAgent } from "../fixtures/agents/http.ts";
import { SDK_CLIENTS } from "../fixtures/agents/sdk.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import { asObject, type Json } from "../fixtures/upstream/contract.ts";
import { startUpstream, type Upstream } from "../fixtures/upstream/upstream.ts";

const OBJECT = { type: "object", properties: { n: { type: "integer" } } };
const of = (parameter: unknown, more: Json = {}): Json => ({ type: "object", properties: { parameter }, ...more });

/** Schemas of which each makes some client drop the whole list that it is in, or fail every call of its tool. */
const ODD: Readonly<Record<string, Json>> = {
  dangling: of({ items: { $ref: "#/$defs/Missing" } }),
  nested: of({ $defs: { A: {} }, properties: { a: { $ref: "#/$defs/A" } } }),
  remote: of({ $ref: "https://127.0.0.1:1/schema.json" }),
  elsewhere: of({ $ref: "schema.json#/definitions/a" }),
  loop: of({ $ref: "#/$defs/a" }, { $defs: { a: { $ref: "#/$defs/b" }, b: { $ref: "#/$defs/a" } } }),
  any: of({ type: "any" }),
  float: of({ type: ["float", null] }),
  required: of({ type: "string", required: true }),
  enumeration: of({ enum: {} }),
  empty: of({ enum: [] }),
  flags: of({ type: "string", pattern: "(?i)abc" }),
  possessive: of({ type: "string", pattern: "a++" }),
  key: of({ patternProperties: { "(?<=a": {} } }),
  nothing: of({ properties: { a: null }, anyOf: [null], items: null }),
  limit: of({ minimum: "1", exclusiveMinimum: true }),
  nullable: of({ nullable: true }),
  identifier: of({ id: "x" }),
  anchors: of({ $anchor: "1 2" }),
  twice: of({}, { $defs: { x: { $anchor: "n" }, y: { $anchor: "n" } } }),
  names: of({ $id: "x:a", properties: { b: { $id: "x:a", type: "string" } } }),
  dialect: of({}, { $schema: "http://json-schema.org/draft-04/schema#" }),
  speechless: of({}, { $schema: null }),
  tuple: of({ items: [{ type: "string" }] }),
  dependent: of({ dependentRequired: { a: "b" } }),
  schemaless: of({ if: 5, not: "x", propertyNames: 1 }),
  draft: { ...OBJECT, $id: "http://json-schema.org/draft-07/schema#" },
  later: { ...OBJECT, $async: true },
  compared: of({ type: "string", format: "email", formatMinimum: "a" }),
};
/** Two schemas of one name, of which only one is what results of its tool look like. */
const NAMESAKES = [
  { $id: "x:result", type: "object", properties: { n: { type: "integer" } } },
  { $id: "x:result", type: "object", properties: { n: { type: "string" } } },
] as const;

let gateway: GatewayRun;
const upstreams: Upstream[] = [];
const definitions: Json[] = [];
beforeAll(async () => {
  const [one, other] = [await startUpstream({ tools: [] }), await startUpstream({ tools: [] })];
  upstreams.push(one, other);
  const add = (upstream: Upstream, definition: Json & { name: string }, n: unknown = 7) => {
    upstream.tools.set(definition.name, { definition, run: () => ({ content: [], structuredContent: { n } }) });
  };
  for (const [name, schema] of Object.entries(ODD)) {
    definitions.push({ name: `out_${name}`, inputSchema: { type: "object" }, outputSchema: schema });
    definitions.push({ name: `in_${name}`, inputSchema: schema });
  }
  definitions.push({ name: "good", inputSchema: OBJECT, outputSchema: OBJECT });
  for (const definition of definitions) add(one, definition as Json & { name: string });
  add(one, { name: "namesake", inputSchema: OBJECT, outputSchema: NAMESAKES[0] });
  add(other, { name: "namesake_too", inputSchema: OBJECT, outputSchema: NAMESAKES[1] }, "seven");
  add(other, { name: "elsewhere", inputSchema: OBJECT });
  const tables = upstreams.map(({ url }, at) => ({ name: `up${at + 1}`, transport: "http", url, group: `g${at}` }));
  gateway = await startGateway({ toml: configToml(tables) });
  await gateway.until();
});
afterAll(async () => {
  await gateway.close();
  for (const upstream of upstreams) await upstream.close();
});

const AGENTS = { legacy: () => legacyAgent(gateway.url), modern: async () => modernAgent(gateway.url) };

describe.each(SDK_CLIENTS)("the client of %s", (_name, connect) => {
  test("lists every tool of every upstream, and calls those whose schemas are odd", async () => {
    const client = await connect(gateway.url);
    const names = await client.tools();
    const offered = upstreams.flatMap(({ tools }) => [...tools.keys()]);
    expect(names.toSorted()).toEqual(offered.toSorted());
    for (const name of names) expect((await client.call(name, {})).isError, name).not.toBe(true);
    await client.close();
  });
});

describe.each(Object.entries(AGENTS))("a %s agent", (_era, connect) => {
  test("gets schemas only that compilers of clients take, all of a list in one place", async () => {
    const agent = await connect();
    const { items } = await listAll(agent, "tools/list");
    const validators = [new NewestValidator(), new OlderValidator()] as const;
    const kept: string[] = [];
    for (const { name, inputSchema, outputSchema } of items) {
      for (const validator of validators) {
        validator.getValidator(inputSchema as never);
        if (outputSchema) validator.getValidator(outputSchema as never);
      }
      if (outputSchema) kept.push(String(name).replace("out_", ""));
    }
    const mended = ["nullable", "identifier", "dialect", "speechless", "tuple", "draft", "later"];
    expect(kept.toSorted()).toEqual([...mended, "good", "namesake", "namesake_too"].toSorted());
    await agent.close();
  });

  test("loses of an input schema what is broken, and no more", async () => {
    const agent = await connect();
    const { items } = await listAll(agent, "tools/list");
    const shown = Object.fromEntries(items.map(({ name, inputSchema }) => [name, asObject(inputSchema)]));
    expect(shown.in_dangling).toEqual(of({ items: {} }));
    expect(shown.in_required).toEqual(of({ type: "string" }));
    expect(shown.in_anchors).toEqual(of({}));
    expect(shown.in_tuple).toEqual(of({ prefixItems: [{ type: "string" }] }));
    expect(shown.in_flags).toEqual(of({ type: "string" }));
    expect(shown.good).toEqual(OBJECT);
    await agent.close();
  });
});

test("an upstream alone is shown as it describes itself", async () => {
  const { resultText } = await modernAgent(gateway.of("up1")).request("tools/list");
  const { tools } = JSON.parse(resultText ?? "{}") as { tools: Json[] };
  expect(tools.slice(0, definitions.length)).toEqual(definitions);
});

test("the status tells of every definition that is not shown as it came, and why", async () => {
  const { catalog, upstreams: states } = await gateway.status();
  const told = new Map(catalog.hidden.map(({ action, name, reason }) => [name, `${action} ${reason}`]));
  for (const name of Object.keys(ODD)) {
    for (const tool of [`out_${name}`, `in_${name}`]) expect(told.get(tool), tool).toMatch(/^repaired repaired: /);
  }
  expect(told.get("out_dangling")).toContain('"$ref": "#/$defs/Missing" leads to nothing');
  expect(told.get("namesake_too")).toContain("that of another schema");
  expect([told.has("good"), told.has("elsewhere"), told.has("namesake")]).toEqual([false, false, false]);
  expect(states.map(({ state }) => state)).toEqual(["ready", "ready"]);
});
