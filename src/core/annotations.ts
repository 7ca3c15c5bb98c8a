import type { Payload } from "./payload.ts";

/** A parameter of a tool whose value is to be repeated in a request header. */
export interface HeaderAnnotation {
  /** The name without the prefix that all these headers share, as the tool spells it. */
  readonly header: string;
  /** Keys that lead from the arguments to the value. */
  readonly path: readonly string[];
  readonly type: "string" | "integer" | "boolean";
}

export type HeaderAnnotations =
  | { readonly ok: true; readonly headers: readonly HeaderAnnotation[] }
  | { readonly ok: false; readonly reason: string };

export const ANNOTATION_KEY = "x-mcp-header";
/** `token` of RFC 9110 §5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Keywords that hold schemas, other than `properties`: an annotation below one of them is nowhere in particular. */
const SUBSCHEMAS = (
  "items prefixItems additionalItems contains additionalProperties unevaluatedProperties unevaluatedItems " +
  "propertyNames contentSchema oneOf anyOf allOf not if then else"
).split(" ");
const NAMED_SUBSCHEMAS = ["patternProperties", "dependentSchemas", "dependencies", "$defs", "definitions"];

/** An escaped spelling of the key needs a backslash; without either there is nothing to parse for. */
export const mayAnnotate = (inputSchema: Buffer): boolean =>
  inputSchema.includes(ANNOTATION_KEY) || inputSchema.includes("\\u");

/**
 * Reads the header annotations of a tool's input schema, or says which rule of "Custom Headers from Tool Parameters"
 * they break: a tool that breaks one must not be listed.
 */
export function headerAnnotations(inputSchema: Payload): HeaderAnnotations {
  if (!mayAnnotate(inputSchema.bytes)) return { ok: true, headers: [] };
  const found: Found = new Map();
  const reason = visit(inputSchema.value(), [], found);
  return reason === undefined ? { ok: true, headers: [...found.values()] } : { ok: false, reason };
}

type Schema = Record<string, unknown>;
/** By name in lower case: headers are the same in either. */
type Found = Map<string, HeaderAnnotation>;

/** `path` is `undefined` where no chain of `properties` leads. Returns what is wrong. */
function visit(schema: unknown, path: readonly string[] | undefined, found: Found): string | undefined {
  if (!isSchema(schema)) return undefined;
  if (Object.hasOwn(schema, ANNOTATION_KEY)) {
    const annotation = read(schema, path, found);
    if (typeof annotation === "string") return annotation;
    found.set(annotation.header.toLowerCase(), annotation);
  }
  const properties = schema.properties;
  if (isSchema(properties)) {
    for (const [key, property] of Object.entries(properties)) {
      const reason = visit(property, path && [...path, key], found);
      if (reason !== undefined) return reason;
    }
  }
  for (const branch of branches(schema)) {
    const reason = visit(branch, undefined, found);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

function read(schema: Schema, path: readonly string[] | undefined, found: Found): HeaderAnnotation | string {
  const header = schema[ANNOTATION_KEY];
  const type = schema.type;
  if (path === undefined || path.length === 0) {
    return `${ANNOTATION_KEY} stands where no chain of "properties" leads`;
  }
  const where = `${ANNOTATION_KEY} of ${JSON.stringify(path.join(".").slice(0, 100))}`;
  if (typeof header !== "string" || !TOKEN.test(header)) return `${where} is not a header name`;
  if (type !== "string" && type !== "integer" && type !== "boolean") {
    return `${where} is on a parameter whose type is not string, integer or boolean`;
  }
  if (found.has(header.toLowerCase())) {
    return `${where} repeats the header name ${JSON.stringify(header.slice(0, 100))}`;
  }
  return { header, path, type };
}

function* branches(schema: Schema): Iterable<unknown> {
  for (const keyword of SUBSCHEMAS) {
    const value = Object.hasOwn(schema, keyword) ? schema[keyword] : undefined;
    if (Array.isArray(value)) yield* value;
    else yield value;
  }
  for (const keyword of NAMED_SUBSCHEMAS) {
    const value = Object.hasOwn(schema, keyword) ? schema[keyword] : undefined;
    if (isSchema(value)) yield* Object.values(value);
  }
}

const isSchema = (value: unknown): value is Schema =>
  typeof value === "object" && value !== null && !Array.isArray(value);
