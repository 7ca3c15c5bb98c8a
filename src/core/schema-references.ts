import { KEYWORDS } from "./schema-keywords.ts";

export type Schema = Readonly<Record<string, unknown>>;

/** What is at the end of a `$ref`. */
export type Target =
  | { readonly kind: "schema"; readonly schema: Schema | boolean }
  | { readonly kind: "nothing"; readonly why: string }
  /** Names of its own lead there, or it comes back to itself without ever going into the value. */
  | { readonly kind: "unsure" }
  | { readonly kind: "loop" };

export const isSchemaObject = (value: unknown): value is Schema =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Longest way of references that judge one and the same value. Compilers go it by recursion. */
const LONGEST_WAY = 200;

/**
 * Looks up the references in one schema document. Nothing outside of it is ever fetched. `names` tells whether it gives
 * names to parts of itself, which change what a reference means; `isNamed`, whether it has only one as a whole.
 */
export function referencesIn(
  root: Schema,
  { names, isNamed }: { names: boolean; isNamed: boolean },
): (schema: Schema) => Target {
  const target = (ref: string): Target => {
    if (names) return { kind: "unsure" };
    if (ref === "" || ref === "#") return { kind: "schema", schema: root };
    if (isNamed && !ref.startsWith("#")) return { kind: "unsure" };
    if (!ref.startsWith("#/")) {
      const why = ref.startsWith("#") ? "a name that nothing in it has" : "another document, which is not fetched";
      return { kind: "nothing", why: `leads to ${why}` };
    }
    const found = at(root, ref.slice(2));
    if (isSchemaObject(found) || typeof found === "boolean") return { kind: "schema", schema: found };
    return { kind: "nothing", why: "leads to nothing" };
  };

  const looping = new Set<Schema>();
  const done = new Set<Schema>();
  const way = new Set<Schema>();
  const walk = (schema: Schema): void => {
    if (done.has(schema)) return;
    way.add(schema);
    const found = typeof schema.$ref === "string" ? target(schema.$ref) : undefined;
    if (found?.kind === "schema" && isSchemaObject(found.schema)) {
      if (way.has(found.schema) || way.size > LONGEST_WAY) looping.add(schema);
      else walk(found.schema);
    }
    for (const inner of inPlace(schema)) walk(inner);
    way.delete(schema);
    done.add(schema);
  };

  return schema => {
    const { $ref } = schema;
    if (typeof $ref !== "string") return { kind: "nothing", why: "is no text" };
    const found = target($ref);
    if (found.kind !== "schema") return found;
    walk(schema);
    return looping.has(schema) ? { kind: "loop" } : found;
  };
}

function* inPlace(schema: Schema): Iterable<Schema> {
  for (const [key, value] of Object.entries(schema)) {
    const keyword = KEYWORDS.get(key);
    if (!keyword?.inPlace) continue;
    const inner =
      keyword.holds === "schema" ? [value] : isSchemaObject(value) || Array.isArray(value) ? Object.values(value) : [];
    yield* inner.filter(isSchemaObject);
  }
}

/** What a JSON Pointer without its first slash leads to; `undefined` where there is nothing. RFC 6901 */
function at(root: unknown, pointer: string): unknown {
  let here = root;
  for (const step of pointer.split("/")) {
    const key = decoded(step)?.replaceAll("~1", "/").replaceAll("~0", "~");
    if (key === undefined || typeof here !== "object" || here === null || !Object.hasOwn(here, key)) return undefined;
    here = (here as Record<string, unknown>)[key];
  }
  return here;
}

function decoded(step: string): string | undefined {
  try {
    return decodeURIComponent(step);
  } catch {
    return undefined;
  }
}
