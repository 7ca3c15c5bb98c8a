import { createRequire } from "node:module";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createSchemaCompiler } from "../lib/compile-schema.ts";
import { mendSchema } from "./mend-schema.ts";

const compile = createSchemaCompiler();
const mend = (schema: object) => mendSchema(schema as Record<string, unknown>, Buffer.from(JSON.stringify(schema)));
const of = (parameter: object, more: object = {}) => ({ type: "object", properties: { parameter }, ...more });
/** What is left of a parameter, where only one keyword of it is at stake. */
const left = (parameter: object, more: object = {}) =>
  (mend(of(parameter, more)).schema as { properties: { parameter: unknown } }).properties.parameter;

describe("a schema that every compiler takes", () => {
  it.each<object>([
    of({ type: ["string", "null"], minLength: 1, pattern: "^\\p{L}+$", format: "no-such-format", default: null }),
    of(
      { $ref: "#/$defs/Node" },
      { $defs: { Node: { type: "object", properties: { next: { $ref: "#/$defs/Node" } } } } },
    ),
    of({ $ref: "#/$defs/a~1b%20c" }, { $defs: { "a/b c": true } }),
    of({ $ref: "#/properties/other" }, { properties: { parameter: { $ref: "#/properties/other" }, other: {} } }),
    { type: "object", properties: { child: { $ref: "#" } } },
    of({ oneOf: [{ const: null }, { enum: [1, null] }], not: { required: ["x"] }, if: {}, else: false, "x-own": null }),
    of(
      { nullable: true, type: "string" },
      { $schema: "https://json-schema.org/draft/2020-12/schema", additionalProperties: false },
    ),
    of({ items: [{ type: "string" }], additionalItems: false }, { $schema: "http://json-schema.org/draft-07/schema#" }),
    of({ dependencies: { a: ["b"], c: { type: "object" } }, dependentRequired: { a: ["b"] }, required: [] }),
    of({ $ref: "#/$defs/a" }, { $id: "https://example.com/schemas/s-1.json", $defs: { a: {} } }),
  ])("is kept as it is: %j", schema => {
    const mended = mend(schema);
    expect(mended).toEqual({ schema, faults: [], isLooser: false, isUnsure: false });
    expect(mended.schema).toBe(schema);
    expect(compile(JSON.stringify(schema), false)).toEqual({ reason: undefined });
  });
});

describe("of a schema that some compiler refuses", () => {
  it.each<[what: string, parameter: object, left: object]>([
    ["a reference that leads to nothing", { $ref: "#/$defs/Missing", title: "T" }, { title: "T" }],
    [
      "a reference to definitions further in",
      { $defs: { A: {} }, items: { $ref: "#/$defs/A" } },
      { $defs: { A: {} }, items: {} },
    ],
    ["a reference to another place", { $ref: "https://example.com/s.json", type: "string" }, { type: "string" }],
    ["a reference to another file", { $ref: "s.json#/a" }, {}],
    ["a reference to a name that nothing has", { $ref: "#name" }, {}],
    ["a reference with a broken escape", { $ref: "#/%zz" }, {}],
    ["a type that is none", { type: "any", minLength: 1 }, { minLength: 1 }],
    ["a type among others that is none", { type: ["string", "any"] }, {}],
    ["an empty list of types", { type: [] }, {}],
    ["a limit that is a text", { minimum: "1", maximum: 2 }, { maximum: 2 }],
    ["a limit that is a switch", { minimum: 1, exclusiveMinimum: true }, { minimum: 1 }],
    ["a count that is none", { minLength: -1, maxLength: 1.5, minItems: 2 }, { minItems: 2 }],
    ["a switch for one that is required", { required: true, type: "string" }, { type: "string" }],
    ["an enumeration that is none", { enum: {}, type: "string" }, { type: "string" }],
    ["an empty enumeration", { enum: [] }, {}],
    ["a pattern with flags of another language", { pattern: "(?i)abc" }, {}],
    ["a possessive pattern", { pattern: "a++", type: "string" }, { type: "string" }],
    ["a pattern with names of another language", { pattern: "(?P<year>\\d+)" }, {}],
    ["a key that is no pattern", { patternProperties: { "(?i)x": {}, "^a": {} } }, { patternProperties: { "^a": {} } }],
    ["parameters that are a list", { type: "object", properties: [] }, { type: "object" }],
    ["a parameter that is no schema", { properties: { a: 5, b: {} } }, { properties: { b: {} } }],
    ["an alternative that is no schema", { anyOf: [5, { type: "string" }] }, { anyOf: [{ type: "string" }] }],
    ["an exclusion of what is broken", { not: { type: "any" }, type: "string" }, { type: "string" }],
    ["a condition that is broken", { if: { $ref: "#/no" }, else: {} }, { else: {} }],
    [
      "one of several that is broken",
      { oneOf: [{ type: "any" }, { type: "null" }] },
      { anyOf: [{}, { type: "null" }] },
    ],
    ["further items that are a text", { items: "string", type: "array" }, { type: "array" }],
  ])("%s is taken out, and no more than that", (_what, parameter, rest) => {
    const schema = of(parameter);
    expect(compile(JSON.stringify(schema), false).reason ?? "refused where values are checked").toEqual(
      expect.any(String),
    );
    const mended = mend(schema);
    expect(left(parameter)).toEqual(rest);
    expect([mended.isLooser, mended.faults.length > 0]).toEqual([true, true]);
    expect(compile(JSON.stringify(mended.schema), false)).toEqual({ reason: undefined });
  });

  it.each<[what: string, parameter: object, left: object]>([
    [
      "members that are null",
      { type: "string", enum: null, items: null, $ref: null, default: null },
      { type: "string", default: null },
    ],
    ["remarks that are no texts", { title: 5, description: {}, examples: "x", type: "string" }, { type: "string" }],
    [
      "types that other languages have",
      { type: "float", items: { type: ["STRING", "int"] } },
      { type: "number", items: { type: ["string", "integer"] } },
    ],
    [
      "names and values that stand twice",
      { required: ["a", "a"], enum: [1, 1], type: ["string", "string"] },
      { required: ["a"], enum: [1], type: ["string"] },
    ],
    ["escapes that nobody needs", { pattern: "^\\@a\\_b$" }, { pattern: "^@a_b$" }],
    ["an identifier of an old draft", { id: "x", type: "string" }, { type: "string" }],
    [
      "names that are a draft's",
      { $id: "http://json-schema.org/draft-07/schema#", type: "string" },
      { type: "string" },
    ],
    ["a switch that says nothing", { nullable: true }, {}],
    ["a validator that answers later", { $async: true, type: "string" }, { type: "string" }],
    ["items as a list", { items: [{ type: "string" }], additionalItems: false }, { prefixItems: [{ type: "string" }] }],
  ])("%s are mended without a change of what is valid", (_what, parameter, rest) => {
    const mended = mend(of(parameter));
    expect(left(parameter)).toEqual(rest);
    expect([mended.isLooser, mended.faults.length > 0]).toEqual([false, true]);
    expect(compile(JSON.stringify(mended.schema), false)).toEqual({ reason: undefined });
  });

  it.each([
    null,
    5,
    "https://example.com/dialect",
    "http://json-schema.org/draft-04/schema#",
    "http://json-schema.org/schema",
  ])("the dialect %j is left out", $schema => {
    expect(mend({ ...of({}), $schema })).toMatchObject({ schema: of({}), isLooser: false, isUnsure: false });
  });

  it("references that lead back to themselves without going into the value are cut, and others are not", () => {
    const $defs = {
      a: { $ref: "#/$defs/b" },
      b: { allOf: [{ $ref: "#/$defs/a" }] },
      c: { items: { $ref: "#/$defs/c" } },
    };
    const schema = of({ anyOf: [{ $ref: "#/$defs/a" }, { $ref: "#/$defs/c" }] }, { $defs });
    const mended = mend(schema);
    expect(mended.faults).toEqual(['"$ref": "#/$defs/a" leads back to itself']);
    expect((mended.schema as { $defs: object }).$defs).toEqual({ ...$defs, b: { allOf: [{}] } });
    expect(mend({ type: "object", $ref: "#" }).schema).toEqual({ type: "object" });
  });
});

describe("only a compiler can tell", () => {
  it.each<object>([
    of({ $ref: "#name" }, { $defs: { x: { $anchor: "name" } } }),
    of({ $id: "x:inner" }, { $id: "https://example.com/s" }),
    of({ $dynamicRef: "#name" }),
    of({ $ref: "#/x-own/y" }, { "x-own": { y: { type: "any" } } }),
    of({ type: "string", format: "date", formatMinimum: "2020-01-01" }),
  ])("whether %j is taken", schema => expect(mend(schema)).toMatchObject({ isUnsure: true, isLooser: false }));
});

describe("any schema at all", () => {
  const keyword = fc.constantFrom(
    ..."type enum required properties patternProperties $defs definitions allOf anyOf oneOf not if then else items".split(
      " ",
    ),
    ..."prefixItems contains additionalItems additionalProperties propertyNames unevaluatedItems pattern format id".split(
      " ",
    ),
    ..."unevaluatedProperties dependentSchemas dependencies dependentRequired minimum multipleOf minLength $ref".split(
      " ",
    ),
    ..."nullable title description default const examples contentSchema uniqueItems readOnly $schema x-own".split(" "),
  );
  const { value } = fc.letrec<{ value: unknown }>(tie => ({
    value: fc.oneof(
      { depthSize: "small" },
      fc.constantFrom<unknown>(
        null,
        true,
        0,
        -1,
        1.5,
        "string",
        "object",
        "any",
        "(?i)",
        "#",
        "#/properties/a",
        "#/$defs/a",
        "x",
      ),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(fc.oneof(keyword, fc.constantFrom("a", "b", "constructor")), tie("value"), { maxKeys: 4 }),
      fc.dictionary(keyword, tie("value"), { maxKeys: 3 }),
    ),
  }));
  const schemas = fc
    .dictionary(keyword, value, { maxKeys: 5, minKeys: 1 })
    .map(schema => ({ ...schema, type: "object" }));

  it("compiles after it was mended, unless that is left to a compiler", () => {
    let sure = 0;
    fc.assert(
      fc.property(schemas, schema => {
        const mended = mend(schema);
        if (mended.isUnsure) return;
        sure++;
        expect(compile(JSON.stringify(mended.schema), false)).toEqual({ reason: undefined });
      }),
      { numRuns: 3_000 },
    );
    expect(sure).toBeGreaterThan(1_000);
  });
});

const require = createRequire(import.meta.url);
it("is compiled here by the compiler that the SDK of clients has", () => {
  const ofClient = createRequire(require.resolve("@modelcontextprotocol/sdk/package.json"));
  expect(require("ajv/package.json").version).toBe(ofClient("ajv/package.json").version);
});
