import { COMPILERS_OWN, KEYWORDS, type Keyword } from "./schema-keywords.ts";
import { isSchemaObject, referencesIn, type Schema, type Target } from "./schema-references.ts";

/** A schema as all compilers take it, as far as can be told without one. */
export interface Mended {
  /** The very same where nothing was wrong. */
  readonly schema: Schema;
  /** What is no JSON Schema in it, or none that compilers agree on, in words. */
  readonly faults: readonly string[];
  /** Whether values are valid now that were not, or the other way round. */
  readonly isLooser: boolean;
  /** Whether only a compiler can tell that it is taken. */
  readonly isUnsure: boolean;
}

const MOST_FAULTS_TOLD = 3;
/** Dialects that all compilers tell apart; without one, a schema is taken for the newest. */
const DIALECT = /^\w+:\/\/json-schema\.org\/(draft\/2020-12|draft\/2019-09|draft-07|draft-06)\/schema#?$/;
const LISTS_ITEMS = /2019|draft-0/;

interface Walk {
  readonly target: (schema: Schema) => Target;
  readonly isNamed: boolean;
  /** Whether the dialect has `items` as a list. */
  readonly listsItems: boolean;
  readonly faults: Set<string>;
  readonly places: Set<unknown>;
  readonly targets: Set<unknown>;
  looser: number;
  unsure: boolean;
}

/** Finds what is broken in a schema and takes out no more than that. `text` is its JSON text. */
export function mendSchema(schema: Schema, text: Buffer): Mended {
  const dialect = typeof schema.$schema === "string" ? DIALECT.exec(schema.$schema)?.[1] : undefined;
  const escapes = text.includes("\\u");
  const isNamed = isPlainlyNamed(schema, text);
  const names = escapes || (isNamed ? ANCHORS : NAMING).some(key => text.includes(key));
  const walk: Walk = {
    ...{ target: referencesIn(schema, { names, isNamed }), listsItems: LISTS_ITEMS.test(dialect ?? "") },
    isNamed,
    ...{ faults: new Set(), places: new Set(), targets: new Set(), looser: 0 },
    unsure: text.includes("__proto__") || escapes,
  };
  let mended = mendOne(schema, walk);
  if (Object.hasOwn(schema, "$schema") && dialect === undefined) {
    walk.faults.add("$schema names no dialect that clients know, and was left out");
    const { $schema: _, ...others } = mended;
    mended = others;
  }
  const leadsAstray = [...walk.targets].some(target => !walk.places.has(target));
  const isUnsure = walk.unsure || leadsAstray || (walk.looser > 0 && walk.targets.size > 0);
  return { schema: mended, faults: [...walk.faults], isLooser: walk.looser > 0, isUnsure };
}

const ANCHORS = ['"$anchor"', '"$dynamicAnchor"'];
const NAMING = ['"$id"', ...ANCHORS];
const PLAIN_NAME = /^[\w.-]+(:[\w./~-]+)?$/;

/** Whether its only name is its own and nothing special: then it means the same without. */
function isPlainlyNamed({ $id }: Schema, text: Buffer): boolean {
  return typeof $id === "string" && PLAIN_NAME.test($id) && text.indexOf('"$id"') === text.lastIndexOf('"$id"');
}

/** The first few of them, and how many there are. */
export function faultsInWords(faults: readonly string[]): string {
  const more = faults.length - MOST_FAULTS_TOLD;
  return faults.slice(0, MOST_FAULTS_TOLD).join("; ") + (more > 0 ? `; and ${more} more` : "");
}

function mendOne(schema: Schema, walk: Walk): Schema {
  walk.places.add(schema);
  const entries: [string, unknown][] = [];
  let changed = false;
  for (const [key, value] of Object.entries(schema)) {
    const [name, mended] = mendMember(schema, key, walk);
    if (mended !== undefined) entries.push([name, mended]);
    changed ||= mended !== value || name !== key;
  }
  return changed ? (Object.fromEntries(entries) as Schema) : schema;
}

/** The member's name and value; `undefined` for one that is left out. */
function mendMember(schema: Schema, key: string, walk: Walk): [name: string, value: unknown] {
  const value = schema[key];
  if (COMPILERS_OWN.has(key) && !(key === "$id" && walk.isNamed)) walk.unsure = true;
  if (key === "$ref") return [key, mendReference(schema, walk)];
  const keyword = KEYWORDS.get(key);
  if (!keyword) return [key, key === "$id" ? mendName(value, walk) : value];
  if (value === null) {
    walk.faults.add(`"${key}" is null and was left out`);
    return [key, undefined];
  }
  if (key === "items" && Array.isArray(value)) return mendListedItems(schema, value, walk);
  if (key === "additionalItems" && Array.isArray(schema.items) && !walk.listsItems) return [key, undefined];
  if (key === "nullable" && !allowsNullable(schema)) {
    walk.faults.add('"nullable" stands where it says nothing and was left out');
    return [key, undefined];
  }
  const before = walk.looser;
  const mended = keyword.mend(value);
  if (mended !== value) note(key, value, mended, { keyword, walk });
  if (mended === undefined) return [key, undefined];
  const inside = mendInside(keyword, mended, walk);
  if (!keyword.turns || walk.looser === before) return [key, inside];
  // What allows more in one of several, of which one must hold, may allow less: any of them may hold then.
  if (key === "oneOf" && !Object.hasOwn(schema, "anyOf")) return ["anyOf", inside];
  walk.faults.add(`"${key}" holds what is broken and was left out`);
  return [key, undefined];
}

/** Their values say the same after they were mended, unless nothing is left of them. */
const SAME_MEANING = new Set(["type", "enum", "required", "pattern"]);

function note(key: string, value: unknown, mended: unknown, { keyword, walk }: { keyword: Keyword; walk: Walk }): void {
  const shown = JSON.stringify(value)?.slice(0, 60);
  if (!keyword.annotates && (mended === undefined || !SAME_MEANING.has(key))) walk.looser++;
  walk.faults.add(
    mended === undefined || typeof mended !== "string"
      ? `"${key}": ${shown} is not valid and was ${mended === undefined ? "left out" : "reduced"}`
      : `"${key}": ${shown} became ${JSON.stringify(mended).slice(0, 60)}`,
  );
}

/** A client that compiles all schemas in one place knows the drafts there by such names. */
const OF_A_DRAFT = /^\w+:\/\/json-schema\.org\//;

function mendName(value: unknown, walk: Walk): unknown {
  if (typeof value === "string" && !OF_A_DRAFT.test(value)) return value;
  walk.faults.add(`"$id" is ${typeof value === "string" ? "that of a draft" : "no text"} and was left out`);
  return undefined;
}

function mendReference(schema: Schema, walk: Walk): unknown {
  const { $ref } = schema;
  if ($ref === null) {
    walk.faults.add('"$ref" is null and was left out');
    return undefined;
  }
  const found = walk.target(schema);
  if (found.kind === "unsure") walk.unsure = true;
  if (found.kind === "schema" && isSchemaObject(found.schema)) walk.targets.add(found.schema);
  if (found.kind === "schema" || found.kind === "unsure") return $ref;
  const why = found.kind === "loop" ? "leads back to itself" : found.why;
  walk.looser++;
  walk.faults.add(`"$ref": ${JSON.stringify($ref)?.slice(0, 100)} ${why}`);
  return undefined;
}

/** A list of schemas for the first items: the newest dialect has another name for it. */
function mendListedItems(schema: Schema, value: readonly unknown[], walk: Walk): [string, unknown] {
  const keyword = KEYWORDS.get("prefixItems")!;
  const listed = keyword.mend(value);
  if (listed === undefined || listed !== value) note("items", value, listed, { keyword, walk });
  if (listed === undefined) return ["items", undefined];
  const inside = mendInside(keyword, listed, walk);
  if (walk.listsItems) return ["items", inside];
  walk.faults.add('"items" is a list, and became "prefixItems"');
  return ["prefixItems", Object.hasOwn(schema, "prefixItems") ? undefined : inside];
}

/** Compilers want to know what else than `null` may stand there, and that `null` may. */
function allowsNullable({ type, nullable }: Schema): boolean {
  if (typeof nullable !== "boolean" || type === undefined || type === null) return false;
  return nullable || !(Array.isArray(type) ? type.includes("null") : type === "null");
}

function mendInside({ holds }: Keyword, value: unknown, walk: Walk): unknown {
  const one = (each: unknown): unknown => (isSchemaObject(each) ? mendOne(each, walk) : each);
  if (holds === "schema") return one(value);
  if (holds === "schemas") {
    const list = value as readonly unknown[];
    const mended = list.map(one);
    return mended.every((each, at) => each === list[at]) ? list : mended;
  }
  if (holds === "value" || !isSchemaObject(value)) return value;
  const mended = Object.entries(value).map(([key, each]) => [key, one(each)] as const);
  return mended.every(([key, each]) => each === value[key]) ? value : Object.fromEntries(mended);
}
