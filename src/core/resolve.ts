import type { Entry, Holder, Kind, Resolution } from "./catalog.ts";
import { nativeName, publicName } from "./names.ts";
import { SEPARATOR } from "./naming.ts";
import { nearest } from "./nearest.ts";
import { each, flatMapped, type Steps } from "./steps.ts";
import { compileTemplate, EFFORT, type Effort, type TemplateMatcher } from "./templates.ts";

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
export function* nameResolver(names: Names): Steps<Resolve> {
  const listed = yield* byName(names.entries);
  const explicit = yield* explicitResolver(names);
  const bare = new Map<string, Entry[]>();
  yield* each(names.bare, ([native, entry]) => push(bare, native, entry));
  const aliases = new Map<string, Entry[]>();
  const alias = (name: string, entry: Entry): void => {
    if (!listed.has(name) && !bare.has(name)) push(aliases, name, entry);
  };
  yield* each(names.routes, ({ holder, entry }) => alias(`${holder.upstream}${SEPARATOR}${holder.native}`, entry));
  yield* each(names.aliases, ([name, entry]) => {
    if (!aliases.has(name)) alias(name, entry);
  });

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

/**
 * Finds resources: by whoever lists the URI, or has a template that it fits, first by priority and order; of templates of
 * one upstream the most literal. Then by `upstream:URI`.
 */
export function* resourceResolver(names: Names, templates: Names): Steps<Resolve> {
  const listed = yield* byName(names.entries);
  const explicit = yield* explicitResolver(names);
  const position = new Map([...names.upstreams].map((upstream, at) => [upstream, at]));
  const rank = (a: Holder, b: Holder): number =>
    a.priority - b.priority || (position.get(a.upstream) ?? 0) - (position.get(b.upstream) ?? 0);
  const templateOf = templatesMade();
  const claims = yield* flatMapped(templates.entries, entry => templateOf(entry, entry.holders[0]));
  claims.sort((a, b) => rank(a.holder, b.holder) || b.matcher.literals - a.matcher.literals);
  const ofUpstream = new Map<string, Template[]>();
  yield* each(templates.routes, ({ entry, holder }) => {
    for (const template of templateOf(entry, holder)) push(ofUpstream, holder.upstream, template);
  });

  /** What `upstream:URI` asks for. */
  function askedFor(name: string): { readonly holder: Holder; readonly entry: Entry } | undefined {
    const route = explicit(name);
    if (route?.kind === "found") return { holder: route.entry.holders[0], entry: route.entry };
    const [upstream, uri] = splitIdentity(name) ?? [];
    const own = upstream === undefined ? undefined : ofUpstream.get(upstream);
    const template = own && uri ? matching(own, uri) : undefined;
    return template && { holder: template.holder, entry: resourceOf(template, [template.holder], uri!) };
  }

  return name => {
    const entry = listed.get(name);
    // Whoever has the listed one serves it as it is listed, whatever templates it has as well.
    const owner = entry?.holders[0];
    const isRival = ({ entry: { holders } }: Template): boolean =>
      !holders.some(({ upstream }) => upstream === owner?.upstream);
    const claim = matching(owner ? before(claims, each => rank(each.holder, owner) < 0, isRival) : claims, name);
    const claimed = claim && resourceOf(claim, claim.entry.holders, name);
    const asked = askedFor(name);
    // A name that begins with an upstream's is that upstream's, unless that is how a better one's own URIs begin.
    if (owner && !(asked && rank(asked.holder, owner) < 0)) return found(claimed ?? entry!);
    const yields =
      claim &&
      asked &&
      claim.matcher.prefix.startsWith(`${asked.holder.upstream}:`) &&
      rank(claim.holder, asked.holder) < 0;
    const resource = (yields ? undefined : asked?.entry) ?? claimed;
    // Nobody is told what a URI resembles.
    return resource ? found(resource) : { kind: "unknown", nearest: [] };
  };
}

interface Template {
  readonly entry: Entry;
  /** The best of its holders; the only one that counts where that one is asked for. */
  readonly holder: Holder;
  readonly matcher: TemplateMatcher;
}

/** What is listed can be asked for at its upstream as well: each text is compiled once. */
function templatesMade(): (entry: Entry, holder: Holder) => Template[] {
  const known = new Map<string, TemplateMatcher | undefined>();
  return (entry, holder) => {
    if (!known.has(holder.native)) known.set(holder.native, compileTemplate(holder.native));
    const matcher = known.get(holder.native);
    return matcher ? [{ entry, holder, matcher }] : [];
  };
}

/** Those at the beginning for which `goesOn` holds, as far as they are wanted. */
function* before<T>(sorted: readonly T[], goesOn: (each: T) => boolean, wanted: (each: T) => boolean): Iterable<T> {
  for (const each of sorted) {
    if (!goesOn(each)) return;
    if (wanted(each)) yield each;
  }
}

/** The first that matches. An upstream whose templates cannot be gone through in time keeps what it may have a claim to. */
function matching(templates: Iterable<Template>, uri: string): Template | undefined {
  const efforts = new Map<string, Effort>();
  for (const template of templates) {
    const owner = template.holder.upstream;
    const effort = efforts.get(owner) ?? { left: EFFORT };
    efforts.set(owner, effort);
    if (template.matcher.matches(uri, effort) || effort.left < 0) return template;
  }
  return undefined;
}

function resourceOf({ entry }: Template, holders: readonly Holder[], uri: string): Entry {
  const [first, ...others] = holders.map(holder => ({ ...holder, native: nativeName(uri) }));
  return { kind: "resource", name: publicName(uri), holders: [first!, ...others], definition: entry.definition };
}

/** Finds templates, by their text. */
export function* templateResolver(names: Names): Steps<Resolve> {
  const listed = yield* byName(names.entries);
  const explicit = yield* explicitResolver(names);
  return name => {
    const entry = listed.get(name);
    if (entry) return found(entry);
    const route = explicit(name);
    return route?.kind === "found" ? route : unknown(name, names.entries);
  };
}

/** Reads `upstream:native`; `undefined` when the part before the first colon is no configured upstream. */
function* explicitResolver({
  routes,
  upstreams,
}: Names): Steps<(name: string) => { kind: "none" } | Found | undefined> {
  const table = new Map<string, Map<string, Entry>>();
  yield* each(routes, ({ holder, entry }) => {
    const natives = table.get(holder.upstream) ?? new Map<string, Entry>();
    natives.set(holder.native, entry);
    table.set(holder.upstream, natives);
  });
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
    nearest: nearest(name, namesOf(entries)),
  };
}

function* namesOf(entries: readonly Entry[]): Iterable<string> {
  for (const { name } of entries) yield name;
}

/** The first of that name, where a view shows an upstream's list as it is. */
function* byName(entries: readonly Entry[]): Steps<ReadonlyMap<string, Entry>> {
  const map = new Map<string, Entry>();
  yield* each(entries, entry => {
    if (!map.has(entry.name)) map.set(entry.name, entry);
  });
  return map;
}

function push<T>(map: Map<string, T[]>, name: string, entry: T): void {
  const entries = map.get(name);
  if (entries) entries.push(entry);
  else map.set(name, [entry]);
}
