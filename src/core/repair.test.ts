import {
  ListPromptsResultSchema,
  ListResourcesResultSchema,
  ListResourceTemplatesResultSchema,
  ListToolsResultSchema,
} from "@modelcontextprotocol/sdk/types.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Kind } from "./catalog.ts";
import { Payload } from "./payload.ts";
import { malformed, repair } from "./repair.ts";
import { NO_COMPILERS } from "./schema-verdicts.ts";

const of = (kind: Kind, definition: object) => repair(kind, Payload.of(definition), NO_COMPILERS);
const tool = (inputSchema: unknown) => of("tool", { name: "t", inputSchema });
/** The repaired definition, or why it is hidden. */
function outcome(repaired: ReturnType<typeof repair>): unknown {
  return repaired.kind === "hidden" ? repaired.reason : repaired.definition.value();
}

describe("a definition that is fit for strict clients", () => {
  it("is kept as it is", () => {
    const definition = Payload.parse(
      '{ "name": "t", "inputSchema": {"type":"object","properties":{"a":{"minimum":1.0}}}, "x": 1 }',
    );
    expect(repair("tool", definition, NO_COMPILERS)).toEqual({ kind: "kept", definition });
  });
});

describe("an input schema", () => {
  it.each([undefined, null, true])("%s becomes one that accepts every object", schema => {
    expect(outcome(tool(schema))).toEqual({ name: "t", inputSchema: { type: "object" } });
    expect(tool(schema)).toMatchObject({ kind: "repaired", reason: expect.stringMatching(/^repaired: inputSchema/) });
  });

  it.each([{}, { type: null }, { type: ["object", "null"] }, { anyOf: [{ type: "object" }] }])(
    "%j gets the type object, and keeps the rest",
    schema => {
      expect(outcome(tool(schema))).toEqual({ name: "t", inputSchema: { ...schema, type: "object" } });
    },
  );

  it.each(["x", 1, [], false])("%j hides the tool", schema => {
    expect(tool(schema)).toEqual({ kind: "hidden", reason: "inputSchema is not an object" });
  });

  it.each(["string", "array", ["string"], 1])("of type %j hides the tool", type => {
    expect(tool({ type })).toMatchObject({ kind: "hidden", reason: expect.stringContaining("type") });
  });

  it("nested deeper than 64 or larger than 1 MB hides the tool", () => {
    const nested = (depth: number) => JSON.parse(`${'{"not":'.repeat(depth)}{}${"}".repeat(depth)}`) as object;
    expect(tool({ type: "object", ...nested(60) }).kind).toBe("kept");
    expect(tool({ type: "object", ...nested(64) })).toMatchObject({ reason: expect.stringContaining("deeper") });
    expect(tool({ type: "object", description: "x".repeat(1024 * 1024) })).toMatchObject({
      reason: expect.stringContaining("larger"),
    });
  });

  it("whose properties are not objects gets the objects that mean the same", () => {
    const schema = { type: "object", properties: { a: true, b: false, c: null, d: { type: "string" } }, required: "a" };
    expect(outcome(tool(schema))).toEqual({
      name: "t",
      inputSchema: { type: "object", properties: { a: {}, b: { not: {} }, c: {}, d: { type: "string" } } },
    });
  });

  it("with an annotation that breaks the rules hides the tool", () => {
    const repaired = tool({ type: "object", properties: { a: { type: "number", "x-mcp-header": "A" } } });
    expect(repaired).toMatchObject({ kind: "hidden", reason: expect.stringContaining("x-mcp-header") });
  });
});

describe("other members", () => {
  it("that are malformed are left out, each with a word about it", () => {
    const repaired = of("tool", {
      name: "t",
      inputSchema: { type: "object" },
      description: null,
      _meta: [1],
      annotations: { title: "T" },
    });
    expect(outcome(repaired)).toEqual({ name: "t", inputSchema: { type: "object" }, annotations: { title: "T" } });
    expect(repaired).toMatchObject({
      reason: "repaired: description is null and was left out; _meta is malformed and was left out",
    });
  });

  it.each<[kind: Kind, member: string, value: unknown, left: unknown, told: string]>([
    [
      "tool",
      "annotations",
      { readOnlyHint: true, destructiveHint: null },
      { readOnlyHint: true },
      ".destructiveHint is null",
    ],
    [
      "tool",
      "annotations",
      { title: 5, idempotentHint: false, "x-own": null },
      { idempotentHint: false, "x-own": null },
      ".title is malformed",
    ],
    ["tool", "execution", { taskSupport: "never", more: 1 }, { more: 1 }, ".taskSupport is malformed"],
    ["tool", "icons", [{ src: "a:", theme: null }, { src: 1 }, 5], [{ src: "a:" }], "[1] is malformed"],
    ["tool", "icons", [{ src: "a:", sizes: ["1x1", 2] }], [{ src: "a:", sizes: ["1x1"] }], "[0].sizes[1] is malformed"],
    [
      "prompt",
      "arguments",
      [{ name: "a", required: "yes" }, { title: "b" }],
      [{ name: "a" }],
      "[0].required is malformed",
    ],
    [
      "resource",
      "annotations",
      { audience: ["user", "all"], priority: 7 },
      { audience: ["user"] },
      ".audience[1] is malformed",
    ],
    [
      "template",
      "annotations",
      { lastModified: "yesterday", priority: 1 },
      { priority: 1 },
      ".lastModified is malformed",
    ],
  ])("of a %s lose what is broken in them, and no more (%s: %j)", (kind, member, value, left, told) => {
    const identity = { ...{ name: "t", uri: "x:y", uriTemplate: "x:{y}", inputSchema: { type: "object" } } };
    const repaired = of(kind, { ...identity, [member]: value });
    expect(outcome(repaired)).toEqual({ ...identity, [member]: left });
    expect(repaired).toMatchObject({ reason: expect.stringContaining(`${member}${told} and was left out`) });
  });

  it("keep their text where nothing is broken in them", () => {
    const text =
      '{ "name":"t", "inputSchema" : {"type":"object","properties":{"a":{"maximum":18446744073709551615},"b":{"type":"any"}}} , "title":null, "_meta":{ "n": 1.0 } }';
    const repaired = repair("tool", Payload.parse(text), NO_COMPILERS);
    expect(repaired.kind === "repaired" && repaired.definition.bytes.toString()).toBe(
      '{"name":"t","inputSchema" : {"type":"object","properties":{"a":{"maximum":18446744073709551615},"b":{}}},"_meta":{ "n": 1.0 }}',
    );
  });

  it("lend a resource the name that it lacks", () => {
    expect(outcome(of("resource", { uri: "x:y" }))).toEqual({ uri: "x:y", name: "x:y" });
  });

  it("never occur twice", () => {
    const twice = Payload.parse('{"tools":[{"name":"a","name":"b","inputSchema":{}}]}').list("tools")![0]!;
    expect(repair("tool", twice, NO_COMPILERS)).toEqual({ kind: "hidden", reason: "the definition has one key twice" });
    expect(malformed(twice)).toBeUndefined();
  });

  it.each(["Name", "NAME", "nAm\u0065", "\uff4eame", "name\u0000"])(
    "have no look-alike beside them that some readers take for them: %j",
    twin => {
      const text = JSON.stringify({ name: "a", [twin]: "bank__transfer", inputSchema: { type: "object" } });
      expect(repair("tool", Payload.parse(text), NO_COMPILERS)).toEqual({
        kind: "hidden",
        reason: 'the definition has a key that some readers take for "name"',
      });
    },
  );
});

describe("a list of repaired definitions", () => {
  const schema = fc.oneof(
    { weight: 2, arbitrary: fc.jsonValue() },
    fc.record(
      {
        type: fc.oneof(fc.constant("object"), fc.jsonValue()),
        properties: fc.oneof(fc.dictionary(fc.string(), fc.jsonValue()), fc.jsonValue()),
        required: fc.oneof(fc.array(fc.string()), fc.jsonValue()),
      },
      { requiredKeys: [] },
    ),
  );
  const loose = (shape: fc.Arbitrary<unknown>) => fc.oneof(shape, fc.jsonValue());
  const flag = loose(fc.boolean());
  const text = loose(fc.string());
  const optional: Record<string, fc.Arbitrary<unknown>> = {
    title: text,
    description: text,
    mimeType: text,
    size: loose(fc.nat()),
    inputSchema: schema,
    outputSchema: fc.oneof(
      schema.map(value => ({ ...(value as object), type: "object" })),
      fc.constantFrom(1, null, [], "x"),
    ),
    annotations: loose(
      fc.record(
        {
          title: text,
          readOnlyHint: flag,
          audience: loose(fc.array(fc.constantFrom("user", "x"))),
          priority: loose(fc.double()),
          lastModified: text,
        },
        { requiredKeys: [] },
      ),
    ),
    execution: loose(fc.record({ taskSupport: loose(fc.constantFrom("optional", "never")) }, { requiredKeys: [] })),
    icons: loose(fc.array(fc.record({ src: text, sizes: loose(fc.array(text)), theme: text }, { requiredKeys: [] }))),
    arguments: loose(fc.array(fc.record({ name: text, description: text, required: flag }, { requiredKeys: [] }))),
    _meta: fc.jsonValue(),
  };

  it.each([
    ["tool", "name", ListToolsResultSchema, "tools"],
    ["prompt", "name", ListPromptsResultSchema, "prompts"],
    ["resource", "uri", ListResourcesResultSchema, "resources"],
    ["template", "uriTemplate", ListResourceTemplatesResultSchema, "resourceTemplates"],
  ] as const)("of kind %s is accepted by a strict client", (kind, identity, list, member) => {
    const definition = fc.record({ ...optional, [identity]: fc.constant("x:y") }, { requiredKeys: [identity] });
    fc.assert(
      fc.property(definition, value => {
        const repaired = of(kind, value);
        if (repaired.kind === "hidden") return;
        const read = list.safeParse({ [member]: [JSON.parse(repaired.definition.bytes.toString())] });
        expect(read.error?.issues).toBeUndefined();
      }),
      { numRuns: 200 },
    );
  });
});
