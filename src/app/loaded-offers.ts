import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { KINDS, type Kind, type LoadedOffer, type Offer } from "../core/catalog.ts";
import { definitionDigest } from "../core/definition-digest.ts";
import { type LoadedDigests, loadedOffer } from "../core/loaded-offer.ts";
import { IDENTITY } from "../core/repair.ts";
import { replaceFile } from "../lib/replace-file.ts";
import { createSlices } from "../lib/slices.ts";
import { hashOf } from "./offer-store.ts";

/** What an upstream is known by here. */
export interface Loaded {
  readonly name: string;
  /** What its configuration says of it: with another one it is another upstream. */
  readonly identity: string;
  /** What is offered to most; `undefined` as long as it is not known. */
  readonly offer: Offer | undefined;
}

/**
 * What each upstream offered when its configuration was loaded: the first that is known of it under that configuration,
 * read or remembered from an earlier process. Kept on disk, so that it stays the same when the gateway is started again.
 */
export interface LoadedOffers {
  of(upstream: Loaded): LoadedOffer | undefined;
  /** Does the work of `of` before it is due, taking turns with everything else that this process does. */
  prepare(offer: Offer): Promise<void>;
}

interface Known {
  readonly identity: string;
  readonly digests: LoadedDigests;
  readonly loaded: LoadedOffer;
}

const FORMAT = 1;

/** Without a folder it is kept in memory only. A file that cannot be read or written is as good as none. */
export function createLoadedOffers(options: {
  readonly folder: string | null;
  trouble(detail: string): void;
  now(): number;
}): LoadedOffers {
  const { folder, trouble, now } = options;
  const known = new Map<string, Known>();
  const pathOf = (name: string): string => join(folder ?? "", `${hashOf(name).slice(0, 16)}.loaded.json`);

  function load(name: string, identity: string): LoadedDigests {
    if (folder === null) return {};
    try {
      return decode(JSON.parse(readFileSync(pathOf(name), "utf8")), hashOf(identity));
    } catch {
      return {};
    }
  }

  function save(name: string, { identity, digests }: Known): void {
    if (folder === null) return;
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      replaceFile(pathOf(name), encode(name, hashOf(identity), digests));
    } catch (error) {
      trouble(`what "${name}" offered at first could not be kept: ${(error as Error).message}`);
    }
  }

  const isRead = (offer: Offer, kind: Kind): boolean => !offer.unread?.includes(kind);

  function digestsOf(kind: Kind, offer: Offer): ReadonlyMap<string, string> {
    const digests = new Map<string, string>();
    for (const definition of offer.definitions[kind]) {
      const native = definition.string(IDENTITY[kind]);
      // Of a name that is listed twice the first counts.
      if (native !== undefined && !digests.has(native)) digests.set(native, definitionDigest(definition));
    }
    return digests;
  }

  return {
    of({ name, identity, offer }) {
      const before = known.get(name);
      const digests = before?.identity === identity ? before.digests : load(name, identity);
      const news = KINDS.filter(kind => offer && digests[kind] === undefined && isRead(offer, kind));
      if (before?.identity === identity && news.length === 0) return before.loaded;
      const all = { ...digests, ...Object.fromEntries(news.map(kind => [kind, digestsOf(kind, offer!)])) };
      const now = { identity, digests: all, loaded: loadedOffer(all) };
      known.set(name, now);
      if (news.length > 0) save(name, now);
      return now.loaded;
    },
    async prepare(offer) {
      const slices = createSlices(now);
      for (const definition of KINDS.flatMap(kind => offer.definitions[kind])) {
        definitionDigest(definition);
        await slices.rest();
      }
    },
  };
}

function encode(upstream: string, identity: string, digests: LoadedDigests): string {
  const kinds = KINDS.flatMap(kind => (digests[kind] ? [[kind, [...digests[kind]]]] : []));
  return JSON.stringify({ format: FORMAT, upstream, identity, ...Object.fromEntries(kinds) });
}

function decode(file: Readonly<Record<string, unknown>>, identity: string): LoadedDigests {
  if (file.format !== FORMAT || file.identity !== identity) return {};
  const kinds = KINDS.flatMap(kind => (Array.isArray(file[kind]) ? [[kind, new Map(file[kind])]] : []));
  return Object.fromEntries(kinds) as LoadedDigests;
}
