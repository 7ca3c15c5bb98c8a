import { describe, expect, it } from "vitest";
import { headerAnnotations } from "./annotations.ts";
import { Payload } from "./payload.ts";

const region = { type: "string", "x-mcp-header": "Region" };
const read = (schema: object) => headerAnnotations(Payload.of(schema));
const reason = (schema: object): string | undefined => {
  const result = read(schema);
  return result.ok ? undefined : result.reason;
};

describe("header annotations", () => {
  it("are found wherever a chain of properties leads", () => {
    const schema = {
      type: "object",
      properties: {
        region,
        query: { type: "string" },
        deep: { type: "object", properties: { count: { type: "integer", "x-mcp-header": "X-Count" } } },
        __flag: { type: "boolean", "x-mcp-header": "flag" },
      },
    };
    expect(read(schema)).toEqual({
      ok: true,
      headers: [
        { header: "Region", path: ["region"], type: "string" },
        { header: "X-Count", path: ["deep", "count"], type: "integer" },
        { header: "flag", path: ["__flag"], type: "boolean" },
      ],
    });
  });

  it("are none in a schema without them, nor in data or in a property of that name", () => {
    for (const schema of [
      {},
      { properties: { "x-mcp-header": { type: "string" } } },
      { properties: { a: { default: { "x-mcp-header": "A" }, enum: [{ "x-mcp-header": "" }] } } },
    ]) {
      expect(read(schema)).toEqual({ ok: true, headers: [] });
    }
  });

  it.each([
    ["empty", { "x-mcp-header": "" }],
    ["no text", { "x-mcp-header": 1 }],
    ["no token", { "x-mcp-header": "a b" }],
    ["a line break", { "x-mcp-header": "a\r\nSet-Cookie" }],
    ["on a number", { type: "number" }],
    ["on an object", { type: "object" }],
    ["without a type", { type: undefined }],
    ["on several types", { type: ["string", "null"] }],
  ])("are refused when one is %s", (_, change) => {
    expect(reason({ properties: { a: { ...region, ...change } } })).toContain('"a"');
  });

  it("are refused when two differ only in case", () => {
    expect(reason({ properties: { a: region, b: { ...region, "x-mcp-header": "REGION" } } })).toContain("repeats");
  });

  it.each([
    region,
    { properties: { list: { type: "array", items: { properties: { a: region } } } } },
    { properties: { list: { prefixItems: [region] } } },
    { anyOf: [{ properties: { a: region } }] },
    { if: { properties: { a: region } } },
    { $defs: { a: region }, properties: { b: { $ref: "#/$defs/a" } } },
    { additionalProperties: region },
    { patternProperties: { "^a": region } },
  ])("are refused where no chain of properties leads: %j", schema => {
    expect(reason(schema)).toContain("no chain");
  });

  it("are read in linear time, however many there are", () => {
    const names = Array.from({ length: 16_000 }, (_, at) => `h${at}`);
    const properties = Object.fromEntries(names.map(name => [name, { type: "string", "x-mcp-header": name }]));
    const startedMs = performance.now();
    // Comparing each with each would take seven seconds.
    for (let round = 0; round < 3; round++) expect(read({ properties })).toMatchObject({ ok: true });
    expect(performance.now() - startedMs).toBeLessThan(2_000);
  });

  it("are found under an escaped spelling", () => {
    const schema = Payload.parse('{"properties":{"a":{"type":"number","x-mcp-\\u0068eader":"A"}}}');
    expect(headerAnnotations(schema).ok).toBe(false);
  });
});
