import { expect, it } from "vitest";
import { Payload } from "../core/payload.ts";
import { createSchemaCompiler } from "../lib/compile-schema.ts";
import { wrapOutputSchema } from "./wrapped-output.ts";

const compile = createSchemaCompiler();
function wrapped(outputSchema: object): { type: string; properties: { result: object } } {
  return wrapOutputSchema(Payload.of({ name: "t", outputSchema })).value<{ outputSchema: never }>().outputSchema;
}

it("an output schema of anything becomes one of an object, whose references lead where they led", () => {
  const inner = {
    anyOf: [{ type: "array", items: { $ref: "#/$defs/item" } }, { $ref: "#/anyOf/0" }, { default: { $ref: "#/x" } }],
    $defs: { item: { properties: { $ref: { type: "string" }, again: { $ref: "#" } } } },
  };
  const { properties, type } = wrapped({ $schema: "https://json-schema.org/draft/2020-12/schema", ...inner });
  expect(type).toBe("object");
  expect(properties.result).toEqual({
    anyOf: [
      { type: "array", items: { $ref: "#/properties/result/$defs/item" } },
      { $ref: "#/properties/result/anyOf/0" },
      { default: { $ref: "#/x" } },
    ],
    $defs: { item: { properties: { $ref: { type: "string" }, again: { $ref: "#/properties/result" } } } },
  });
  expect(compile(JSON.stringify(wrapped(inner)), false)).toEqual({ reason: undefined });
});

it("what has a name of its own keeps its references", () => {
  const named = { $id: "x:named", anyOf: [{ $ref: "#/$defs/a" }], $defs: { a: { type: "string" } } };
  expect(wrapped(named).properties.result).toEqual(named);
  expect(compile(JSON.stringify(wrapped(named)), false)).toEqual({ reason: undefined });
});
