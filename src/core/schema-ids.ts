import { isObject } from "./definition-shapes.ts";
import type { Payload } from "./payload.ts";

/** What is to be shown of a tool, and why it is not what came. */
export interface Renamed {
  readonly definition: Payload;
  readonly reason: string;
}

/**
 * Keeps the names that output schemas give themselves apart: a client compiles all of a list in one place, and where two
 * have one `$id`, results of the second are held against the first. Tools are shown to it in their order.
 */
export function createSchemaIds(): (definition: Payload) => Renamed | undefined {
  const owners = new Map<string, string>();
  return definition => {
    if (!definition.bytes.includes("$id")) return undefined;
    const schema = definition.object("outputSchema");
    if (!schema) return undefined;
    const text = schema.bytes.toString("utf8");
    const { ids, refs } = namesIn(schema.value());
    const taken = ids.find(id => (owners.get(id) ?? text) !== text);
    if (taken === undefined) {
      for (const id of ids) owners.set(id, text);
      return undefined;
    }
    const told = `the $id ${JSON.stringify(taken.slice(0, 100))} of outputSchema is that of another schema`;
    if (ids.length === 1 && schema.has("$id") && refs.every(ref => ref.startsWith("#"))) {
      const outputSchema = schema.with({ $id: undefined }).bytes;
      return { definition: definition.with({ outputSchema }), reason: `repaired: ${told}, and was left out` };
    }
    const reason = `repaired: ${told}, and outputSchema was left out`;
    return { definition: definition.with({ outputSchema: undefined }), reason };
  };
}

function namesIn(root: unknown): { ids: readonly string[]; refs: readonly string[] } {
  const ids: string[] = [];
  const refs: string[] = [];
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit);
    if (!isObject(value)) return;
    if (typeof value.$id === "string") ids.push(value.$id.replace(/#$/, ""));
    if (typeof value.$ref === "string") refs.push(value.$ref);
    for (const inner of Object.values(value)) visit(inner);
  };
  visit(root);
  return { ids, refs };
}
