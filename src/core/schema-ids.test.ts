import { expect, it } from "vitest";
import { Payload } from "./payload.ts";
import { createSchemaIds } from "./schema-ids.ts";

const tool = (outputSchema: object) => Payload.of({ name: "t", inputSchema: {}, outputSchema });
const schemaOf = (definition: Payload | undefined) => definition?.value<{ outputSchema?: object }>().outputSchema;

it("the same schema may have its name any number of times, and another one has to do without", () => {
  const apart = createSchemaIds();
  const [one, other] = [
    { $id: "x:result", type: "object" },
    { $id: "x:result#", type: "object", title: "T" },
  ];
  expect(apart(tool(one))).toBeUndefined();
  expect(apart(tool(one))).toBeUndefined();
  const renamed = apart(tool(other));
  expect(schemaOf(renamed?.definition)).toEqual({ type: "object", title: "T" });
  expect(renamed?.reason).toBe(
    'repaired: the $id "x:result" of outputSchema is that of another schema, and was left out',
  );
});

it("a schema that needs its name is left out when another has it", () => {
  const apart = createSchemaIds();
  expect(apart(tool({ $id: "x:result", type: "object" }))).toBeUndefined();
  const refers = {
    $id: "x:result",
    type: "object",
    properties: { a: { $ref: "x:result#/$defs/a" } },
    $defs: { a: {} },
  };
  expect(schemaOf(apart(tool(refers))?.definition)).toBeUndefined();
  const inner = { type: "object", properties: { a: { $id: "x:result", type: "string" } } };
  expect(apart(tool(inner))?.reason).toMatch(/outputSchema was left out$/);
});
