import { createHash } from "node:crypto";
import { type Selection, selectCandidates } from "./candidates.ts";
import {
  type Catalog,
  type Conflict,
  type Entry,
  type Hidden,
  KINDS,
  type Kind,
  type LookAlikes,
  type ReplicaSet,
  type Source,
} from "./catalog.ts";
import { adviceOf, type NamingRules, poses, type Share, shareNames } from "./conflict.ts";
import { allowsUnlisted } from "./filters.ts";
import { lookAlikes, skeleton } from "./look-alikes.ts";
import { nativeName, type PublicName, publicName } from "./names.ts";
import { assignNames, type Prefixes, prefixedName, prefixesFor } from "./naming.ts";
import { Payload } from "./payload.ts";
import type { Repairs } from "./repairs.ts";
import type { Candidate, CandidateSet } from "./replicas.ts";
import { type Names, nameResolver, type Resolve, type Route, resourceResolver, templateResolver } from "./resolve.ts";
import { each, flatMapped, mapped, type Steps } from "./steps.ts";
import { withoutRivals } from "./uri-claims.ts";

export interface CatalogRules extends NamingRules {
  /** In configuration order. */
  readonly sources: readonly Source[];
  /** In characters, 24 at least. */
  readonly maxNameLength: number;
  /** What repairs or hides definitions that strict clients would stumble over. */
  readonly repairs: Repairs;
}

/**
 * Everything that agents see of all upstreams together: in configuration order of the upstreams, then in their own order.
 * A set of replicas stands where the first of them stands. Equal rules give equal catalogs.
 */
export function* buildCatalog(rules: CatalogRules): Steps<Catalog> {
  const { sources } = rules;
  const { candidates, hidden } = yield* selectCandidates(sources, rules.repairs);
  const prefixes = prefixesFor(sources.map(source => source.group ?? source.name));
  const owners = new Map<string, string>(sources.map(source => [source.name, source.group ?? source.name]));
  for (const [owner, prefix] of prefixes) owners.set(prefix, owner);
  // Whatever looks like them.
  for (const [prefix, owner] of [...owners]) if (!owners.has(skeleton(prefix))) owners.set(skeleton(prefix), owner);
  const upstreams = new Set<string>(sources.map(source => source.name));
  const shared = yield* perKind(kind => shareNames(kind, candidates[kind], { rules, owners }));
  const shares = { ...shared, ...(yield* withoutRivals(shared)) };
  const built = yield* perKind(kind =>
    buildKind(kind, candidates[kind], shares[kind], { rules, prefixes, owners, upstreams }),
  );
  const all = KINDS.map(kind => built[kind]);
  return yield* catalogOf(
    { tool: built.tool, prompt: built.prompt, resource: built.resource, template: built.template },
    {
      hidden: [...hidden, ...all.flatMap(kind => kind.hidden)],
      replicas: all.flatMap(kind => kind.replicas),
      conflicts: all.flatMap(kind => kind.conflicts),
      lookAlikes: yield* lookAlikesOf(candidates),
      missing: missingOf(sources),
      resolvers: {
        tool: yield* nameResolver(built.tool.names),
        prompt: yield* nameResolver(built.prompt.names),
        resource: yield* resourceResolver(built.resource.names, built.template.names),
        template: yield* templateResolver(built.template.names),
      },
    },
  );
}

function* lookAlikesOf(candidates: Selection["candidates"]): Steps<LookAlikes[]> {
  const found = yield* perKind(kind => lookAlikes(kind, candidates[kind]));
  return KINDS.flatMap(kind => found[kind]);
}

/**
 * What one upstream offers, alone: its own names, bytes and order. Only what filters leave out is missing, and what is no
 * well-formed JSON.
 */
export function* singleCatalog(source: Source): Steps<Catalog> {
  const { candidates, hidden } = yield* selectCandidates([source], undefined);
  const upstreams = new Set<string>([source.name]);
  const built = yield* perKind(function* (kind) {
    const ofKind = candidates[kind];
    const entries = yield* mapped(ofKind, candidate => entryOf(kind, publicName(candidate.native), [candidate]));
    const routes = yield* mapped(entries, entry => ({ holder: entry.holders[0], entry }));
    return { names: { kind, entries, routes, upstreams, bare: [], aliases: [] } satisfies Names };
  });
  const resource = yield* resourceResolver(built.resource.names, built.template.names);
  return yield* catalogOf(built, {
    hidden,
    replicas: [],
    conflicts: [],
    lookAlikes: yield* lookAlikesOf(candidates),
    missing: missingOf([source]),
    resolvers: {
      tool: yield* nameResolver(built.tool.names),
      prompt: yield* nameResolver(built.prompt.names),
      resource: uri => {
        const resolution = resource(uri);
        // An upstream may serve URIs that it does not list, and here there is no doubt whom to ask.
        if (resolution.kind !== "unknown" || !source.offer?.capabilities.has("resources")) return resolution;
        return allowsUnlisted(source.filters, uri)
          ? { kind: "found", entry: unlistedResource(source, uri) }
          : resolution;
      },
      template: yield* templateResolver(built.template.names),
    },
  });
}

interface Context {
  readonly rules: CatalogRules;
  readonly prefixes: Prefixes;
  /** Who is meant by a name before the separator. */
  readonly owners: ReadonlyMap<string, string>;
  readonly upstreams: ReadonlySet<string>;
}

function* buildKind(
  kind: Kind,
  candidates: readonly Candidate[],
  shares: readonly Share[],
  context: Context,
): Steps<BuiltKind> {
  const { rules, prefixes, owners, upstreams } = context;
  const winners = new Map<Candidate, Share["listed"][number]>();
  yield* each(shares, share => {
    for (const listed of share.listed) winners.set(listed.set.first, listed);
  });
  const listed: Share["listed"][number][] = [];
  yield* each(candidates, candidate => {
    const winner = winners.get(candidate);
    if (winner) listed.push(winner);
  });
  const wishes = yield* mapped(listed, ({ set, prefixed }) => {
    return { owner: set.owner, native: set.first.native, prefixed };
  });
  const names =
    kind === "tool" || kind === "prompt"
      ? yield* assignNames(wishes, prefixes, rules.maxNameLength)
      : yield* mapped(wishes, wish => publicName(wish.native));
  const entries = yield* mapped(listed, ({ set }, index) => entryOf(kind, names[index]!, set.holders), costOf);
  const entryOfSet = new Map<CandidateSet, Entry>();
  yield* each(listed, ({ set }, index) => void entryOfSet.set(set, entries[index]!));
  const routes = yield* flatMapped(shares, share => routesOf(kind, share, entryOfSet));
  // Whoever poses as another is called by its public name or identity: the bare name is the other's to use.
  const bare = yield* flatMapped(entryOfSet, ([set, entry]): (readonly [string, Entry])[] => {
    const native = set.first.native;
    return poses(native, set, owners) ? [] : [[native, entry]];
  });
  const aliases = yield* mapped(wishes, (wish, index): readonly [string, Entry] => {
    return [prefixedName(wish, prefixes), entries[index]!];
  });
  return {
    names: { kind, entries, routes, upstreams, bare, aliases },
    hidden: yield* flatMapped(shares, share => hiddenOf(kind, share)),
    replicas: yield* flatMapped(entryOfSet, ([{ because, holders }, { name }]): ReplicaSet[] =>
      because === "alone" ? [] : [{ kind, name, upstreams: holders.map(holder => holder.upstream), because }],
    ),
    conflicts: yield* flatMapped(shares, share => (share.contested ? [conflictOf(kind, share, entryOfSet)] : [])),
  };
}

interface BuiltKind extends Pick<Catalog, "hidden" | "replicas" | "conflicts"> {
  readonly names: Names;
}

/** Its text is written anew where it gets another name. */
const costOf = ({ set }: Share["listed"][number]): number => 2 + set.first.definition.size / 2_000;

type EntryOfSet = ReadonlyMap<CandidateSet, Entry>;

/** Each holder can be asked for alone, also one that lost its name to another. */
function routesOf(kind: Kind, share: Share, entryOfSet: EntryOfSet): Route[] {
  return share.claims.flatMap(set => {
    const entry = entryOfSet.get(set);
    const byItself = (holder: Candidate, name = publicName(`${holder.upstream}:${holder.native}`)): Route => ({
      holder,
      entry: { kind, name, holders: holdersOf([holder]), definition: holder.definition },
    });
    return [
      ...set.holders.map(holder => (entry?.holders.length === 1 ? { holder, entry } : byItself(holder, entry?.name))),
      ...set.departed.map(holder => byItself(holder)),
    ];
  });
}

function hiddenOf(kind: Kind, { hidden, claims, native }: Share): Hidden[] {
  const because = (reason: string, candidates: readonly Candidate[]): Hidden[] =>
    candidates.map(({ upstream }) => {
      return { action: "hidden", upstream, kind, name: native, reason: `${reason}; ask for ${upstream}:${native}` };
    });
  return [
    ...hidden.flatMap(({ set, reason }) => because(reason, set.holders)),
    ...claims.flatMap(({ holders: [{ upstream }], departed }) =>
      because(
        `it was a replica of "${upstream}" here, and their definitions differ now: none of its calls goes to this one ` +
          'unless both are put into one group = "…"',
        departed,
      ),
    ),
  ];
}

function conflictOf(kind: Kind, share: Share, entryOfSet: EntryOfSet): Conflict {
  const upstreams = share.claims.flatMap(set => set.holders).map(holder => holder.upstream);
  const names = share.listed.map(({ set }) => entryOfSet.get(set)!.name);
  const advice = adviceOf(share.claims);
  return {
    kind,
    name: share.native,
    upstreams,
    outcome: share.outcome(names),
    ...(advice !== undefined && { advice }),
  };
}

function entryOf(kind: Kind, name: PublicName, candidates: readonly [Candidate, ...Candidate[]]): Entry {
  const [{ native, definition }] = candidates;
  const listed = String(name) === native ? definition : definition.with({ name: JSON.stringify(name) });
  return { kind, name, holders: holdersOf(candidates), definition: listed };
}

function holdersOf(candidates: readonly [Candidate, ...Candidate[]]): Entry["holders"] {
  const [first, ...others] = candidates.map(({ upstream, native, priority, definition }) => {
    return { upstream, native, priority, definition };
  });
  return [first!, ...others];
}

/** A resource that no list holds, at the upstream that serves it. */
export function unlistedResource(source: Pick<Source, "name" | "priority">, uri: string): Entry {
  const { name: upstream, priority } = source;
  const definition = Payload.of({ uri, name: uri });
  const holder = { upstream, native: nativeName(uri), priority, definition };
  return { kind: "resource", name: publicName(uri), holders: [holder], definition };
}

interface Parts extends Pick<Catalog, "hidden" | "replicas" | "conflicts" | "lookAlikes" | "missing"> {
  readonly resolvers: Readonly<Record<Kind, Resolve>>;
}

type BuiltKinds = Readonly<Record<Kind, Pick<BuiltKind, "names">>>;

function* catalogOf({ tool, prompt, resource, template }: BuiltKinds, parts: Parts): Steps<Catalog> {
  const { resolvers, ...others } = parts;
  const entries: Catalog["entries"] = {
    ...{ tool: tool.names.entries, prompt: prompt.names.entries },
    ...{ resource: resource.names.entries, template: template.names.entries },
  };
  const digests = yield* perKind(kind => digestOf(entries[kind]));
  return { entries, ...others, digests, resolve: (kind, name) => resolvers[kind](name) };
}

function* digestOf(entries: readonly Entry[]): Steps<string> {
  const digest = createHash("sha256");
  const costOf = ({ definition }: Entry): number => 1 + definition.size / 400;
  yield* each(entries, ({ definition }) => void digest.update(definition.bytes), costOf);
  return digest.digest("hex").slice(0, 16);
}

const missingOf = (sources: readonly Source[]) => sources.filter(source => !source.offer).map(source => source.name);

function* perKind<T>(make: (kind: Kind) => Steps<T>): Steps<Record<Kind, T>> {
  return {
    tool: yield* make("tool"),
    prompt: yield* make("prompt"),
    resource: yield* make("resource"),
    template: yield* make("template"),
  };
}
