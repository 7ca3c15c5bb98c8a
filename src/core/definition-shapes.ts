import type { Kind } from "./catalog.ts";

/** Where in a definition a value stands, and what is told about it. */
export interface Place {
  readonly path: string;
  readonly notes: string[];
}

/** What takes the place of a value that cannot be shown. */
export const ABSENT = Symbol("absent");

/**
 * What a strict client can be shown of a parsed value, since it drops a whole list for one that is not what the protocol
 * says: the value itself, a copy without what is broken in it, or `ABSENT`. Values are never changed in place.
 */
export type Mend = (value: unknown, place: Place) => unknown;
type Members = Readonly<Record<string, Mend>>;

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function leaveOut(value: unknown, { path, notes }: Place): typeof ABSENT {
  notes.push(`${path} is ${value === null ? "null" : "malformed"} and was left out`);
  return ABSENT;
}

const only =
  (shape: (value: unknown) => boolean): Mend =>
  (value, place) =>
    shape(value) ? value : leaveOut(value, place);

const string = only(value => typeof value === "string");
const boolean = only(value => typeof value === "boolean");
const number = only(value => typeof value === "number");
const object = only(isObject);
const oneOf = (...words: readonly unknown[]): Mend => only(value => words.includes(value));

const listOf =
  (element: Mend): Mend =>
  (value, place) => {
    if (!Array.isArray(value)) return leaveOut(value, place);
    const mended = value.map((each, at) => element(each, { ...place, path: `${place.path}[${at}]` }));
    return mended.every((each, at) => each === value[at]) ? value : mended.filter(each => each !== ABSENT);
  };

/** An object that is nothing without its `required` members, and loses of the `optional` ones those that are broken. */
function members({ required = {}, optional = {} }: { required?: Members; optional?: Members }): Mend {
  const must = Object.entries(required);
  return (value, place) => {
    if (!isObject(value)) return leaveOut(value, place);
    const unsaid = { ...place, notes: [] };
    const isWhole = must.every(([key, mend]) => Object.hasOwn(value, key) && mend(value[key], unsaid) === value[key]);
    return isWhole ? mendMembers(value, optional, { ...place, path: `${place.path}.` }) : leaveOut(value, place);
  };
}

/** The same object where nothing is broken in the members that are named; the others are nobody's to judge. */
export function mendMembers(value: Record<string, unknown>, mends: Members, { path, notes }: Place) {
  const changed = new Map<string, unknown>();
  for (const [key, mend] of Object.entries(mends)) {
    if (!Object.hasOwn(value, key)) continue;
    const mended = mend(value[key], { path: path + key, notes });
    if (mended !== value[key]) changed.set(key, mended);
  }
  return changed.size === 0 ? value : replaced(value, changed);
}

/** A copy with other values for some members; those that are `ABSENT` are gone. */
export function replaced(value: Record<string, unknown>, changed: ReadonlyMap<string, unknown>) {
  const entries = [...new Map([...Object.entries(value), ...changed])];
  return Object.fromEntries(entries.filter(([, each]) => each !== ABSENT)) as Record<string, unknown>;
}

const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/;
const icons = listOf(
  members({
    required: { src: string },
    optional: { mimeType: string, sizes: listOf(string), theme: oneOf("light", "dark") },
  }),
);
const toolAnnotations = members({
  optional: {
    title: string,
    readOnlyHint: boolean,
    destructiveHint: boolean,
    idempotentHint: boolean,
    openWorldHint: boolean,
  },
});
const contentAnnotations = members({
  optional: {
    audience: listOf(oneOf("user", "assistant")),
    priority: only(value => typeof value === "number" && value >= 0 && value <= 1),
    lastModified: only(value => typeof value === "string" && DATE_TIME.test(value) && !Number.isNaN(Date.parse(value))),
  },
});
const promptArguments = listOf(
  members({ required: { name: string }, optional: { title: string, description: string, required: boolean } }),
);
const described: Members = { title: string, description: string, icons, _meta: object };

/** Members that a definition can do without, and what they look like where it has them. */
export const OPTIONAL_MEMBERS: Readonly<Record<Kind, Members>> = {
  tool: {
    ...described,
    annotations: toolAnnotations,
    outputSchema: object,
    execution: members({ optional: { taskSupport: oneOf("required", "optional", "forbidden") } }),
  },
  prompt: { ...described, arguments: promptArguments },
  resource: { ...described, mimeType: string, size: number, annotations: contentAnnotations },
  template: { ...described, mimeType: string, annotations: contentAnnotations },
};
