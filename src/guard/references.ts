import { LRUCache } from "lru-cache";
import { unlistedResource } from "../core/build-catalog.ts";
import { broken, type Call, type Caller, type Handle, type Outcome } from "../core/call.ts";
import type { Entry, Resolution, Source } from "../core/catalog.ts";
import { allowsUnlisted } from "../core/filters.ts";
import { methodOf } from "../core/methods.ts";
import type { Principal, UpstreamName } from "../core/names.ts";
import { returning } from "../core/pass.ts";
import { contentUris, MAX_REFERENCE, referencesIn } from "../core/references.ts";

export interface ReferencesLayer {
  (next: Handle): Handle;
  /** Notes what an upstream has named. */
  learn(who: Who, upstream: UpstreamName, uris: readonly string[]): void;
  /**
   * Which upstream has named that URI to this principal, when the catalog does not know it, or knows it of an upstream that
   * comes later by priority and order; else what the catalog says.
   */
  resolve(who: Who, uri: string, known: Resolution): Resolution;
  /** Forgets what any other upstream has named. */
  keep(upstreams: ReadonlySet<UpstreamName>): void;
}

/** Whom something was told, and where. */
export interface Who {
  readonly caller: Pick<Caller, "principal">;
  readonly view: Call["view"];
}

export interface ReferencesOptions {
  /** The upstreams that serve resources, best first. */
  serving(): readonly Serving[];
}

type Serving = Pick<Source, "name" | "priority" | "filters">;

const MAX_BYTES = 16 * 1024 * 1024;
/** An upstream that names more forgets its own. */
const MAX_URIS = 1_000;
const MAX_URIS_BYTES = 256 * 1024;
const URI_OVERHEAD_BYTES = 64;
const LIST_OVERHEAD_BYTES = 512;

/** What one upstream has named to one principal, what was named last at the end. */
interface Named {
  readonly upstream: UpstreamName;
  readonly uris: Set<string>;
  readonly bytes: number;
}

/**
 * What the result of a call refers to can be read from whoever gave it, also when it is in no list and fits no template.
 * In the view of one upstream there is no doubt whom to ask; in that of all, what each upstream has named is remembered
 * for the principal that it was named to, and is a claim like that of a list or a template: the upstream of the best priority
 * is asked, whatever it claims it by. Whoever names more than is kept forgets its own.
 */
export function references({ serving }: ReferencesOptions): ReferencesLayer {
  const named = new LRUCache<string, Named>({
    maxSize: MAX_BYTES,
    sizeCalculation: ({ bytes }, key) => bytes + key.length + LIST_OVERHEAD_BYTES,
  });

  function add(principal: Principal, upstream: UpstreamName, uris: readonly string[]): void {
    const key = keyOf(principal, upstream);
    const known = named.get(key);
    const all = known?.uris ?? new Set<string>();
    let bytes = known?.bytes ?? 0;
    for (const uri of uris) {
      if (all.delete(uri)) bytes -= bytesOf(uri);
      all.add(uri);
      bytes += bytesOf(uri);
    }
    for (const uri of all) {
      if (all.size <= MAX_URIS && bytes <= MAX_URIS_BYTES) break;
      all.delete(uri);
      bytes -= bytesOf(uri);
    }
    named.set(key, { upstream, uris: all, bytes });
  }

  function learn({ caller, view }: Who, upstream: UpstreamName, uris: readonly string[]): void {
    const fit = uris.filter(uri => uri.length <= MAX_REFERENCE);
    if (view.kind === "all" && fit.length > 0) add(caller.principal, upstream, fit);
  }

  function resolve({ caller, view }: Who, uri: string, known: Resolution): Resolution {
    if (view.kind !== "all" || named.size === 0 || known.kind === "ambiguous") return known;
    // What a filter leaves out is not reached by being named.
    const has = ({ name, filters }: Serving, native: string): boolean =>
      allowsUnlisted(filters, native) && (named.get(keyOf(caller.principal, name))?.uris.has(native) ?? false);
    const sources = serving();
    const asked = sources.find(({ name }) => uri.startsWith(`${name}:`));
    const naming = (among: readonly Serving[]): Resolution | undefined => {
      if (asked && among.includes(asked)) {
        const native = uri.slice(asked.name.length + 1);
        if (has(asked, native)) return found(asked, native);
        // A URI that begins with an upstream's name is that upstream's before it is another's.
        if (has(asked, uri)) return found(asked, uri);
      }
      const source = among.find(each => has(each, uri));
      return source && found(source, uri);
    };
    if (known.kind === "unknown") return naming(sources) ?? known;
    const better = sources.slice(0, placeOf(known.entry, sources));
    return (asked && !better.includes(asked) ? undefined : naming(better)) ?? known;
  }

  const layer = (next: Handle): Handle =>
    function remembered(call, done) {
      const learned = returning(done, broken, (outcome: Outcome) => {
        note(call, outcome);
        return outcome;
      });
      next(resolved(call), learned);
    };

  function note(call: Call, outcome: Outcome): void {
    if (outcome.kind !== "done" || !outcome.route || call.view.kind !== "all") return;
    const { result, route } = outcome;
    const uris =
      methodOf(call.method).result === "contents" ? contentUris(result, MAX_URIS) : referencesIn(result, MAX_URIS);
    if (uris.length > 0) learn(call, route.upstream, uris);
  }

  function resolved(call: Call): Call {
    if (methodOf(call.method).result !== "contents") return call;
    if (call.subject === undefined || call.target === undefined) return call;
    const subject = resolve(call, call.target, call.subject);
    return subject === call.subject ? call : { ...call, subject };
  }

  function keep(upstreams: ReadonlySet<UpstreamName>): void {
    for (const [key, { upstream }] of named.entries()) if (!upstreams.has(upstream)) named.delete(key);
  }

  return Object.assign(layer, { learn, resolve, keep });
}

/** Where the best of those that the catalog asks stands among the upstreams. */
function placeOf({ holders }: Entry, sources: readonly Serving[]): number {
  const at = sources.findIndex(({ name }) => holders.some(({ upstream }) => upstream === name));
  return Math.max(0, at);
}

const bytesOf = (uri: string): number => 2 * uri.length + URI_OVERHEAD_BYTES;

const keyOf = (principal: Principal, upstream: UpstreamName): string => JSON.stringify([upstream, principal]);

const found = ({ name, priority }: Pick<Source, "name" | "priority">, uri: string): Resolution => ({
  kind: "found",
  entry: unlistedResource({ name, priority }, uri),
});
