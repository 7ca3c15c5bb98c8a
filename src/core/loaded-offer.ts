import { createHash } from "node:crypto";
import { KINDS, type Kind } from "./catalog.ts";

/**
 * What one upstream offered when its configuration was loaded. Who is a replica without being told is decided by this and
 * not by what comes later, so that nobody becomes one by copying another.
 */
export interface LoadedOffer {
  /** Whether its list of that kind was read then. */
  knows(kind: Kind): boolean;
  /** Digest of the whole definition of that name or URI; `undefined` where there was none. */
  digest(kind: Kind, native: string): string | undefined;
  /** Equal for upstreams that offered exactly the same; `undefined` for one that offered nothing. */
  readonly whole: string | undefined;
}

/** Per kind, native name → digest of its definition. A kind whose list was never read is left out. */
export type LoadedDigests = Partial<Readonly<Record<Kind, ReadonlyMap<string, string>>>>;

export function loadedOffer(digests: LoadedDigests): LoadedOffer {
  let whole: string | undefined;
  return {
    knows: kind => digests[kind] !== undefined,
    digest: (kind, native) => digests[kind]?.get(native),
    get whole() {
      if (KINDS.every(kind => (digests[kind]?.size ?? 0) === 0)) return undefined;
      whole ??= wholeOf(digests);
      return whole;
    },
  };
}

function wholeOf(digests: LoadedDigests): string {
  const hash = createHash("sha256");
  for (const kind of KINDS) {
    const entries = [...(digests[kind] ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
    hash.update(JSON.stringify([kind, digests[kind] !== undefined, entries]));
  }
  return hash.digest("base64");
}
