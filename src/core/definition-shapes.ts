import type { Kind } from "./catalog.ts";

/** Whether a parsed value is what the protocol says it is. Strict clients drop a whole list for one value that is not. */
export type Shape = (value: unknown) => boolean;
type Members = Readonly<Record<string, Shape>>;

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const string: Shape = value => typeof value === "string";
const boolean: Shape = value => typeof value === "boolean";
const number: Shape = value => typeof value === "number";
const oneOf =
  (...words: readonly string[]): Shape =>
  value =>
    typeof value === "string" && words.includes(value);
const listOf =
  (element: Shape): Shape =>
  value =>
    Array.isArray(value) && value.every(element);

/** An object that has every `required` member, and whose `optional` ones are well-formed where it has them. */
function members({ required = {}, optional = {} }: { required?: Members; optional?: Members }): Shape {
  const must = Object.entries(required);
  const may = Object.entries(optional);
  return value =>
    isObject(value) &&
    must.every(([key, shape]) => Object.hasOwn(value, key) && shape(value[key])) &&
    may.every(([key, shape]) => !Object.hasOwn(value, key) || shape(value[key]));
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
    priority: value => typeof value === "number" && value >= 0 && value <= 1,
    lastModified: value => typeof value === "string" && DATE_TIME.test(value) && !Number.isNaN(Date.parse(value)),
  },
});
const promptArguments = listOf(
  members({ required: { name: string }, optional: { title: string, description: string, required: boolean } }),
);
const described: Members = { title: string, description: string, icons, _meta: isObject };

/** Members that a definition can do without, and what they look like where it has them. */
export const OPTIONAL_MEMBERS: Readonly<Record<Kind, Members>> = {
  tool: {
    ...described,
    annotations: toolAnnotations,
    outputSchema: isObject,
    execution: members({ optional: { taskSupport: oneOf("required", "optional", "forbidden") } }),
  },
  prompt: { ...described, arguments: promptArguments },
  resource: { ...described, mimeType: string, size: number, annotations: contentAnnotations },
  template: { ...described, mimeType: string, annotations: contentAnnotations },
};
