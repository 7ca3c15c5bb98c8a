import { headerAnnotations, mayAnnotate } from "./annotations.ts";
import { ABSENT, isObject, replaced } from "./definition-shapes.ts";
import { faultsInWords, mendSchema } from "./mend-schema.ts";
import type { Payload } from "./payload.ts";
import type { SchemaRole, SchemaVerdicts } from "./schema-verdicts.ts";
import { spliced } from "./splice.ts";

type Value = Readonly<Record<string, unknown>>;

/** What stands in place of a schema, or why the tool cannot be listed; nothing of `schema` where it is to go. */
type Shown =
  | { readonly kind: "shown"; readonly schema: Value | undefined }
  | { readonly kind: "hidden"; readonly reason: string };

interface Judging {
  readonly verdicts: SchemaVerdicts;
  readonly notes: string[];
}

const MAX_SCHEMA_BYTES = 1024 * 1024;
const MAX_SCHEMA_DEPTH = 64;
const ACCEPTS_EVERYTHING: Value = { type: "object" };

/** Makes the schemas of a tool such that every client can compile them, and takes from them no more than that. */
export function repairTool(
  definition: Payload,
  value: Value,
  judging: Judging,
): { readonly kind: "tool"; readonly value: Value } | { readonly kind: "hidden"; readonly reason: string } {
  const input = inputSchema(definition, value.inputSchema, judging);
  if (input.kind === "hidden") return input;
  const output = isObject(value.outputSchema) ? outputSchema(definition, value.outputSchema, judging) : undefined;
  const changed = new Map<string, unknown>();
  if (input.schema !== value.inputSchema) changed.set("inputSchema", input.schema);
  if (output !== value.outputSchema) changed.set("outputSchema", output ?? ABSENT);
  return { kind: "tool", value: changed.size === 0 ? value : replaced(value, changed) };
}

function inputSchema(definition: Payload, value: unknown, { verdicts, notes }: Judging): Shown {
  if (value === undefined || value === null || value === true) {
    notes.push("inputSchema is missing, and became one that accepts every object");
    return { kind: "shown", schema: ACCEPTS_EVERYTHING };
  }
  const text = definition.raw("inputSchema");
  if (!text || !isObject(value)) return { kind: "hidden", reason: "inputSchema is not an object" };
  const excess = excessOf(text, value);
  if (excess !== undefined) return { kind: "hidden", reason: `inputSchema is ${excess}` };
  const annotations = mayAnnotate(text) ? headerAnnotations(definition.object("inputSchema")!) : undefined;
  if (annotations && !annotations.ok) return { kind: "hidden", reason: annotations.reason };
  let schema: Value = value;
  if (value.type !== "object") {
    const admitsObjects = value.type === undefined || value.type === null;
    const listed = Array.isArray(value.type) && value.type.includes("object");
    if (!admitsObjects && !listed) return { kind: "hidden", reason: 'inputSchema has a type that is not "object"' };
    schema = { ...value, type: "object" };
    notes.push('inputSchema has no type "object" at the top, and got one');
  }
  const found = mendSchema(withObjects("inputSchema", schema, notes), text);
  if (found.faults.length > 0) notes.push(`inputSchema: ${faultsInWords(found.faults)}`);
  if (!found.isUnsure) return { kind: "shown", schema: found.schema };
  const verdict = verdicts(
    "inputSchema",
    textOf(definition, { role: "inputSchema", before: value, after: found.schema }),
  );
  if (verdict.kind !== "refused") return { kind: "shown", schema: found.schema };
  const culprits = verdict.culprits;
  const what = culprits
    ? `${culprits.map(way => way.join("/")).join(", ")} was left out of it`
    : "it became one that accepts every object";
  notes.push(`inputSchema does not compile (${verdict.reason}), and ${what}`);
  return { kind: "shown", schema: culprits ? culprits.reduce(without, found.schema) : ACCEPTS_EVERYTHING };
}

/** Without it a result is as good; with one that says something else it would be refused. */
function outputSchema(definition: Payload, value: Value, { verdicts, notes }: Judging): Value | undefined {
  const leftOut = (why: string): undefined => {
    notes.push(`outputSchema ${why} and was left out`);
  };
  const text = definition.raw("outputSchema");
  if (!text) return leftOut("is malformed");
  const excess = excessOf(text, value);
  if (excess !== undefined) return leftOut(`is ${excess}`);
  const found = mendSchema(withObjects("outputSchema", value, notes), text);
  if (found.isLooser) return leftOut(`is no JSON Schema that clients can compile (${faultsInWords(found.faults)})`);
  if (found.isUnsure) {
    const verdict = verdicts(
      "outputSchema",
      textOf(definition, { role: "outputSchema", before: value, after: found.schema }),
    );
    if (verdict.kind === "unknown") return leftOut("has not been compiled yet");
    if (verdict.kind === "refused") return leftOut(`does not compile (${verdict.reason})`);
  }
  if (found.faults.length > 0) notes.push(`outputSchema: ${faultsInWords(found.faults)}`);
  return found.schema;
}

function textOf(
  definition: Payload,
  { role, before, after }: { role: SchemaRole; before: Value; after: Value },
): string {
  const schema = definition.object(role)!;
  return (before === after ? schema : spliced(schema, before, after)).bytes.toString("utf8");
}

function excessOf(text: Buffer, schema: Value): string | undefined {
  if (text.length > MAX_SCHEMA_BYTES) return `larger than ${MAX_SCHEMA_BYTES} bytes`;
  return isDeeper(schema, MAX_SCHEMA_DEPTH) ? `nested deeper than ${MAX_SCHEMA_DEPTH}` : undefined;
}

/** The whole definition has been scanned, so this ends. */
function isDeeper(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return depth === 0 || Object.values(value).some(inner => isDeeper(inner, depth - 1));
}

/** The same schema with its `properties` and `required` as clients read them: they look for objects and texts in there. */
function withObjects(role: SchemaRole, schema: Value, notes: string[]): Value {
  const { properties, required } = schema;
  const changed = new Map<string, unknown>();
  if (properties !== undefined && !isObject(properties)) {
    changed.set("properties", ABSENT);
    notes.push(`properties of ${role} is malformed and was left out`);
  } else if (properties !== undefined && !Object.values(properties).every(isObject)) {
    // `true` and `{}` mean the same, and so do `false` and `{"not":{}}`.
    const objects = Object.entries(properties).map(([key, each]) => [
      key,
      isObject(each) ? each : each === false ? { not: {} } : {},
    ]);
    changed.set("properties", Object.fromEntries(objects));
    notes.push(`properties of ${role} has members that are not objects, and they became objects`);
  }
  if (required !== undefined && !(Array.isArray(required) && required.every(key => typeof key === "string"))) {
    changed.set("required", ABSENT);
    notes.push(`required of ${role} is malformed and was left out`);
  }
  return changed.size === 0 ? schema : replaced(schema, changed);
}

/** The schema without one part: a parameter stays, as one of which nothing is known but what it is for. */
function without(schema: Value, [key, name]: readonly string[]): Value {
  const inner = schema[key!];
  if (name === undefined || !isObject(inner)) return replaced(schema, new Map([[key!, ABSENT]]));
  const property = inner[name];
  const description = isObject(property) ? property.description : undefined;
  const bare = typeof description === "string" ? { description } : {};
  return replaced(schema, new Map([[key!, replaced(inner, new Map([[name, bare]]))]]));
}
