import type { Filters, Kind, Source } from "./catalog.ts";
import { CATALOG_EFFORT, compileTemplate, type Effort } from "./templates.ts";

/** The key of the configuration that filters each kind. */
export const FILTER_KEYS = {
  tool: "tools",
  prompt: "prompts",
  resource: "resources",
  template: "templates",
} as const satisfies Record<Kind, string>;

export interface Filter {
  /** What the configuration names; empty where it names nothing, since all are used then. */
  readonly named: Iterable<string>;
  /** Why something of that name is not used; `undefined` for what is. */
  leavesOut(name: string): string | undefined;
}

/** The filter of one kind for what an upstream offers. */
export function filterOf(kind: Kind, { filters, offer }: Pick<Source, "filters" | "offer">): Filter {
  const list = filters[kind];
  if (list) {
    const named = new Set(list);
    return { named, leavesOut: name => (named.has(name) ? undefined : `not in \`${FILTER_KEYS[kind]}\``) };
  }
  if (kind !== "template" || !filters.resource || !offer) return { named: [], leavesOut: () => undefined };
  const used = new Set(filters.resource);
  const leftOut = offer.definitions.resource.flatMap(each => each.string("uri") ?? []).filter(uri => !used.has(uri));
  const effort: Effort = { left: CATALOG_EFFORT };
  return { named: [], leavesOut: template => reaches(template, leftOut, effort) };
}

/** A template that nobody has named may not open a side door to what `resources` leaves out. */
function reaches(template: string, uris: readonly string[], effort: Effort): string | undefined {
  const matcher = compileTemplate(template);
  const uri = matcher && uris.find(each => matcher.matches(each, effort) || effort.left < 0);
  if (uri === undefined) return undefined;
  const does = effort.left < 0 ? "may reach" : "reaches";
  return `it ${does} ${JSON.stringify(uri)}, which \`resources\` leaves out; name it in \`templates\` to use it`;
}

/**
 * Whether a URI may be read that is in no list and fits no template that is used: any, unless the configuration says what
 * is used.
 */
export const allowsUnlisted = ({ resource, template }: Filters, uri: string): boolean =>
  resource === undefined ? template === undefined : resource.includes(uri);
