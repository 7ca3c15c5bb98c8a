/** Of JSON Schema, what a keyword's value holds: a schema, a list of them, schemas by name, or no schema. */
export type Holds = "schema" | "schemas" | "named" | "value";

export interface Keyword {
  readonly holds: Holds;
  /**
   * The value as every compiler takes it: itself, one that means the same or allows more, or `undefined` where there is
   * none. Schemas in it are looked at afterwards.
   */
  readonly mend: (value: unknown) => unknown;
  /** Whether leaving it out changes nothing about which values are valid. */
  readonly annotates?: true;
  /** Whether what is valid below it is not what is valid here, so that allowing more below may allow less here. */
  readonly turns?: true;
  /** Whether its schemas judge the very value that this schema judges. */
  readonly inPlace?: true;
}

type Value = Record<string, unknown>;
const isObject = (value: unknown): value is Value =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isSchema = (value: unknown): boolean => isObject(value) || typeof value === "boolean";

const only =
  (shape: (value: unknown) => boolean) =>
  (value: unknown): unknown =>
    shape(value) ? value : undefined;
/** The elements that pass, each once; nothing where none do. */
const some = (shape: (value: unknown) => boolean) => (value: unknown) => {
  if (!Array.isArray(value)) return undefined;
  const kept = [...new Set(value.filter(shape))];
  if (kept.length === 0) return undefined;
  return kept.length === value.length ? value : kept;
};

const isText = (value: unknown): boolean => typeof value === "string";
const text = only(isText);
const flag = only(value => typeof value === "boolean");
const count = only(value => Number.isInteger(value) && (value as number) >= 0);
const number = only(value => Number.isFinite(value));

const TYPES = new Set<unknown>(["string", "number", "integer", "boolean", "object", "array", "null"]);
/** What languages and databases call them. */
const ALSO_CALLED: ReadonlyMap<string, string> = new Map([
  ...["float", "double", "decimal", "numeric", "float32", "float64"].map(name => [name, "number"] as const),
  ...["int", "long", "int32", "int64", "uint32", "uint64"].map(name => [name, "integer"] as const),
  ...["str", "text"].map(name => [name, "string"] as const),
  ...["bool", "bit"].map(name => [name, "boolean"] as const),
  ...["list", "tuple", "set"].map(name => [name, "array"] as const),
  ...["dict", "map", "struct"].map(name => [name, "object"] as const),
]);
const typeNamed = (name: unknown): unknown => {
  if (TYPES.has(name) || typeof name !== "string") return name;
  const small = name.toLowerCase();
  return TYPES.has(small) ? small : (ALSO_CALLED.get(small) ?? name);
};
function type(value: unknown): unknown {
  if (!Array.isArray(value)) return only(name => TYPES.has(name))(typeNamed(value));
  const named = value.map(typeNamed);
  // One that nobody knows may have been the one that mattered.
  if (!named.every(name => TYPES.has(name))) return undefined;
  return some(() => true)(named.every((name, at) => name === value[at]) ? value : named);
}

/** Patterns are compiled for Unicode, where only what must be escaped may be; many are written as if any sign could be. */
export function pattern(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  if (compiles(value)) return value;
  const plainer = value.replace(/\\([\s\S])/g, (whole, sign: string) =>
    /[-_'"`~!@#%&=:;,<> ]/.test(sign) ? sign : whole,
  );
  return meansTheSame(value, plainer) ? plainer : undefined;
}

/** A dash is a range within brackets when it is bare, so only patterns that have neither may lose its escape. */
const meansTheSame = (before: string, after: string): boolean =>
  compiles(after) && compiles(before, "") && !(before.includes("\\-") && before.includes("["));

function compiles(pattern: string, flags = "u"): boolean {
  try {
    new RegExp(pattern, flags);
    return true;
  } catch {
    return false;
  }
}

const named = (entry: (value: unknown) => unknown) => (value: unknown) => {
  if (!isObject(value)) return undefined;
  const mended = Object.entries(value).map(([key, each]) => [key, entry(each)] as const);
  if (mended.every(([key, each]) => each === value[key])) return value;
  return Object.fromEntries(mended.filter(([, each]) => each !== undefined));
};
const schemasByName = named(only(isSchema));
function schemasByPattern(value: unknown): unknown {
  const schemas = schemasByName(value);
  if (!isObject(schemas) || Object.keys(schemas).every(key => pattern(key) === key)) return schemas;
  const mended = Object.entries(schemas).map(([key, schema]) => [pattern(key), schema] as const);
  return Object.fromEntries(mended.flatMap(([key, schema]) => (key === undefined ? [] : [[key, schema] as const])));
}

const schema = { holds: "schema", mend: only(isSchema) } as const;
const schemas = { holds: "schemas", mend: some(isSchema) } as const;
const value = (mend: Keyword["mend"]): Keyword => ({ holds: "value", mend });
const remark = (mend: Keyword["mend"]): Keyword => ({ holds: "value", mend, annotates: true });
const inPlace = { inPlace: true } as const;
const turns = { turns: true, inPlace: true } as const;

/** Everything that a compiler looks at. What is not here is nobody's business, or the compilers' own. */
export const KEYWORDS: ReadonlyMap<string, Keyword> = new Map<string, Keyword>([
  ["type", value(type)],
  ["enum", value(some(() => true))],
  ["required", value(requiredNames)],
  ["properties", { holds: "named", mend: schemasByName }],
  ["patternProperties", { holds: "named", mend: schemasByPattern }],
  ["$defs", { holds: "named", mend: schemasByName }],
  ["definitions", { holds: "named", mend: schemasByName }],
  ["dependentSchemas", { holds: "named", mend: schemasByName, ...inPlace }],
  ["dependencies", { holds: "named", mend: named(only(each => isSchema(each) || isNames(each))), ...inPlace }],
  ["dependentRequired", value(named(only(isNames)))],
  ["allOf", { ...schemas, ...inPlace }],
  ["anyOf", { ...schemas, ...inPlace }],
  ["oneOf", { ...schemas, ...turns }],
  ["prefixItems", schemas],
  ["not", { ...schema, ...turns }],
  ["if", { ...schema, ...turns }],
  ["then", { ...schema, ...inPlace }],
  ["else", { ...schema, ...inPlace }],
  ["items", schema],
  ["contains", schema],
  ["additionalItems", schema],
  ["additionalProperties", schema],
  ["propertyNames", schema],
  ["unevaluatedItems", schema],
  ["unevaluatedProperties", schema],
  ["contentSchema", schema],
  ["multipleOf", value(only(step => Number.isFinite(step) && (step as number) > 0))],
  ...["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"].map(key => [key, value(number)] as const),
  ...[
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "minContains",
    "maxContains",
  ].map(key => [key, value(count)] as const),
  ["uniqueItems", value(flag)],
  ["pattern", value(pattern)],
  ["format", value(text)],
  ...["$schema", "title", "description", "$comment", "contentEncoding", "contentMediaType"].map(
    key => [key, remark(text)] as const,
  ),
  ...["deprecated", "readOnly", "writeOnly", "nullable"].map(key => [key, remark(flag)] as const),
  ["examples", remark(only(Array.isArray))],
  // An identifier in a draft that no compiler knows any more; most refuse it.
  ["id", remark(() => undefined)],
  // Makes a validator that answers later, which nobody waits for.
  ["$async", remark(only(isAsync => isAsync === false))],
]);

function isNames(list: unknown): boolean {
  return Array.isArray(list) && list.every(isText) && new Set(list).size === list.length;
}

/** An empty list is as good as one with names in it. */
function requiredNames(list: unknown): unknown {
  return Array.isArray(list) && list.length === 0 ? list : some(isText)(list);
}

/** Keywords that decide what a schema means and that only a compiler can judge. */
export const COMPILERS_OWN: ReadonlySet<string> = new Set(
  (
    "$id $anchor $dynamicAnchor $dynamicRef $recursiveRef $recursiveAnchor $vocabulary " +
    "formatMinimum formatMaximum formatExclusiveMinimum formatExclusiveMaximum"
  ).split(" "),
);
