import type { Entry, Holder, Kind, Resolution } from "./catalog.ts";
import { nativeName, publicName } from "./names.ts";
import { SEPARATOR } from "./naming.ts";
import { nearest } from "./nearest.ts";
import { compileTemplate, EFFORT, type Effort } from "./templates.ts";

/** Something that can be reached by `upstream:native`, in lists or not. */
export interface Route {
  readonly holder: Holder;
  /** What is called when that upstream, and no replica of it, is asked for. */
  readonly entry: Entry;
}

export interface Names {
  readonly kind: Kind;
  /** As listed. */
  readonly entries: readonly Entry[];
  readonly routes: readonly Route[];
  /** Native name → listed entry; one name may lead to several. */
  readonly bare: readonly (readonly [string, Entry])[];
  /** Configured upstreams. */
  readonly upstreams: ReadonlySet<string>;
  /** Names that also stand for a listed entry, unless something else has them. */
  readonly aliases: readonly (readonly [string, Entry])[];
}

export type Resolve = (name: string) => Resolution;

const found = (entry: Entry): Resolution => ({ kind: "found", entry });

/** Finds tools or prompts: public name → alias → bare name if unique → `upstream:native`. */
export function nameResolver(names: Names): Resolve {
  const listed = byName(names.entries);
  const explicit = explicitResolver(names);
  const bare = new Map<string, Entry[]>();
  for (const [native, entry] of names.bare) push(bare, native, entry);
  const aliases = new Map<string, Entry[]>();
  const alias = (name: string, entry: Entry): void => {
    if (!listed.has(name) && !bare.has(name)) push(aliases, name, entry);
  };
  for (const { holder, entry } of names.routes) alias(`${holder.upstream}${SEPARATOR}${holder.native}`, entry);
  for (const [name, entry] of names.aliases) if (!aliases.has(name)) alias(name, entry);

  return name => {
    const entry = listed.get(name);
    if (entry) return found(entry);
    // A name that begins with an upstream's belongs to that upstream: no other may answer to it by calling a tool so.
    const route = explicit(name);
    if (route) return route.kind === "found" ? route : unknown(name, names.entries);
    const choices = aliases.get(name) ?? bare.get(name) ?? [];
    if (choices.length > 1) return { kind: "ambiguous", choices: choices.map(choice => choice.name) };
    return choices[0] ? found(choices[0]) : unknown(name, names.entries);
  };
}

/** Finds resources: URI → `upstream:URI` → the most literal template. */
export function resourceResolver(names: Names, templates: readonly Entry[]): Resolve {
  const listed = byName(names.entries);
  const explicit = explicitResolver(names);
  const matchers = templates
    .flatMap(entry => {
      const matcher = compileTemplate(entry.name);
      return matcher ? [{ entry, matcher }] : [];
    })
    .toSorted((a, b) => b.matcher.literals - a.matcher.literals);
  const byTemplate = (uri: string, upstream?: string): Resolution | undefined => {
    const efforts = new Map<string, Effort>();
    for (const { entry, matcher } of matchers) {
      const owner = entry.holders[0].upstream;
      const effort = efforts.get(owner) ?? { left: EFFORT };
      efforts.set(owner, effort);
      if (!matcher.matches(uri, effort)) continue;
      const holders = entry.holders.filter(holder => upstream === undefined || holder.upstream === upstream);
      const [first, ...others] = holders.map(holder => ({ ...holder, native: nativeName(uri) }));
      if (!first) continue;
      return found({
        kind: "resource",
        name: publicName(uri),
        holders: [first, ...others],
        definition: entry.definition,
      });
    }
    return undefined;
  };
  return name => {
    const entry = listed.get(name);
    if (entry) return found(entry);
    const route = explicit(name);
    if (route?.kind === "found") return route;
    const [upstream, uri] = splitIdentity(name) ?? [];
    const matched = byTemplate(name) ?? (upstream !== undefined && uri ? byTemplate(uri, upstream) : undefined);
    // Nobody is told what a URI resembles.
    return matched ?? { kind: "unknown", nearest: [] };
  };
}

/** Finds templates, by their text. */
export function templateResolver(names: Names): Resolve {
  const listed = byName(names.entries);
  const explicit = explicitResolver(names);
  return name => {
    const entry = listed.get(name);
    if (entry) return found(entry);
    const route = explicit(name);
    return route?.kind === "found" ? route : unknown(name, names.entries);
  };
}

/** Reads `upstream:native`; `undefined` when the part before the first colon is no configured upstream. */
function explicitResolver({ routes, upstreams }: Names): (name: string) => { kind: "none" } | Found | undefined {
  const table = new Map<string, Map<string, Entry>>();
  for (const { holder, entry } of routes) {
    const natives = table.get(holder.upstream) ?? new Map<string, Entry>();
    natives.set(holder.native, entry);
    table.set(holder.upstream, natives);
  }
  return name => {
    const [upstream, native] = splitIdentity(name) ?? [];
    if (upstream === undefined || native === undefined || !upstreams.has(upstream)) return undefined;
    const entry = table.get(upstream)?.get(native);
    return entry ? { kind: "found", entry } : { kind: "none" };
  };
}
type Found = Extract<Resolution, { kind: "found" }>;

function splitIdentity(name: string): [string, string] | undefined {
  const colon = name.indexOf(":");
  return colon > 0 ? [name.slice(0, colon), name.slice(colon + 1)] : undefined;
}

function unknown(name: string, entries: readonly Entry[]): Resolution {
  return {
    kind: "unknown",
    nearest: nearest(
      name,
      entries.map(entry => entry.name),
    ),
  };
}

/** The first of that name, where a view shows an upstream's list as it is. */
function byName(entries: readonly Entry[]): ReadonlyMap<string, Entry> {
  const map = new Map<string, Entry>();
  for (const entry of entries) if (!map.has(entry.name)) map.set(entry.name, entry);
  return map;
}

function push(map: Map<string, Entry[]>, name: string, entry: Entry): void {
  const entries = map.get(name);
  if (entries) entries.push(entry);
  else map.set(name, [entry]);
}
