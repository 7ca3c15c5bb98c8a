import { createHash } from "node:crypto";
import { selectCandidates } from "./candidates.ts";
import { type Catalog, type Conflict, type Entry, type Hidden, KINDS, type Kind, type Source } from "./catalog.ts";
import { adviceOf, type NamingRules, poses, type Share, shareNames } from "./conflict.ts";
import { allowsUnlisted } from "./filters.ts";
import { lookAlikes, skeleton } from "./look-alikes.ts";
import { nativeName, type PublicName, publicName } from "./names.ts";
import { assignNames, type Prefixes, prefixedName, prefixesFor } from "./naming.ts";
import { Payload } from "./payload.ts";
import type { Repairs } from "./repairs.ts";
import type { Candidate, CandidateSet } from "./replicas.ts";
import { type Names, nameResolver, type Resolve, type Route, resourceResolver, templateResolver } from "./resolve.ts";
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
export function buildCatalog(rules: CatalogRules): Catalog {
  const { sources } = rules;
  const { candidates, hidden } = selectCandidates(sources, rules.repairs);
  const prefixes = prefixesFor(sources.map(source => source.group ?? source.name));
  const owners = new Map<string, string>(sources.map(source => [source.name, source.group ?? source.name]));
  for (const [owner, prefix] of prefixes) owners.set(prefix, owner);
  // Whatever looks like them.
  for (const [prefix, owner] of [...owners]) if (!owners.has(skeleton(prefix))) owners.set(skeleton(prefix), owner);
  const upstreams = new Set<string>(sources.map(source => source.name));
  const shared = perKind(kind => shareNames(kind, candidates[kind], { rules, owners }));
  const shares = { ...shared, ...withoutRivals(shared) };
  const built = perKind(kind =>
    buildKind(kind, candidates[kind], shares[kind], { rules, prefixes, owners, upstreams }),
  );
  const all = KINDS.map(kind => built[kind]);
  return catalogOf(
    perKind(kind => built[kind].names.entries),
    {
      hidden: [...hidden, ...all.flatMap(kind => kind.hidden)],
      replicas: all.flatMap(kind => kind.replicas),
      conflicts: all.flatMap(kind => kind.conflicts),
      lookAlikes: KINDS.flatMap(kind => lookAlikes(kind, candidates[kind])),
      missing: missingOf(sources),
      resolvers: {
        tool: nameResolver(built.tool.names),
        prompt: nameResolver(built.prompt.names),
        resource: resourceResolver(built.resource.names, built.template.names),
        template: templateResolver(built.template.names),
      },
    },
  );
}

/**
 * What one upstream offers, alone: its own names, bytes and order. Only what filters leave out is missing, and what is no
 * well-formed JSON.
 */
export function singleCatalog(source: Source): Catalog {
  const { candidates, hidden } = selectCandidates([source], undefined);
  const names = perKind((kind): Names => {
    const entries = candidates[kind].map(candidate => entryOf(kind, publicName(candidate.native), [candidate]));
    const routes = entries.map(entry => ({ holder: entry.holders[0], entry }));
    return { kind, entries, routes, upstreams: new Set([source.name]), bare: [], aliases: [] };
  });
  const resource = resourceResolver(names.resource, names.template);
  return catalogOf(
    perKind(kind => names[kind].entries),
    {
      hidden,
      replicas: [],
      conflicts: [],
      lookAlikes: KINDS.flatMap(kind => lookAlikes(kind, candidates[kind])),
      missing: missingOf([source]),
      resolvers: {
        tool: nameResolver(names.tool),
        prompt: nameResolver(names.prompt),
        resource: uri => {
          const resolution = resource(uri);
          // An upstream may serve URIs that it does not list, and here there is no doubt whom to ask.
          if (resolution.kind !== "unknown" || !source.offer?.capabilities.has("resources")) return resolution;
          return allowsUnlisted(source.filters, uri)
            ? { kind: "found", entry: unlistedResource(source, uri) }
            : resolution;
        },
        template: templateResolver(names.template),
      },
    },
  );
}

interface Context {
  readonly rules: CatalogRules;
  readonly prefixes: Prefixes;
  /** Who is meant by a name before the separator. */
  readonly owners: ReadonlyMap<string, string>;
  readonly upstreams: ReadonlySet<string>;
}

function buildKind(kind: Kind, candidates: readonly Candidate[], shares: readonly Share[], context: Context) {
  const { rules, prefixes, owners, upstreams } = context;
  const winners = new Map(shares.flatMap(share => share.listed).map(listed => [listed.set.first, listed]));
  const listed = candidates.flatMap(candidate => winners.get(candidate) ?? []);
  const wishes = listed.map(({ set, prefixed }) => ({ owner: set.owner, native: set.first.native, prefixed }));
  const names =
    kind === "tool" || kind === "prompt"
      ? assignNames(wishes, prefixes, rules.maxNameLength)
      : wishes.map(wish => publicName(wish.native));
  const entries = listed.map(({ set }, index) => entryOf(kind, names[index]!, set.holders));
  const entryOfSet = new Map(listed.map(({ set }, index) => [set, entries[index]!]));
  const routes = shares.flatMap(share => routesOf(kind, share, entryOfSet));
  // Whoever poses as another is called by its public name or identity: the bare name is the other's to use.
  const bare = [...entryOfSet].flatMap(([set, entry]) => {
    const native = set.first.native;
    return poses(native, set, owners) ? [] : [[native, entry] as const];
  });
  const aliases = wishes.map((wish, index) => [prefixedName(wish, prefixes), entries[index]!] as const);
  return {
    names: { kind, entries, routes, upstreams, bare, aliases } satisfies Names,
    hidden: shares.flatMap(share => hiddenOf(kind, share)),
    replicas: [...entryOfSet].flatMap(([{ because, holders }, { name }]) =>
      because === "alone" ? [] : [{ kind, name, upstreams: holders.map(holder => holder.upstream), because }],
    ),
    conflicts: shares.filter(share => share.contested).map(share => conflictOf(kind, share, entryOfSet)),
  };
}

type EntryOfSet = ReadonlyMap<CandidateSet, Entry>;

/** Each holder can be asked for alone, also one that lost its name to another. */
function routesOf(kind: Kind, share: Share, entryOfSet: EntryOfSet): Route[] {
  return share.claims.flatMap(set => {
    const entry = entryOfSet.get(set);
    const byItself = (holder: Candidate, name = publicName(`${holder.upstream}:${holder.native}`)): Route => ({
      holder,
      entry: { ...entryOf(kind, name, [holder]), definition: holder.definition },
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
  const [first, ...others] = candidates.map(({ upstream, native, priority, definition }) => {
    return { upstream, native, priority, definition };
  });
  return { kind, name, holders: [first!, ...others], definition: listed };
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

function catalogOf(entries: Catalog["entries"], { resolvers, ...parts }: Parts): Catalog {
  const digests = perKind(kind => {
    const digest = createHash("sha256");
    for (const entry of entries[kind]) digest.update(entry.definition.bytes);
    return digest.digest("hex").slice(0, 16);
  });
  return { entries, ...parts, digests, resolve: (kind, name) => resolvers[kind](name) };
}

const missingOf = (sources: readonly Source[]) => sources.filter(source => !source.offer).map(source => source.name);

function perKind<T>(make: (kind: Kind) => T): Record<Kind, T> {
  return { tool: make("tool"), prompt: make("prompt"), resource: make("resource"), template: make("template") };
}
