import { Payload } from "../core/payload.ts";
import { KEYWORDS } from "../core/schema-keywords.ts";
import { spliced } from "../core/splice.ts";

/** Legacy revisions want an object at the top of an output schema. */
export function wrapsOutput(definition: Payload): boolean {
  const schema = definition.object("outputSchema");
  return schema !== undefined && schema.string("type") !== "object";
}

const PLACE = "#/properties/result";

/** The definition with its output schema as that of a member `result`. */
export function wrapOutputSchema(definition: Payload): Payload {
  const schema = definition.object("outputSchema");
  if (!schema) return definition;
  const inner = moved(schema.with({ $schema: undefined }));
  const outer = Payload.parse('{"type":"object"}').with({
    $schema: schema.raw("$schema"),
    properties: `{"result":${inner.bytes.toString()}}`,
    required: '["result"]',
  });
  return definition.with({ outputSchema: outer.bytes });
}

/** References lead from the top of the document, and the schema is not there any more. */
function moved(schema: Payload): Payload {
  if (!schema.bytes.includes("Ref") && !schema.bytes.includes("$ref")) return schema;
  const value = schema.value();
  return spliced(schema, value, move(value) as Record<string, unknown>);
}

/** Values that stand for themselves, whatever they look like. */
const DATA = new Set(["const", "enum", "default", "examples"]);

function move(schema: unknown): unknown {
  if (Array.isArray(schema)) return kept(schema, schema.map(move));
  if (!isObject(schema)) return schema;
  // What has a name of its own is where its own references lead from.
  if (typeof schema.$id === "string" && !schema.$id.startsWith("#")) return schema;
  return mapped(schema, (key, value) => {
    if (DATA.has(key)) return value;
    if ((key === "$ref" || key === "$dynamicRef") && typeof value === "string") return movedTo(value);
    return KEYWORDS.get(key)?.holds === "named" && isObject(value)
      ? mapped(value, (_, each) => move(each))
      : move(value);
  });
}

const movedTo = (ref: string): string => (ref === "#" || ref.startsWith("#/") ? PLACE + ref.slice(1) : ref);

function mapped(object: Readonly<Record<string, unknown>>, change: (key: string, value: unknown) => unknown) {
  const entries = Object.entries(object).map(([key, value]) => [key, change(key, value)] as const);
  return entries.every(([key, value]) => value === object[key]) ? object : Object.fromEntries(entries);
}

const kept = (before: readonly unknown[], after: readonly unknown[]): readonly unknown[] =>
  after.every((each, at) => each === before[at]) ? before : after;

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
