import { headerAnnotations } from "./annotations.ts";
import type { Kind } from "./catalog.ts";
import { isObject, OPTIONAL_MEMBERS } from "./definition-shapes.ts";
import { Payload } from "./payload.ts";
import { AGENT_TEXT, ScanError } from "./scan-limits.ts";

/** What a strict client can be shown of a definition. */
export type Repair =
  | { readonly kind: "kept"; readonly definition: Payload }
  | { readonly kind: "repaired"; readonly definition: Payload; readonly reason: string }
  | { readonly kind: "hidden"; readonly reason: string };

const MAX_SCHEMA_BYTES = 1024 * 1024;
const MAX_SCHEMA_DEPTH = 64;
/** The member that identifies a definition of each kind. */
export const IDENTITY: Readonly<Record<Kind, string>> = {
  tool: "name",
  prompt: "name",
  resource: "uri",
  template: "uriTemplate",
};

/** Why a definition would break every list that it is in, wherever it is shown; `undefined` when it would not. */
export function malformed(definition: Payload): string | undefined {
  return fault(() => Payload.parse(definition.bytes, { ...AGENT_TEXT, duplicates: "last_counts" }));
}

/**
 * Makes one definition fit for strict clients, which drop a whole list for one bad element. What can be left out or
 * filled in without a change of meaning is; a definition for which that cannot be done is hidden.
 */
export function repair(kind: Kind, definition: Payload): Repair {
  const broken = fault(() => Payload.parse(definition.bytes, AGENT_TEXT));
  if (broken !== undefined) return { kind: "hidden", reason: broken };
  const value = JSON.parse(definition.bytes.toString("utf8")) as Record<string, unknown>;
  const changes: Record<string, string | undefined> = {};
  const notes: string[] = [];
  if (kind === "resource" || kind === "template") requireName(value, IDENTITY[kind], { changes, notes });
  if (kind === "tool") {
    const reason = repairInputSchema(definition, value.inputSchema, { changes, notes });
    if (reason !== undefined) return { kind: "hidden", reason };
  }
  for (const [key, shape] of Object.entries(OPTIONAL_MEMBERS[kind])) {
    if (!Object.hasOwn(value, key) || shape(value[key])) continue;
    changes[key] = undefined;
    notes.push(`${key} is malformed and was left out`);
  }
  if (kind === "tool" && isObject(value.outputSchema)) {
    const fixed = withFixedMembers(definition, "outputSchema", { changes: {}, notes });
    if (fixed) changes.outputSchema = fixed;
  }
  if (notes.length === 0) return { kind: "kept", definition };
  return { kind: "repaired", definition: definition.with(changes), reason: `repaired: ${notes.join("; ")}` };
}

interface Findings {
  readonly changes: Record<string, string | undefined>;
  readonly notes: string[];
}

function requireName(value: Record<string, unknown>, identity: string, { changes, notes }: Findings): void {
  if (typeof value.name === "string") return;
  changes.name = JSON.stringify(value[identity]);
  notes.push(`name is missing, and ${identity} took its place`);
}

/** Returns why the tool cannot be called at all, if so. */
function repairInputSchema(definition: Payload, value: unknown, { changes, notes }: Findings): string | undefined {
  if (value === undefined || value === null || value === true) {
    changes.inputSchema = '{"type":"object"}';
    notes.push("inputSchema is missing, and became one that accepts every object");
    return undefined;
  }
  const schema = definition.object("inputSchema");
  if (!schema || !isObject(value)) return "inputSchema is not an object";
  if (schema.size > MAX_SCHEMA_BYTES) return `inputSchema is larger than ${MAX_SCHEMA_BYTES} bytes`;
  if (
    fault(() => Payload.parse(schema.bytes, { ...AGENT_TEXT, maxDepth: MAX_SCHEMA_DEPTH, levels: 0 })) !== undefined
  ) {
    return `inputSchema is nested deeper than ${MAX_SCHEMA_DEPTH}`;
  }
  const annotations = headerAnnotations(schema);
  if (!annotations.ok) return annotations.reason;
  const schemaChanges: Findings["changes"] = {};
  if (value.type !== "object") {
    const admitsObjects = value.type === undefined || value.type === null;
    const listed = Array.isArray(value.type) && value.type.includes("object");
    if (!admitsObjects && !listed) return 'inputSchema has a type that is not "object"';
    schemaChanges.type = '"object"';
    notes.push('inputSchema has no type "object" at the top, and got one');
  }
  const fixed = withFixedMembers(definition, "inputSchema", { changes: schemaChanges, notes });
  if (fixed) changes.inputSchema = fixed;
  return undefined;
}

/**
 * The schema in that member with `changes` made to it and its `properties` and `required` mended: clients look for
 * objects and strings in there. `undefined` when there is nothing to change.
 */
function withFixedMembers(definition: Payload, member: string, { changes, notes }: Findings): string | undefined {
  const schema = definition.object(member)!;
  const { properties, required } = schema.value();
  if (properties !== undefined && !isObject(properties)) {
    changes.properties = undefined;
    notes.push(`properties of ${member} is malformed and was left out`);
  } else if (properties !== undefined && !Object.values(properties).every(isObject)) {
    // `true` and `{}` mean the same, and so do `false` and `{"not":{}}`.
    const fixed = Object.entries(properties)
      .filter(([, value]) => !isObject(value))
      .map(([key, value]) => [key, value === false ? '{"not":{}}' : "{}"] as const);
    changes.properties = schema.object("properties")!.with(Object.fromEntries(fixed)).bytes.toString("utf8");
    notes.push(`properties of ${member} has members that are not objects, and they became objects`);
  }
  if (required !== undefined && !(Array.isArray(required) && required.every(key => typeof key === "string"))) {
    changes.required = undefined;
    notes.push(`required of ${member} is malformed and was left out`);
  }
  if (Object.keys(changes).length === 0) return undefined;
  return schema.with(changes).bytes.toString("utf8");
}

function fault(scan: () => unknown): string | undefined {
  try {
    scan();
    return undefined;
  } catch (error) {
    if (error instanceof ScanError) return FAULTS[error.reason];
    throw error;
  }
}

const FAULTS: Readonly<Record<ScanError["reason"], string>> = {
  syntax: "the definition is not well-formed JSON",
  too_deep: "the definition is nested too deep",
  too_many: "the definition has too many members",
  duplicate_key: "the definition has one key twice",
};
